"""A threaded web server under load: half of the requests are JSON that it parses, half are blocks that it hashes.

``python json_server.py [SECONDS]`` serves, starts the program that asks, and ends.
"""

import hashlib
import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
BLOCK = bytes(500_000)

CLIENT = """
import http.client, json, sys, threading
body = json.dumps([{"number": n, "name": f"item {n}"} for n in range(2000)]).encode()

def ask(path):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
    while True:
        connection.request("POST", path, body)
        connection.getresponse().read()

for path in ("/parse", "/parse", "/hash", "/hash"):
    threading.Thread(target=ask, args=[path]).start()
"""


def parse(body: bytes) -> str:
    """Count the items of a list in JSON, which needs the GIL."""
    return str(len(json.loads(body)))


def digest(body: bytes) -> str:
    """Hash blocks, which releases the GIL."""
    return hashlib.sha256(BLOCK + body).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers both kinds of requests over connections that stay open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer is one packet

    def do_POST(self) -> None:
        """Do what the path says with the body."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = {"/parse": parse, "/hash": digest}[self.path](body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.handle_error = lambda *_: None  # a client that is gone
threading.Thread(target=server.serve_forever, daemon=True).start()
with subprocess.Popen([sys.executable, "-c", CLIENT, str(server.server_port)], stderr=subprocess.DEVNULL) as client:
    time.sleep(SECONDS)
    client.kill()
