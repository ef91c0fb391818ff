from gilscope.core.spec import Buffers, Params

ISA: str
CPU_HAS_V3: bool

def cy_prange(workers: int, params: Params, buffers: Buffers) -> None: ...
