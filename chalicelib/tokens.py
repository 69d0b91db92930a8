"""Who may call the API: bearer tokens, kept in Secrets Manager and compared in constant time."""

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.aws import calling

CACHED = 60
"""Seconds that a token read from Secrets Manager is believed."""


@dataclass(frozen=True)
class Caller:
    """The holder of a token."""

    name: str


class Tokens:
    """Reads the stage's secret at most once a minute."""

    def __init__(self, client: Any, secret: str, elapsed: Callable[[], float]) -> None:
        self._client = client
        self._secret = secret
        self._elapsed = elapsed
        self._read_at = float("-inf")
        self._known: dict[str, bytes] = {}

    def caller(self, header: str) -> Caller | None:
        """Who sent this `Authorization` header; None for anything but a known bearer token."""
        scheme, _, given = header.partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            return None
        offered = given.strip().encode("utf-8", "surrogatepass")
        found = None
        for name, token in self._tokens().items():
            if hmac.compare_digest(offered, token):
                found = Caller(name)
        return found

    def _tokens(self) -> dict[str, bytes]:
        if self._elapsed() - self._read_at > CACHED:
            with calling("GetSecretValue", self._secret):
                answer = self._client.get_secret_value(SecretId=self._secret)
            secret = json.loads(answer["SecretString"])
            self._known = {secret["name"]: secret["token"].encode()}
            self._read_at = self._elapsed()
        return self._known
