from gilscope.core.spec import Buffers, Params

ISA: str
CPU_HAS_V3: bool

def cy_gil(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None: ...
def cy_nogil(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None: ...
