"""The GIL probe, and whole programs under it.

``gil`` is the monitor, ``reading`` the meaning of its counts, ``free_threading`` who switched the GIL back on,
``program`` a script or module under the monitor, ``latency`` how long a thread that wakes up waits; ``_gilprobe`` is
the native thread.
"""
