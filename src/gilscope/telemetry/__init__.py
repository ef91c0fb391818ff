"""The GIL probe, and whole programs under it.

``gil`` is the monitor, ``reading`` the meaning of its counts, ``free_threading`` who switched the GIL back on,
``program`` a script or module under the monitor, ``latency`` how long a thread that wakes up waits; ``_gilprobe`` is
the native thread, which ``sampler`` makes. ``stacks`` are those of threads that hold it or wait, ``frames`` makes them
of what the probe read. ``attach`` is the monitor of another process, ``process`` finds the interpreter in it, ``elf``
reads its files.
"""
