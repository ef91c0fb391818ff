"""The tables: what they hold, at which widths, in which order."""

from __future__ import annotations

import pytest

from gilscope.report.terminal import render, render_one_time
from tests.report.answers import ENVIRONMENT, answer, changed, mandelbrot, row


def lines_with(text: str, word: str) -> list[str]:
    return [line for line in text.splitlines() if word in line]


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    wide = mandelbrot()
    more = [
        row("mandelbrot/py_loop@processes.spawn.pickle*2#S", rate=2.9e7, speedup=1.71, half_width=0.12),
        row("mandelbrot/cy_nogil@threads*128#M", rate=1.2e10, speedup=112.3, half_width=0.11),
    ]
    wide = changed(wide, rows=[*wide.rows, *more])
    assert max(map(len, render(wide, width=width, one_time=True).splitlines())) <= width


@pytest.mark.parametrize("width", [80, 120])
def test_every_measured_case_has_one_row_with_its_numbers(width: int) -> None:
    text = render(mandelbrot(), width=width)
    (found,) = [line for line in lines_with(text, "cy_prange") if "1.93 [1.91, 1.95]" in line and "native" in line]
    assert "730 M ±1%" in found
    assert ("96 ±1%" in found) == (width == 120)
    assert "99 ±1%" in found
    assert "2.03 ±1%" in found


def test_the_time_of_one_execution_is_the_first_to_give_way() -> None:
    assert "200 ms" in render(mandelbrot(), width=120)
    narrow = render(mandelbrot(), width=84)
    assert "200 ms" not in narrow
    assert "96 ±1%" in narrow


def test_rows_come_by_implementation_then_executor_then_workers() -> None:
    shuffled = answer(
        [
            row("mandelbrot/cy_nogil@threads*2#M"),
            row("mandelbrot/py_loop@threads*4#S"),
            row("mandelbrot/cy_nogil@serial#M"),
            row("mandelbrot/py_loop@processes*2#S"),
            row("mandelbrot/py_loop@threads*2#S"),
            row("mandelbrot/py_loop@serial#S"),
        ]
    )
    table = [line.split()[1:4] for line in render(shuffled, width=120).splitlines() if " M ±" in line]
    assert table == [
        ["py_loop", "serial", "1"],
        ["py_loop", "threads", "2"],
        ["py_loop", "threads", "4!"],
        ["py_loop", "processes", "2"],
        ["cy_nogil", "serial", "1"],
        ["cy_nogil", "threads", "2"],
    ]


def test_start_method_and_transport_show_where_they_are_not_the_default() -> None:
    cases = [
        row("mandelbrot/py_loop@processes*2#S"),
        row("mandelbrot/py_loop@processes.spawn*2#S"),
        row("mandelbrot/py_loop@processes.pickle*2#S"),
    ]
    text = render(answer(cases), width=120)
    assert [line.split()[2] for line in lines_with(text, " M ±")] == [
        "processes",
        "processes.pickle",
        "processes.spawn",
    ]


def test_more_workers_than_cpus_are_marked_and_explained() -> None:
    text = render(answer([row("mandelbrot/cy_nogil@threads*4#M", speedup=1.9)]), width=120)
    assert "4!" in text
    assert "more workers than the 2 usable CPUs" in text


def test_t1_with_more_chunks_is_not_a_row_of_its_own() -> None:
    text = render(mandelbrot(), width=120)
    assert len([line for line in lines_with(text, "cy_nogil   ") if " serial " in line]) == 1


def test_a_failed_t1_is_never_hidden() -> None:
    cases = [
        row("mandelbrot/cy_nogil@serial#M"),
        row("mandelbrot/cy_nogil@serial#M~c8", status="failed", reason="killed by signal 11"),
    ]
    assert "mandelbrot/cy_nogil@serial#M~c8: failed: killed by signal 11" in render(answer(cases), width=120)


def test_unavailable_cases_are_below_the_table_with_their_reason() -> None:
    text = render(mandelbrot(), width=120)
    (line,) = lines_with(text, "nb_nogil")
    assert line.startswith("n/a")
    assert "numba is not installed" in line


@pytest.mark.parametrize("status", ["wrong_result", "failed", "timeout"])
def test_cases_that_went_wrong_stay_in_the_table_with_their_reason(status: str) -> None:
    bad = row("mandelbrot/py_loop@serial#S", status=status, reason="the third pixel is off")
    text = render(answer([bad, row("mandelbrot/cy_nogil@serial#M")]), width=120)
    words = status.replace("_", " ")
    assert any(line.startswith("1  py_loop") and words in line for line in text.splitlines())
    assert f"{words}: the third pixel is off" in text


def test_piped_output_has_no_escape_codes_and_a_terminal_has() -> None:
    assert "\x1b" not in render(mandelbrot(), width=120, color=False)
    assert "\x1b" in render(mandelbrot(), width=120, color=True)


def test_colour_carries_no_meaning_of_its_own() -> None:
    import re

    painted = render(mandelbrot(), width=120, color=True)
    plain = "\n".join(line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", painted).splitlines())
    assert plain.split() == render(mandelbrot(), width=120).split()


def test_intervals_are_never_broken_over_lines() -> None:
    for width in range(60, 130, 7):
        for line in render(mandelbrot(), width=width).splitlines():
            assert line.count("[") == line.count("]")


def test_machine_and_noise_floor_are_said_for_each_kernel() -> None:
    (line,) = lines_with(render(mandelbrot(), width=120), "machine  ")
    assert "spin(2) 1.94 [1.92, 1.96]" in line
    assert "A/A 1.00 [0.99, 1.01]" in line


def test_warnings_of_the_file_and_of_the_machine_are_said() -> None:
    checks = [
        {"name": "load", "status": "warning", "message": "load average 3.1", "cure": "stop other programs"},
        {"name": "smt", "status": "ok", "message": "fine", "cure": ""},
    ]
    found = mandelbrot(warnings=("a torn last line was dropped",), environment={**ENVIRONMENT, "checks": checks})
    text = render(found, width=120)
    assert "a torn last line was dropped" in text
    assert "load average 3.1; stop other programs" in text
    assert "fine" not in text


def test_an_interrupted_measurement_says_so() -> None:
    assert "Interrupted" in render(mandelbrot(interrupted=True), width=80)


def test_one_time_costs_have_a_table_of_their_own() -> None:
    cases = [row("mandelbrot/nb_prange@native*2#M", one_time_s={"jit": 1.4, "import": 0.3}, jit_cache="cold")]
    text = render_one_time(answer(cases), "mandelbrot", width=120)
    (line,) = lines_with(text, "nb_prange")
    assert line.split() == ["mandelbrot/nb_prange@native*2#M", "-", "300", "ms", "1.40", "s", "-", "cold"]


def test_nothing_measured_at_all_is_said() -> None:
    assert "No case was measured." in render(answer([]), width=80)


def test_what_came_from_a_file_does_not_command_the_terminal() -> None:
    hostile = row("mandelbrot/cy_nogil@serial#M", status="failed", reason="\x1b]0;gone\x07 \x1b[2J")
    for color in (False, True):
        text = render(answer([hostile]), width=120, color=color)
        assert "\x1b]" not in text
        assert "\x1b[2J" not in text
        assert "\x07" not in text


def test_two_kernels_get_a_table_each() -> None:
    both = answer([row("mandelbrot/cy_nogil@serial#M"), row("nbody/cy_nogil@serial#M")])
    text = render(both, width=100)
    assert text.index("mandelbrot, rates in iterations per second") < text.index("nbody, rates in")
