"""What counts as a service that says that it is well."""

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from boto3 import Session
from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.aws.calling import clients
from chalicelib.aws.health import PATIENCE, function_is_well, is_well
from tests.fakes.stand_in import stand_in

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:health"


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


class Functions:
    """Lambda as far as a health check needs it: each function answers, fails, or is not there."""

    def __init__(self, answer: str, error: str = "") -> None:
        self.answer = answer
        self.error = error
        self.asked: list[dict[str, Any]] = []

    def invoke(self, **asked: Any) -> dict[str, Any]:
        """Answer, or raise."""
        self.asked.append(asked)
        if self.error == "missing":
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "Invoke")
        if self.error == "late":
            raise ReadTimeoutError(endpoint_url="lambda")
        told = {"FunctionError": "Unhandled"} if self.error else {}
        return {"StatusCode": 200, "Payload": io.BytesIO(self.answer.encode()), **told}


@pytest.mark.parametrize(
    ("functions", "well"),
    [
        (Functions("null"), True),
        (Functions(""), True),
        (Functions("true"), True),
        (Functions('{"statusCode": 204}'), True),
        (Functions("false"), False),
        (Functions('{"statusCode": 503}'), False),
        (Functions('{"statusCode": "well"}'), False),
        (Functions('{"errorMessage": "down"}', "Unhandled"), False),
        (Functions("no JSON"), False),
        (Functions("", "missing"), False),
        (Functions("", "late"), False),
    ],
)
def test_a_lambda_is_well_unless_it_fails_or_says_no(functions: Functions, well: bool) -> None:
    assert function_is_well(stand_in(functions), ARN) is well
    assert functions.asked == [{"FunctionName": ARN, "Payload": b"{}"}]


def test_a_lambda_is_asked_once_and_for_five_seconds_at_most() -> None:
    config: Any = clients(Session(region_name="eu-west-1"), PATIENCE)("lambda").meta.config

    assert config.connect_timeout + config.read_timeout == 5
    assert config.retries["total_max_attempts"] == 1
