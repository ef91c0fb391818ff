"""The kernels compiled for several CPUs, beside C: ``python benchmarks/yardstick/compare.py --targets [KERNEL...]``.

Serial, all on this CPU: plain C, C in vectors (``simd/``), OpenBLAS for gemm, Cython with several ``-march`` and Numba
with several ``NUMBA_CPU_NAME`` (and only the instructions of that CPU). Each is a process of its own, told in turn to
run for a moment; the minimum over all turns counts, because neighbours on the machine only ever add time.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import plain_c
from compare import Bench

from gilscope import kernels

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(__file__).resolve().parent / "build"
HOST = "native"
TARGETS = (HOST, "haswell", "skylake-avx512", "znver3", "znver4", "x86-64-v3")
TURNS = 20
TURN_S = 0.04
OF_C, OF_BLAS, BETWEEN, ACROSS = 0.9, {"cython": 0.85, "numba": 0.7}, 1.15, 1.3  # what is asked of every kernel
OF_ARRAYS = 0.95  # of plain C on NumPy's arrays, where memory decides
BY_MEMORY = "triad", "jacobi2d"

REASONS = {  # what is known of why a kernel misses what is asked for
    "mandelbrot": "LLVM looks at who is inside lane by lane; AVX2 has half the lanes, and no sums under a mask",
    "floyd_warshall": "Numba is called once per phase, at a microsecond a call",
    "montecarlo_pi": "AVX2 has no product of 64-bit integers: three vpmuludq, two shifts and two sums for a vpmullq",
}


def cython_settings() -> tuple[dict[str, Any], list[str]]:
    """Return the directives and macros that setup.py compiles with."""
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    settings = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    directives, macros = (ast.literal_eval(settings[name]) for name in ("DIRECTIVES", "PER_INTERPRETER"))
    return directives, list(macros)


def cython_source(kernel: str) -> None:
    """Turn a kernel's ``_cy.pyx`` into C, once for all targets."""
    from Cython.Build import cythonize
    from setuptools import Extension

    os.chdir(ROOT)
    cythonize(
        [Extension(f"gilscope.kernels.{kernel}._cy", [f"ext/gilscope/kernels/{kernel}/_cy.pyx"])],
        include_path=["ext", "ext/gilscope/include"],
        build_dir=str(BUILD / "cython"),
        compiler_directives=cython_settings()[0],
        quiet=True,
    )


def cython_module(kernel: str, target: str) -> Path:
    """Compile what ``cython_source`` made with ``-march=target`` and the flags of setup.py; return the library."""
    source = BUILD / "cython/ext/gilscope/kernels" / kernel / "_cy.c"
    library = BUILD / target / f"{kernel}.so"
    library.parent.mkdir(parents=True, exist_ok=True)
    flags = [f"-march={target}" if flag == "-march=native" else flag for flag in plain_c.FLAGS]
    flags += [f"-D{name}=1" for name in cython_settings()[1]]
    flags += [f"-I{ROOT}/ext/gilscope/include", f"-I{sysconfig.get_path('include')}"]
    compiler = os.environ.get("CC", "gcc")
    subprocess.run([compiler, *flags, "-o", library, source, "-lm"], check=True, stderr=subprocess.DEVNULL)
    return library


def call_of(bench: Bench, way: str, target: str) -> Callable[[], Any] | None:
    """Return one way to compute a kernel as a call without arguments, or None if it cannot be used here."""
    if way in ("c", "simd", "c_arrays"):
        return bench.plain(0, way.removesuffix("_arrays"))
    if way != "cython":
        return bench.implementation("nb_nogil" if way == "numba" else way, 0)
    spec = spec_from_file_location("_cy", cython_module(bench.spec.name, target))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return bench.whole(module.cy_nogil)


def serve(kernel: str, size: str, way: str, target: str) -> None:
    """Verify one way, then measure it for a moment whenever a line comes in; print the minimum so far, in seconds."""
    bench = Bench(kernels.load(kernel), size, numpy_arrays=way == "c_arrays")
    call = call_of(bench, way, target)
    if call is None:
        raise SystemExit("cannot be used here")
    bench.verified(way, call)
    best_s = float("inf")
    print(best_s, flush=True)
    for _ in sys.stdin:
        until = time.perf_counter() + TURN_S
        while (start := time.perf_counter()) < until:
            call()
            best_s = min(best_s, time.perf_counter() - start)
            bench.spec.reset(bench.params, bench.buffers)
        print(best_s, flush=True)


