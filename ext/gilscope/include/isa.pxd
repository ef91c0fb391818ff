# isa.pxi says with these what every compiled kernel module must say of itself.

cdef extern from "isa.h":
    const char *gilscope_isa() nogil
    int gilscope_cpu_has_v3() nogil


cdef inline str isa_name():
    """Name of the instruction set this module is compiled for."""
    return gilscope_isa().decode("ascii")


cdef inline object cpu_has_v3():
    """Whether the CPU this process runs on has x86-64-v3."""
    return bool(gilscope_cpu_has_v3())
