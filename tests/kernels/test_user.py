"""The user's own functions: from words to a kernel, without running anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from gilscope import kernels
from gilscope.core.cases import Case, Study
from gilscope.kernels.user import (
    Examined,
    Function,
    Request,
    adopt,
    choose_tasks,
)
from gilscope.plan import make_plan
from gilscope.profile.targets import own_functions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "work file.py").write_text("def f(): pass\n")
    return tmp_path


def _request(*targets: str, folder: Path = Path("/")) -> Request:
    return Request(functions=own_functions(targets, folder), folder=str(folder))


@pytest.mark.parametrize("targets", [["hashlib:sha256"], ["path/work file.py:f"], ["json:dumps", "pickle:dumps"]])
def test_case_ids_name_the_functions_and_can_be_read_back(targets: list[str], folder: Path) -> None:
    request = _request(*targets, folder=folder)
    case = Case(
        kernel=request.kernel, implementation=request.functions[0].name, executor="threads", workers=2, size="64"
    )
    assert Case.parse(case.id) == case
    assert all(target.replace(" ", "_") in case.id for target in targets)


def test_a_request_travels_as_json() -> None:
    request = _request("json:dumps", "pickle:dumps")
    assert Request.from_config(request.to_config()) == request


def test_any_number_of_tasks_is_a_size() -> None:
    spec = adopt(_request("json:dumps"))
    assert kernels.load("json:dumps") is spec
    assert spec.extent(spec.sizes["640"]) == 640
    with pytest.raises(KeyError):
        spec.sizes["M"]


def test_only_functions_with_threads_of_their_own_are_measured_under_native() -> None:
    request = _request("json:dumps", "mod:matmul")
    busy = Examined(call_s=0.01, busy_whole=1.9, pools=("openblas",))
    spec = adopt(request, {"dumps": Examined(call_s=0.01, busy_whole=1.0, pools=("openblas",)), "matmul": busy})
    assert [(impl.name, impl.gil == "own_threads") for impl in spec.impls] == [
        ("dumps", False),
        ("matmul", False),
        ("matmul", True),
    ]
    assert [spec.impl("matmul", executor) for executor in ("threads", "native")] == list(spec.impls[1:])


def test_threads_that_no_library_limits_are_no_choice_of_ours() -> None:
    seen = Examined(call_s=0.01, busy=1.9)
    assert (seen.own_threads, seen.unlimited) == (False, True)


def test_tasks_fill_an_execution_of_each_worker() -> None:
    tasks, chunks = choose_tasks({"f": Examined(call_s=0.001)}, (1, 2, 4), scaling="weak", tasks=None, round_s=0.2)
    assert chunks == 4
    assert [tasks.size_for("f", workers) for workers in (1, 2, 4)] == ["56", "112", "224"]


def test_own_threads_do_as_many_calls_whatever_their_number() -> None:
    request = _request("mod:matmul")
    seen = {"matmul": Examined(call_s=0.001, busy_whole=1.9, pools=("openblas",))}
    adopt(request, seen, choose_tasks(seen, (1, 2), scaling="weak", tasks=None, round_s=0.2)[0])
    study = Study(
        kernels=(request.kernel,), implementations=("matmul",), executors=("threads", "native"), workers=(1, 2)
    )
    ids = [slot.case.id.partition("/")[2] for slot in make_plan(study).groups[0].slots if slot.role == "case"]
    assert ids == [
        "matmul@serial#112~c8",
        "matmul@threads*2#112",
        "matmul@native*1#112",
        "matmul@native*2#112",
    ]


def test_strong_scaling_has_the_same_tasks_for_all_and_every_worker_count_divides_them() -> None:
    tasks, _ = choose_tasks({"f": Examined(call_s=0.001)}, (1, 2, 3), scaling="strong", tasks=None, round_s=0.2)
    sizes = {tasks.size_for("f", workers) for workers in (1, 2, 3)}
    assert sizes == {str(56 * 6)}


def test_a_long_call_is_one_chunk_and_one_task_per_worker() -> None:
    tasks, chunks = choose_tasks({"f": Examined(call_s=3.0)}, (2,), scaling="weak", tasks=None, round_s=0.2)
    assert (tasks.size_for("f", 2), chunks) == ("2", 1)


def test_a_function_goes_through_all_items_it_is_mapped_over() -> None:
    tasks, _ = choose_tasks({"f": Examined(call_s=0.02, items=7)}, (2,), scaling="weak", tasks=None, round_s=0.2)
    assert tasks.size_for("f", 2) == "14"


def test_the_number_of_tasks_asked_for_counts() -> None:
    tasks, _ = choose_tasks({"f": Examined(call_s=0.02)}, (1, 2), scaling="weak", tasks=64, round_s=0.2)
    assert (tasks.size_for("f", 1), tasks.size_for("f", 2)) == ("64", "64")


def test_nothing_of_the_user_is_imported_to_describe_a_request(folder: Path) -> None:
    (folder / "boom.py").write_text("raise RuntimeError('imported')\n")
    assert adopt(_request("boom.py:f", folder=folder)).impl("f") is not None
    assert Function(name="f", target="boom.py:f") in _request("boom.py:f", folder=folder).functions
