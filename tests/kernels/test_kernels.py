"""Loading, availability, poisoning, digests and verification."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gilscope import kernels
from gilscope.core.errors import UnavailableError, UnknownNameError
from gilscope.core.registry import IMPLEMENTATIONS, KERNELS, PROBES, SIZES
from gilscope.core.spec import Impl
from tests.kernels.harness import Workbench

ROOT = Path(str(kernels.__file__)).parent


def test_the_registry_lists_the_folders() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/spec.py")}
    assert folders == {*KERNELS, *PROBES}


@pytest.mark.parametrize("name", [*KERNELS, *PROBES])
def test_a_spec_is_named_like_its_folder_and_lists_known_words(name: str) -> None:
    spec = kernels.load(name)
    assert spec.name == name
    assert spec.kind == ("kernel" if name in KERNELS else "probe")
    assert tuple(spec.sizes) == SIZES
    words = [impl.name for impl in spec.impls]
    assert len(words) == len(set(words))
    assert set(words) <= set(IMPLEMENTATIONS)


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_answers_for_every_implementation_word(name: str) -> None:
    spec = kernels.load(name)
    assert {impl.name for impl in spec.impls} == set(IMPLEMENTATIONS)
    assert all(impl.target or impl.unavailable for impl in spec.impls)


def test_an_unknown_kernel_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'mandelbrot'"):
        kernels.load("mandelbort")


def test_a_missing_package_is_a_reason_with_its_cure() -> None:
    spec = kernels.load("nbody")
    impl = Impl(name="nb_gil", target="._nb:nb_gil", gil="held", needs=("no_such_package",))
    found = kernels.availability(spec, impl)
    assert not found.ok
    assert "no_such_package is not installed" in found.reason
    assert "pip install" in found.cure


def test_an_extra_is_named_in_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    impl = kernels.load("nbody").impl("nb_gil")
    assert impl is not None
    assert kernels.availability(kernels.load("nbody"), impl).cure.endswith("pip install 'gilscope[numba]'")


def test_a_missing_extension_is_a_reason_with_its_cure() -> None:
    impl = Impl(name="cy_gil", target="._not_built:cy_gil", gil="held")
    found = kernels.availability(kernels.load("nbody"), impl)
    assert not found.ok
    assert "gilscope.kernels.nbody._not_built is not built" in found.reason
    assert found.cure


def test_what_a_kernel_does_not_have_is_unavailable_with_the_reason() -> None:
    spec = kernels.load("triad")
    impl = spec.impl("std_c")
    assert impl is not None
    assert kernels.availability(spec, impl).reason == impl.unavailable != ""
    with pytest.raises(UnavailableError, match="triad/std_c"):
        kernels.resolve("triad", impl)


def test_poison_overwrites_all_but_the_inputs() -> None:
    bench = Workbench(kernels.load("nbody"), "XS")
    before = {name: view.tobytes() for name, view in bench.buffers.items()}
    kernels.poison(bench.spec, bench.params, bench.buffers)
    for buffer in bench.spec.layout(bench.params):
        now = bench.buffers[buffer.name].tobytes()
        assert now == (before[buffer.name] if buffer.role == "input" else b"\xab" * buffer.nbytes)


@pytest.mark.parametrize("name", KERNELS)
def test_a_poisoned_answer_is_wrong(name: str) -> None:
    bench = Workbench(kernels.load(name), "XS")
    kernels.poison(bench.spec, bench.params, bench.buffers)
    assert bench.complaint(0) is not None


@pytest.mark.parametrize("name", KERNELS)
def test_one_changed_output_is_found(name: str) -> None:
    bench = Workbench(kernels.load(name), "XS")
    impl = bench.spec.impl("py_loop")
    assert impl is not None
    result = bench.run(impl)
    assert bench.complaint(result) is None
    outputs = bench.spec.outputs(bench.params)
    if outputs:
        buffer, _, hi = outputs[0]
        bench.buffers[buffer][hi - 1] += 1
    else:
        result = [result[0] + 1, *result[1:]] if isinstance(result, list) else result + 1
    assert bench.complaint(result) is not None


def test_verify_says_both_digests_when_nothing_else_is_known() -> None:
    spec = kernels.load("montecarlo_pi")
    bench = Workbench(replace(spec, digests={"XS": "0" * 32}), "XS")
    impl = spec.impl("py_loop")
    assert impl is not None
    assert "expected 000000000000" in str(bench.complaint(bench.run(impl)))


@pytest.mark.parametrize("name", [*KERNELS, *PROBES])
def test_slices_of_all_chunks_cover_the_outputs_and_stay_in_the_buffers(name: str) -> None:
    spec = kernels.load(name)
    params = spec.sizes["XS"]
    lengths = {buffer.name: buffer.length for buffer in spec.layout(params)}
    written: dict[str, set[int]] = {buffer: set() for buffer in lengths}
    for phase in range(spec.phases(params)):
        for lo in range(spec.extent(params)):
            for buffer, first, last in (
                *spec.reads(params, phase, lo, lo + 1),
                *spec.writes(params, phase, lo, lo + 1),
            ):
                assert 0 <= first <= last <= lengths[buffer]
            for buffer, first, last in spec.writes(params, phase, lo, lo + 1):
                written[buffer].update(range(first, last))
    roles = {buffer.name: buffer.role for buffer in spec.layout(params)}
    for buffer, first, last in spec.outputs(params):
        unwritten = set(range(first, last)) - written[buffer]
        # State may keep cells that reset() restores and nobody writes: the border of jacobi2d.
        assert not unwritten or (roles[buffer] == "state" and written[buffer])


def test_specs_and_oracles_import_the_standard_library_only() -> None:
    script = (
        "import sys, json, importlib\n"
        "from gilscope import kernels\n"
        "from gilscope.core.registry import KERNELS, PROBES\n"
        "for spec in map(kernels.load, (*KERNELS, *PROBES)):\n"
        "    [kernels.availability(spec, impl) for impl in spec.impls]\n"
        "for name in KERNELS:\n"
        "    importlib.import_module(f'gilscope.kernels.{name}._py')\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    output = subprocess.run([sys.executable, "-I", "-c", script], check=True, capture_output=True, text=True).stdout
    foreign = set(json.loads(output)) - set(sys.stdlib_module_names) - {"gilscope", "__main__"}
    # Installers bring finders of their own, and Cython registers what its modules share.
    allowed = ("__editable__", "_distutils_hack", "cython_runtime", "_cython_")
    assert [name for name in sorted(foreign) if not name.startswith(allowed)] == []


def test_every_extension_says_its_instruction_set() -> None:
    sources = Path(__file__).parents[2] / "ext" / "gilscope" / "kernels"
    for source in sources.rglob("_cy*.pyx"):
        assert source.read_text().endswith(('\ninclude "isa.pxi"\n', '\ninclude "chunk.pxi"\n')), source
