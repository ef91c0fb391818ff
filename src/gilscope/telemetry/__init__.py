"""Looking at the interpreter from outside: the GIL probe and whole programs under it.

``gil`` is the monitor, ``reading`` what its counts mean, ``free_threading`` who switched the GIL back on, ``program``
a script or module run under the monitor; ``_gilprobe`` is the native thread.
"""
