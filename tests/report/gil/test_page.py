"""The page of a program's GIL: strip, icicle and lines, nothing from elsewhere, and every text escaped."""

from __future__ import annotations

import dataclasses
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from gilscope.analysis.program import ProcessReport
from gilscope.cli import main
from gilscope.report.gil.icicle import icicle
from gilscope.report.gil.page import gil_page
from gilscope.report.gil.sources import Sources
from gilscope.telemetry.stacks import HOLDS, Frame
from tests.made_stacks import server, stacks
from tests.report.gil.test_text import LINES, REPORTS, blamed, report, seen

SVG = "{http://www.w3.org/2000/svg}"


def boxes(text: str) -> list[tuple[str, float, float, int]]:
    """Return title, left edge, width and top of each box of an icicle."""
    found = []
    for box in ET.fromstring(text).findall(f"{SVG}svg"):
        left, width = (float(box.attrib[name].rstrip("%")) for name in ("x", "width"))
        found.append((box.findtext(f"{SVG}title", ""), left, width, int(box.attrib["y"])))
    return found


def test_boxes_are_as_wide_as_the_blame_below_their_callers() -> None:
    drawn = icicle(server())
    assert drawn is not None
    thread, handler, loads, decode, hashing = boxes(drawn)
    assert thread[1:] == (0.0, 100.0, 0)
    assert [round(box[2], 1) for box in (handler, loads, decode)] == [87.7, 87.7, 87.7]
    assert [box[3] for box in (handler, loads, decode)] == [18, 36, 54]
    assert (round(hashing[1], 1), round(hashing[2], 1), hashing[3]) == (87.7, 12.3, 18)
    assert handler[0] == "Handler.do_POST, server.py:7: 1.42 threads, 88 % of the blame"


def test_there_is_no_icicle_without_blame() -> None:
    assert icicle(stacks((HOLDS, (Frame(file="a.py", function="f", line=1),), 5.0, 0.0))) is None
    page = gil_page(report(blamed(seen(0.9), stacks=stacks())), Sources(Path("/nowhere")))
    assert "No thread was seen to wait" in page


@pytest.mark.parametrize("gil", [*REPORTS, *LINES])
def test_every_report_has_a_page_that_loads_nothing(gil: object) -> None:
    page = gil_page(report(gil), Sources(Path("/nowhere")))  # type: ignore[arg-type]
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=|url\(|@import", page)
    assert "default-src 'none'" in page


def test_the_page_has_the_strip_the_lines_and_the_children() -> None:
    gil = blamed(seen(0.99, 1.5))
    child = ProcessReport(pid=77, command="python w.py", wall_s=2.0, cpu_s=1.0, gil=gil, verdict=report(gil).verdict)
    page = gil_page(dataclasses.replace(report(gil), children=(child,)), Sources(Path("/nowhere")))
    assert page.count('class="strip held"') == page.count('class="icicle"') == 2
    assert page.count("server.py:7 in Handler.do_POST, calling json.loads") == 4, "blame and waiting, of two processes"
    assert "Process 77: python w.py" in page
    assert page.index('class="strip held"') < page.index('class="icicle"')


def test_names_and_sources_are_escaped(tmp_path: Path) -> None:
    (tmp_path / "<b>.py").write_text("x = '</code><script>'\n", encoding="utf-8")
    frame = Frame(file="<b>.py", function="<script>", line=1)
    page = gil_page(report(blamed(seen(0.9), stacks=stacks((HOLDS, (frame,), 5.0, 5.0)))), Sources(tmp_path))
    assert "<script" not in page
    assert "&lt;/code&gt;&lt;script&gt;" in page


def test_a_stored_report_is_drawn_by_the_verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path
    monkeypatch.chdir(folder)
    (folder / "gil.json").write_text(json.dumps(report(blamed(seen(0.9, 1.0))).to_json()), encoding="utf-8")
    assert main(["report", "gil.json"]) == 0
    assert capsys.readouterr().out == "report: gil.html\n"
    assert "json.loads" in (folder / "gil.html").read_text(encoding="utf-8")
    assert main(["report", "gil.json"]) == 0, "its own page may be replaced"
    (folder / "mine.html").write_text("precious", encoding="utf-8")
    assert main(["report", "gil.json", "--out", "mine.html"]) == 2
    assert main(["report", "gil.json", "gil.json"]) == 2
    (folder / "torn.json").write_text('{"schema": "gilscope.gil", "gil": 1', encoding="utf-8")
    (folder / "poor.json").write_text('{"schema": "gilscope.gil", "gil": 1}', encoding="utf-8")
    capsys.readouterr()
    for name in ("torn.json", "poor.json"):
        assert main(["report", name]) == 2
        out, err = capsys.readouterr()
        assert (out, len(err.splitlines())) == ("", 1)
