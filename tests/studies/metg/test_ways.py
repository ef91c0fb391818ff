"""The ways to have tasks done, under one interpreter or several."""

from __future__ import annotations

from gilscope.core.spec import Availability, Impl, KernelSpec
from gilscope.studies.metg import MetgRequest, cells_of, ways_of


class _Able:
    """An interpreter that has some implementations of the probe and every executor."""

    gil_enabled = True

    def __init__(self, *names: str) -> None:
        self.names = names

    def implementation(self, spec: KernelSpec, impl: Impl) -> Availability:
        return Availability(ok=impl.name in self.names, reason="not there")

    def executor(self, name: str, spec: KernelSpec, impl: Impl, start_method: str) -> Availability:
        return Availability(ok=True)


def test_each_interpreter_has_its_own_ways_and_baselines() -> None:
    request = MetgRequest(executors=("threads", "serial"), interpreters=("3.11", "3.13t"))
    ways = ways_of(request, {"3.11": _Able("cy_nogil", "std_c"), "3.13t": _Able("std_c")})
    assert [way.label for way in ways] == [
        "threads on 3.11",
        "threads on 3.13t",
        "serial loop on 3.11",
        "serial loop on 3.13t",
    ]
    assert [way.implementation for way in ways] == ["cy_nogil", "std_c", "cy_nogil", "std_c"]
    for cell in cells_of(ways):
        assert cell.case(16).interpreter == cell.way.baseline.interpreter == cell.way.interpreter


def test_without_interpreters_nothing_is_named() -> None:
    for way in ways_of(MetgRequest(executors=("serial",))):
        assert (way.label, way.interpreter) == ("serial loop", "")
        assert "!" not in way.baseline.id
