"""The page: what it holds, that it asks for nothing, and that names stay names."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace

import pytest

from gilscope.analysis.answer import Answer
from gilscope.report.charts import View
from gilscope.report.page import render
from tests.report.answers import answer, changed, document, mandelbrot, row

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


def unpacked(page: str, name: str) -> dict[str, object]:
    """Return what the page carries compressed."""
    (text,) = re.findall(rf'data-packed="{name}">([^<]*)<', page)
    return json.loads(gzip.decompress(base64.b64decode(text)))


def test_the_analysis_is_in_the_page_as_it_was_given() -> None:
    given = mandelbrot()
    assert unpacked(render([View(answer=given)]), "analysis") == document(given)


def test_the_page_asks_for_nothing_from_anywhere() -> None:
    page = render([View(answer=mandelbrot())])
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"', page)
    assert "url(" not in page
    assert "@import" not in page
    assert set(re.findall(r"https?://[^\"' <]+", page)) <= {"http://www.w3.org/2000/svg"}


def test_the_policy_admits_exactly_the_script_of_the_page() -> None:
    page = render([View(answer=mandelbrot())])
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert f"script-src &#39;sha256-{digest}&#39;" in policy
    assert policy.startswith("default-src &#39;none&#39;")


def hostile(given: Answer) -> Answer:
    """Return an answer in which everything a user may name is an attack."""
    rows = [
        replace(
            row,
            case=replace(row.case, kernel=HOSTILE, implementation=f"{HOSTILE}_{row.case.implementation}"),
            reason=HOSTILE,
            cure=HOSTILE,
            detail=HOSTILE,
        )
        for row in given.rows
    ]
    machine = {"machine": {**given.environment["machine"], "cpu_model": HOSTILE}}
    controls = [replace(row, of=HOSTILE) for row in given.controls]
    here = {**given.environment, **machine}
    return changed(given, rows=rows, controls=controls, environment=here, result=HOSTILE, warnings=(HOSTILE,))


def test_names_of_users_are_text_everywhere() -> None:
    page = render([View(answer=hostile(mandelbrot()))])
    assert page.count("<script") == 3  # ours and the two that hold data
    assert "<img" not in page
    assert "onerror=alert(1)&gt;" in page


@pytest.mark.parametrize("given", [answer([]), answer([row("mandelbrot/py_loop@serial#S", status="failed")])])
def test_a_result_with_nothing_to_draw_is_a_page_all_the_same(given: Answer) -> None:
    assert "</html>" in render([View(answer=given)])


def test_several_results_share_a_page() -> None:
    page = render([View(answer=mandelbrot())] * 2)
    assert page.count("data-result ") == 2
    assert 'data-tabs="result"' in page