def start(kernel: str, size: str, way: str, target: str) -> subprocess.Popen[str]:
    """Start the process of one way."""
    variables = dict(os.environ)
    if way == "numba" and target != HOST:
        variables |= {"NUMBA_CPU_NAME": target, "NUMBA_CPU_FEATURES": ""}
    command = [sys.executable, __file__, kernel, size, way, target]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=variables)


def told(process: subprocess.Popen[str], word: str = "") -> float | None:
    """Return what a process answers, seconds; None if it has ended: this CPU or compiler does not know the target."""
    assert process.stdin is not None
    assert process.stdout is not None
    if word:
        process.stdin.write(word)
        process.stdin.flush()
    answer = process.stdout.readline()
    return float(answer) if answer else None


def measured(kernel: str, size: str) -> dict[tuple[str, str], float]:
    """Return the minimum of each way and target, seconds."""
    ways = [("c", HOST)] + [("simd", HOST)] * (kernel in plain_c.kernels_in_c("simd"))
    ways += [("np_vec", HOST)] * (kernel == "gemm") + [("c_arrays", HOST)] * (kernel in BY_MEMORY)
    ways += [(way, target) for way in ("cython", "numba") for target in TARGETS]
    cython_source(kernel)
    processes = {way: start(kernel, size, *way) for way in ways}
    try:
        running = [way for way in ways if told(processes[way]) is not None]
        seconds = {}
        for _ in range(TURNS):
            for way in running:
                answer = told(processes[way], "go\n")
                assert answer is not None
                seconds[way] = answer
        return seconds
    finally:
        for process in processes.values():
            process.communicate()


def judged(kernel: str, seconds: dict[tuple[str, str], float]) -> dict[str, tuple[float, bool]]:
    """Return the figures that are asked for: by name, the figure and whether it is good enough."""
    reference = seconds.get(("np_vec", HOST)) or min(seconds.get((way, HOST), 9e9) for way in ("c", "simd"))
    figures = {}
    for way in ("cython", "numba"):
        own = {target: value for (name, target), value in seconds.items() if name == way}
        if HOST not in own:
            continue
        share, spread = reference / own[HOST], max(own.values()) / min(own.values())
        figures[f"{way} of the best C"] = share, share >= (OF_BLAS[way] if kernel == "gemm" else OF_C)
        figures[f"{way}, worst target / best"] = spread, spread <= ACROSS
        if ("c_arrays", HOST) in seconds:
            on_arrays = seconds["c_arrays", HOST] / own[HOST]
            figures[f"{way} of C on NumPy's arrays"] = on_arrays, on_arrays >= OF_ARRAYS
    if ("cython", HOST) in seconds and ("numba", HOST) in seconds:
        ratio = seconds["numba", HOST] / seconds["cython", HOST]
        figures["numba / cython"] = ratio, 1 / BETWEEN <= ratio <= BETWEEN
    return figures


def show(names: list[str], size: str) -> None:
    """Measure and print; a figure that misses what is asked for has a star."""
    columns = [f"{target[:10]:>10}" for target in TARGETS]
    print(f"ms; n/a: this CPU, compiler or LLVM does not know the target; OpenBLAS: {blas_kernel()}")
    print(f"{'kernel':15} {'way':8} {' '.join(columns)}")
    missed = []
    for name in names:
        seconds = measured(name, size)
        for way in dict.fromkeys(way for way, _ in seconds):
            cells = [f"{1e3 * seconds[way, t]:10.2f}" if (way, t) in seconds else f"{'n/a':>10}" for t in TARGETS]
            print(f"{name:15} {way:8} {' '.join(cells) if way in ('cython', 'numba') else cells[0]}", flush=True)
        figures = judged(name, seconds)
        marked = [f"{what} {figure:.2f}{'' if good else '*'}" for what, (figure, good) in figures.items()]
        print(f"{name:15} -> {'; '.join(marked)}", flush=True)
        if not all(good for _, good in figures.values()) and name in REASONS:
            print(f"{'':15}    {REASONS[name]}")
        missed += [f"{name}: {what} {figure:.2f}" for what, (figure, good) in figures.items() if not good]
    print("missed: " + ("; ".join(missed) or "nothing"))


def blas_kernel() -> str:
    """Name the kernel OpenBLAS has chosen for this CPU."""
    try:
        import numpy as np  # loads BLAS
        from threadpoolctl import threadpool_info
    except ImportError:
        return "n/a: NumPy or threadpoolctl is not installed"
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return f"{found[0].get('architecture')} {found[0]['version']} of NumPy {np.__version__}" if found else "n/a"


if __name__ == "__main__":
    serve(*sys.argv[1:])
