"""The same work in three programs: an application of a web server, tasks of Dask, and a test.

python -m gunicorn --threads 4 orders:application
python -c "import orders; orders.in_dask()"
python -m pytest -n 2 orders.py
"""

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor

SECONDS = 30.0
BODY = json.dumps([{"number": n, "name": f"item {n}"} for n in range(2000)]).encode()
BLOCK = bytes(500_000)


def parse(body=BODY):
    """Count the items of a list in JSON, which needs the GIL."""
    return len(json.loads(body))


def digest(body=BODY):
    """Hash blocks, which releases the GIL."""
    return hashlib.sha256(BLOCK + body).hexdigest()


def both(_=None):
    """Do a little of both."""
    return parse(), digest()


def application(environ, start_response):
    """Answer a request with both."""
    answer = str(both()).encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]


def in_dask():
    """Do both in the threads of a Dask worker."""
    from dask.distributed import Client, LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=4, dashboard_address=None) as cluster, Client(cluster) as client:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            client.gather(client.map(both, range(200), pure=False))


def test_orders():
    """Do both in threads of a test."""
    end = time.monotonic() + SECONDS
    with ThreadPoolExecutor(4) as pool:
        while time.monotonic() < end:
            assert all(count == 2000 for count, _ in pool.map(both, range(100)))


def test_orders_again():
    """Give the second process of pytest-xdist something to do."""
    test_orders()
