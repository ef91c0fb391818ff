"""The words of the registry are the folders and files there are; unknown words are answered with the nearest."""

from __future__ import annotations

from pathlib import Path

import pytest

import gilscope
from gilscope import kernels
from gilscope.core import registry
from gilscope.core.errors import UnknownNameError, UsageError

SOURCE = Path(gilscope.__file__).parent


def test_kernels_and_probes_are_the_folders_of_kernels():
    folders = {path.parent.name for path in SOURCE.glob("kernels/*/spec.py")}
    assert folders == {*registry.KERNELS, *registry.PROBES}
    assert not set(registry.KERNELS) & set(registry.PROBES)


def test_executors_are_the_files_of_executors():
    files = {path.stem for path in SOURCE.glob("executors/*.py") if not path.stem.startswith("_")}
    assert files == set(registry.EXECUTORS)


def test_flagships_are_kernels():
    assert set(registry.FLAGSHIPS) <= set(registry.KERNELS)


@pytest.mark.parametrize("name", [*registry.KERNELS, *registry.PROBES])
def test_a_kernel_uses_registered_words_and_names_functions_after_implementations(name):
    spec = kernels.load(name)
    assert spec.name == name
    assert spec.kind == ("probe" if name in registry.PROBES else "kernel")
    assert {impl.name for impl in spec.impls} <= set(registry.IMPLEMENTATIONS)
    assert len({impl.name for impl in spec.impls}) == len(spec.impls)
    assert set(spec.sizes) <= set(registry.SIZES)
    for impl in spec.impls:
        if not impl.unavailable:
            assert impl.target.rpartition(":")[2] == impl.name


@pytest.mark.parametrize(
    "words", [getattr(registry, name) for name in registry.__all__ if name.isupper()], ids=lambda words: words[0]
)
def test_no_word_is_there_twice(words):
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(
    ("word", "close"), [("mandelbrott", "mandelbrot"), ("NBODY", "nbody"), ("thread", "threads"), ("qqq", None)]
)
def test_nearest_is_the_word_that_looks_most_alike_or_none(word, close):
    assert registry.nearest(word, [*registry.KERNELS, *registry.EXECUTORS]) == close


def test_known_words_keep_their_order_and_lose_repetitions():
    assert registry.check_names("kernel", ["triad", "nbody", "triad"], registry.KERNELS) == ("triad", "nbody")


def test_an_unknown_word_is_answered_with_the_nearest_and_all():
    with pytest.raises(UnknownNameError, match=r"unknown kernel 'nbdy': did you mean 'nbody'\? known are mandelbrot,"):
        registry.check_names("kernel", ["triad", "nbdy"], registry.KERNELS)
    with pytest.raises(UsageError, match=r"unknown executor 'zzz': known are serial,"):
        registry.check_names("executor", ["zzz"], registry.EXECUTORS)


IDS = (
    "nbody/cy_nogil@serial#M",
    "nbody/cy_nogil@threads*2#M",
    "nbody/cy_nogil@processes.spawn*2#M",
    "nbody/py_loop@threads*2#M",
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nbody/cy_nogil@threads*2#M", IDS[1]),
        ("cy_nogil@threads*2", IDS[1]),
        ("py_loop", IDS[3]),
        ("cy_nogil  serial", IDS[0]),
        ("cy_nogil processes 2! M", IDS[2]),
        ("processes.spawn 2", IDS[2]),
    ],
)
def test_an_id_is_found_by_what_only_it_has(text: str, found: str) -> None:
    assert registry.id_of(text, IDS, "here", "there") == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("threads*2", "'threads\\*2' may be nbody/cy_nogil@threads\\*2#M, nbody/py_loop@threads\\*2#M: say more of it"),
        ("nbody/cy_nogil@thread*2#M", "no case .* in here: did you mean 'nbody/cy_nogil@threads\\*2#M'\\? there"),
        ("zzz", "no case 'zzz' in here: there"),
        (" ", "may be|there"),
    ],
)
def test_an_id_that_none_or_several_could_be_is_refused(text: str, said: str) -> None:
    with pytest.raises(UnknownNameError, match=said):
        registry.id_of(text, IDS, "here", "there")
