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
from gilscope.analysis.evidence import NoiseEvidence
from gilscope.report.charts import View
from gilscope.report.page import render
from tests.report.answers import ENVIRONMENT, answer, changed, document, finding, mandelbrot, row

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


def test_one_count_says_what_the_gil_holds_back() -> None:
    codes = ("gil_bound", "gil_held_in_c", "gil_re_enabled", "scales")
    cases = [row(f"nbody/i{number}@threads*2#M", speedup=1.0, findings=[code]) for number, code in enumerate(codes)]
    page = render([View(answer(cases))])
    assert re.findall(r"<li><b>(.)</b> ([^<]+) <span>(\d)</span>", page) == [
        ("+", "scales", "1"),
        ("G", "held back by the GIL", "3"),
    ]


SEEN = {"too_noisy": finding("too_noisy", NoiseEvidence())}


def test_only_what_scales_is_good_news() -> None:
    cases = [
        row(f"nbody/{code}@threads*2#M", speedup=1.9, status=status, findings=[SEEN.get(code, code)])
        for code, status in (("scales", "ok"), ("too_noisy", "too_noisy"), ("gil_bound", "ok"))
    ]
    page = render([View(answer(cases))])
    tones = re.findall(r'finding t-(\w+)">\s*<h5>(\w+)', page)
    assert {code: tone for tone, code in tones} == {"scales": "good", "too_noisy": "plain", "gil_bound": "warn"}


OWN = [
    row("mod:f/f@serial#8", rate=10.0),
    row("mod:f/f@threads*2#16", rate=19.0, speedup=1.9, findings=["scales"]),
]


@pytest.mark.parametrize(
    ("known", "shown"),
    [
        ({"source": "def f(x):\n    return x < 1\n", "source_file": "mod.py", "source_line": 7}, "return x &lt; 1"),
        ({"source_reason": "it is compiled, or not a function"}, "The source is not shown: it is compiled"),
        ({}, "The source is not shown: the result does not have it."),
        (None, "The source is not shown: the function could not be examined."),
    ],
)
def test_the_source_of_a_function_is_beside_its_answer_or_why_not(known: dict[str, object] | None, shown: str) -> None:
    functions = {} if known is None else {"f": known}
    given = answer(
        OWN,
        study={"functions": ["mod:f"], "implementations": ["f"]},
        environment={**ENVIRONMENT, "functions": functions},
    )
    page = render([View(given)])
    (beside,) = re.findall(r'<figure class="source">(.*?)</figure>', page, re.S)
    assert shown in beside
    assert ("mod.py, line 7" in beside) == bool(known and "source" in known)
