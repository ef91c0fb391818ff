"""Sub-interpreters are looked for where each version of Python has them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gilscope.core import pep734


@pytest.mark.parametrize(
    ("version", "places"),
    [
        ((3, 14, 0), ["concurrent.interpreters", "concurrent.futures"]),
        ((3, 13, 1), ["interpreters_backport.interpreters", "interpreters_backport.concurrent.futures.interpreter"]),
    ],
)
def test_the_standard_library_has_them_from_3_14_on(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], places: list[str]
) -> None:
    asked: list[str] = []

    def imported(name: str) -> SimpleNamespace:
        asked.append(name)
        return SimpleNamespace(InterpreterPoolExecutor="the pool", name=name)

    monkeypatch.setattr(pep734, "sys", SimpleNamespace(version_info=version))
    monkeypatch.setattr(pep734, "importlib", SimpleNamespace(import_module=imported))
    assert pep734.api().name == places[0]
    assert pep734.pool_class() == "the pool"
    assert asked == places
