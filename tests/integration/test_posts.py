"""What a webhook is sent, and what counts as sent."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.aws.posts import AwsPosts
from chalicelib.errors import NotSent

AT = 1795769523
BODY = json.dumps({"text": "障害 <!channel>"}, ensure_ascii=False)


class Hook(BaseHTTPRequestHandler):
    """Answers with the status that the path names, and keeps what came."""

    seen: list[tuple[str, dict[str, str], bytes]] = []  # noqa: RUF012

    def do_POST(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(int(self.path.strip("/")))
        self.send_header("Location", "/200")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    Hook.seen.clear()
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def posts() -> Iterator[AwsPosts]:
    with mock_aws():
        session = boto3.Session("a", "b", region_name="us-east-1")
        secret = session.client("secretsmanager")
        secret.create_secret(Name="respool-dev/webhook", SecretString="key")
        topic = session.client("sns").create_topic(Name="respool-dev-alerts")["TopicArn"]
        made: Any = session.client
        yield AwsPosts(made, topic, "respool-dev/webhook")


def test_what_is_sent_is_signed_with_its_time(posts: AwsPosts, address: str) -> None:
    posts.hook(f"{address}/200", BODY, {"X-Respool-Incident": "1"}, AT)

    ((_, headers, body),) = Hook.seen
    assert json.loads(body) == json.loads(BODY)
    signed = hmac.new(b"key", f"{AT}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["x-respool-signature"] == f"t={AT},v1={signed}"
    assert headers["x-respool-incident"] == "1"
    assert headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 410, 429, 500, 503])
def test_all_but_success_is_not_sent_and_no_redirect_is_followed(
    posts: AwsPosts, address: str, status: int
) -> None:
    with pytest.raises(NotSent, match=f"answered {status}"):
        posts.hook(f"{address}/{status}", BODY, {}, AT)

    assert len(Hook.seen) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/s3cret", "http://[broken/s3cret"])
def test_whoever_does_not_answer_is_told_without_his_address(posts: AwsPosts, url: str) -> None:
    with pytest.raises(NotSent) as refused:
        posts.hook(url, BODY, {}, AT)

    assert "s3cret" not in str(refused.value)


def test_a_topic_that_is_not_there_is_told() -> None:
    with mock_aws():
        session = boto3.Session("a", "b", region_name="us-east-1")
        made: Any = session.client
        gone = AwsPosts(made, "arn:aws:sns:us-east-1:123456789012:gone", "gone")
        with pytest.raises(NotSent, match="Publish"):
            gone.mail("subject", "text")
        with pytest.raises(NotSent, match="GetSecretValue"):
            gone.hook("http://127.0.0.1:9/", BODY, {}, AT)


def test_a_mail_is_published(posts: AwsPosts) -> None:
    posts.mail("[respool-dev] 障害", "text")
