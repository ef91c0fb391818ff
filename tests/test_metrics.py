"""The GIL as Prometheus metrics: a real server, the real client, over HTTP."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from gilscope.env.interpreter import gil_enabled
from gilscope.metrics import prometheus
from gilscope.telemetry.gil import part_reason, probe_availability

prometheus_client = pytest.importorskip("prometheus_client")
parser = pytest.importorskip("prometheus_client.parser")

PAGE = Path(__file__).parent.parent / "docs" / "prometheus.md"
SERVER, GUNICORN = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def probe() -> None:
    available = probe_availability()
    if not available.ok:
        pytest.skip(available.reason)


def values(text: str) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("python_gil")
    }


def scraped(registry: Any) -> dict[str, float]:
    return values(prometheus_client.generate_latest(registry).decode())


@pytest.fixture
def registry() -> Iterator[Any]:
    registry = prometheus_client.CollectorRegistry()
    yield registry
    prometheus(registry).stop()


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Callable[[str], bytes]]:
    """Run the server of the page as it is there; what is yielded fetches a path from it."""
    page: dict[str, Any] = {"__name__": "page"}
    exec(compile(SERVER, str(PAGE), "exec"), page)
    with make_server("127.0.0.1", 0, page["app"], page["ThreadingServer"], Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield lambda path: urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}{path}", timeout=60).read()
        finally:
            server.shutdown()
            thread.join()


def busy(fetch: Callable[[str], bytes], seconds: float) -> None:
    """Have four clients ask all the time."""
    end = time.perf_counter() + seconds

    def ask() -> None:
        while time.perf_counter() < end:
            fetch("/")

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


@pytest.mark.measuring
@pytest.mark.usefixtures("probe")
def test_a_server_under_load_holds_the_gil_and_its_threads_wait() -> None:
    rates = []
    with prometheus(), serving() as fetch:
        for load in (lambda: time.sleep(1.5), lambda: busy(fetch, 1.5)):
            before = values(fetch("/metrics").decode())
            load()
            after = values(fetch("/metrics").decode())
            spent = after["python_gil_observed_seconds_total"] - before["python_gil_observed_seconds_total"]
            rates.append({name: (after[name] - before[name]) / spent for name in after if name.endswith("_total")})
    idle, loaded = rates
    assert loaded["python_gil_held_seconds_total"] > max(0.3, 2.0 * idle["python_gil_held_seconds_total"])
    assert loaded["python_gil_handoffs_total"] > 2.0 * idle["python_gil_handoffs_total"]
    if not part_reason("waiting"):
        assert loaded["python_gil_waiting_thread_seconds_total"] > loaded["python_gil_contended_seconds_total"] > 0.1
    assert loaded["python_gil_probe_cpu_seconds_total"] < 0.01
    assert idle["python_gil_probe_cpu_seconds_total"] < 0.01


@pytest.mark.usefixtures("probe")
def test_counters_only_grow_and_keep_to_the_conventions(registry: Any) -> None:
    prometheus(registry)
    scrapes = []
    for _ in range(5):
        time.sleep(0.02)
        scrapes.append(scraped(registry))
    names = {name for name in scrapes[-1] if name.endswith("_total")}
    assert {"python_gil_held_seconds_total", "python_gil_handoffs_total"} < names
    assert all(re.fullmatch(r"python_gil_(\w+_seconds|handoffs)_total", name) for name in names)
    assert all(a[name] <= b[name] for a, b in itertools.pairwise(scrapes) for name in names)
    assert scrapes[-1]["python_gil_observed_seconds_total"] > 0


def test_every_metric_of_the_page_is_offered_and_no_other(registry: Any) -> None:
    if part_reason("held") or part_reason("waiting") or part_reason("overdue"):
        pytest.skip("not everything is measured here")
    prometheus(registry)
    time.sleep(0.05)
    listed = re.findall(r"^\| `(python_gil\w+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(listed) == set(scraped(registry))


def test_called_again_it_returns_the_one_that_runs(registry: Any) -> None:
    first = prometheus(registry)
    assert prometheus(registry) is first
    first.stop()
    first.stop()
    assert first.reason == "stopped"
    assert scraped(registry) == {}
    assert prometheus(registry) is not first


def test_without_a_gil_the_reason_is_scraped(registry: Any) -> None:
    if gil_enabled():
        pytest.skip("this interpreter has a GIL")
    assert not prometheus(registry).available
    assert scraped(registry) == {"python_gil_enabled": 0.0, "python_gil_probe_info": 1.0}
    assert b'reason="no GIL' in prometheus_client.generate_latest(registry)


def test_without_the_client_the_fix_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(Exception, match=r"pip install 'gilscope\[prometheus\]'"):
        prometheus()


FORKING = """
import os, sys, time, warnings
import gilscope.metrics
from prometheus_client import REGISTRY, generate_latest
warnings.simplefilter("ignore", DeprecationWarning)  # fork() beside the sampler's thread
gilscope.metrics.prometheus()
time.sleep(0.1)
for again in (False, True):
    child = os.fork()
    if not child:
        if again:
            gilscope.metrics.prometheus()
            time.sleep(0.1)
        first = generate_latest(REGISTRY).decode()
        time.sleep(0.1)
        metrics = gilscope.metrics.prometheus() if again else None
        held = REGISTRY.get_sample_value("python_gil_observed_seconds_total")
        sys.stdout.write(f"{again} {'was forked from' in first} {held is not None and held > 0}\\n")
        sys.stdout.flush()
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.usefixtures("probe")
def test_a_forked_child_says_that_it_measures_nothing_until_it_is_started_there() -> None:
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split("\n")[:2] == ["False True False", "True False True"]
    assert done.stderr == ""


@pytest.mark.usefixtures("probe")
def test_the_hook_for_gunicorn_serves_each_worker_on_a_port_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    hook: dict[str, Any] = {}
    exec(compile(GUNICORN, str(PAGE), "exec"), hook)
    tried = []

    def start(port: int) -> None:
        tried.append(port)
        if port == 9101:
            raise OSError("in use")

    hook["start_http_server"] = start
    hook["post_fork"](SimpleNamespace(cfg=SimpleNamespace(workers=2)), None)
    metrics = prometheus()
    assert (tried, metrics.available) == ([9101, 9102], True)
    metrics.stop()
