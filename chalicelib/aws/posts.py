"""How people are told: mail by the stage's topic, and JSON to a webhook, signed."""

import hashlib
import hmac
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING

from chalicelib.aws.calling import calling
from chalicelib.errors import NotSent, RespoolError

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients

PATIENCE = 5
"""Seconds that an answer may take."""
SIGNED = "X-Respool-Signature"


class _Still(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: only what WEBHOOK_URL names hears anything."""

    def redirect_request(self, *_: object) -> None:
        """Leave the answer as it is."""


class AwsPosts:
    """The topic and the webhook of one stage; a client is made when it is first needed."""

    def __init__(self, client: "Clients", topic: str, secret: str) -> None:
        self._client = client
        self._topic = topic
        self._secret = secret

    def mail(self, subject: str, text: str) -> None:
        """Publish to the stage's topic, from which mail goes out. Raises NotSent."""
        try:
            with calling("Publish", self._topic):
                self._client("sns").publish(TopicArn=self._topic, Subject=subject, Message=text)
        except RespoolError as refused:
            raise NotSent(str(refused)) from refused

    def hook(self, url: str, body: str, headers: Mapping[str, str], at: int) -> None:
        """Send JSON to an address, signed with the stage's secret and the time. Raises NotSent."""
        data = body.encode("utf-8", "replace")
        try:
            with calling("GetSecretValue", self._secret):
                answer = self._client("secretsmanager").get_secret_value(SecretId=self._secret)
        except RespoolError as refused:
            raise NotSent(str(refused)) from refused
        signed = signature(str(answer["SecretString"]), at, data)
        about = {"Content-Type": "application/json; charset=utf-8", SIGNED: signed, **headers}
        try:
            request = urllib.request.Request(url, data, about, method="POST")
            with urllib.request.build_opener(_Still).open(request, timeout=PATIENCE):
                pass  # any other answer than a success is raised
        except urllib.error.HTTPError as refused:
            raise NotSent(f"the webhook answered {refused.code}") from refused
        except (OSError, ValueError, HTTPException) as broken:
            reason = getattr(broken, "reason", broken)
            raise NotSent(f"the webhook did not answer: {type(reason).__name__}") from broken


def signature(secret: str, at: int, body: bytes) -> str:
    """`t=<seconds since 1970>,v1=<hex>`: HMAC-SHA256 of the time, a full stop and the body."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"
