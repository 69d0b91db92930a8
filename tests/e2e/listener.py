"""Somebody who is told: a webhook, and an HTTP subscriber of the stage's topic, on this machine."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from respool.local.deployment import Deployment


class Listener:
    """What has come, in order: the webhook's bodies with their headers, and the topic's mails."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.hooks: list[tuple[bytes, dict[str, str]]] = []
        self.mails: list[dict[str, Any]] = []
        self.tokens: list[str] = []

    def hear(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """Keep what was posted."""
        if path == "/hook":
            self.hooks.append((body, headers))
            return
        told = json.loads(body)
        if told["Type"] == "SubscriptionConfirmation":
            self.tokens.append(told["Token"])
        else:
            self.mails.append(told)

    def subscribe(self, stage: Deployment) -> None:
        """Let the stage's topic tell it, as it would tell a mail address."""
        topics, topic = stage.client("sns"), stage.names.topic_arn
        topics.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{self.address}/mail")
        stage.wait_until(lambda: bool(self.tokens), "the topic to ask for a yes")
        topics.confirm_subscription(TopicArn=topic, Token=self.tokens[-1])


@contextmanager
def listener() -> Iterator[Listener]:
    """A listener on loopback, which answers 200 to everything."""

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Hear it."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.hear(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Ear) as server:
        heard = Listener(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield heard
        finally:
            server.shutdown()
