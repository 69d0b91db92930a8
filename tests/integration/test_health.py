"""What counts as a service that says that it is well."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from chalicelib.aws.health import is_well


class Answers(BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(int(self.path.strip("/")))
        self.send_header("Location", "/200")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "well"), [(200, True), (204, True), (302, False), (404, False), (503, False)]
)
def test_success_alone_is_well(address: str, status: int, well: bool) -> None:
    assert is_well(f"{address}/{status}") is well


def test_an_address_where_nobody_answers_is_not_well() -> None:
    assert is_well("http://127.0.0.1:9/health") is False
