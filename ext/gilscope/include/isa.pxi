# What every compiled kernel module says of itself: include "isa.pxi"

from isa cimport cpu_has_v3, isa_name

ISA = isa_name()
CPU_HAS_V3 = cpu_has_v3()
