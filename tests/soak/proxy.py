"""A proxy in front of the local AWS, on loopback, whose calls fail in every way that calls can."""

import http.client
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.soak import answers
from tests.soak.answers import Answer
from tests.soak.faults import Chance, Fault, Ground

LATE = 11
"""Seconds: longer than the product's clients wait for an answer."""
HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that makes closing a connection a reset."""


class FaultProxy(ThreadingHTTPServer):
    """Hands on what comes in, unless chance has it otherwise."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, ground: Ground, chance: Chance) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ground = ground
        self.chance = chance
        self.upstream = ""
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no news."""

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Ask the local AWS; a connection for each call, so that none is asked twice."""
        asked = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=120)
        try:
            asked.request(method, path, body, {**headers, "Connection": "close"})
            got = asked.getresponse()
            kept = {n: v for n, v in got.getheaders() if n.lower() not in HOP_BY_HOP}
            return Answer(got.status, kept, got.read())
        finally:
            asked.close()


class _Handler(BaseHTTPRequestHandler):
    """One client's connection, kept open from call to call."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: FaultProxy

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {n: v for n, v in self.headers.items() if n.lower() not in HOP_BY_HOP}
        call = answers.read(self.command, self.path, headers, body)
        attempt = self.headers.get("amz-sdk-request", "attempt=1").partition("attempt=")[2]
        fault = self.server.chance.draw(
            call.service,
            self.headers.get("amz-sdk-invocation-id", ""),
            int(attempt.partition(";")[0] or 1),
        )
        self.server.ground.note("SDK", f"{call.service}.{call.action}", fault)
        if not fault.takes_effect:
            self._refuse(call, fault)
            return
        answer = self.server.forward(self.command, self.path, headers, body)
        if fault is Fault.NONE:
            self._answer(answer)
        else:
            self._cut(fault)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _handle

    def _refuse(self, call: answers.Call, fault: Fault) -> None:
        if fault in (Fault.SERVER_ERROR, Fault.THROTTLED, Fault.DOWN):
            self._answer(answers.error(call, fault))
        else:
            self._cut(fault)

    def _answer(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _cut(self, fault: Fault) -> None:
        if fault.late:
            self.server.ended.wait(LATE)
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing; calls are counted, not printed."""


@contextmanager
def fault_proxy(ground: Ground, chance: Chance) -> Iterator[FaultProxy]:
    """A proxy that runs; its `upstream` must be set before the first call."""
    with FaultProxy(ground, chance) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.ended.set()
            proxy.shutdown()
            thread.join()
