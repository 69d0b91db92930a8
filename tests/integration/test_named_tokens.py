"""Named tokens are listed by the index, and of each only a hash is kept."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.aws.tokens import Caller, Kind, NamedTokens
from chalicelib.errors import BadRequest, NotFound
from tests.tables import create_claims

TABLE = "respool-dev-claims"
NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)


class NoScan:
    """DynamoDB's client, in which nobody scans."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        assert name != "scan"
        return getattr(self._client, name)


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> Iterator[NamedTokens]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_claims(client, TABLE)
        yield NamedTokens(NoScan(client), TABLE, lambda: NOW)


def test_tokens_are_listed_by_name_with_their_kinds(tokens: NamedTokens) -> None:
    for name, kind in (("wall", Kind.READ), ("kim", Kind.FULL), ("lee", Kind.FULL)):
        tokens.create(name, kind)

    assert [(one.name, one.kind) for one in tokens.list()] == [
        ("kim", Kind.FULL),
        ("lee", Kind.FULL),
        ("wall", Kind.READ),
    ]


def test_a_revoked_token_is_nobodys(tokens: NamedTokens) -> None:
    token = tokens.create("kim", Kind.READ)
    assert tokens.find(token) == Caller("kim", Kind.READ)

    tokens.revoke("kim")

    assert tokens.find(token) is None
    assert tokens.list() == []
    with pytest.raises(NotFound):
        tokens.revoke("kim")


def test_two_tokens_of_one_name_are_refused(tokens: NamedTokens) -> None:
    tokens.create("kim", Kind.READ)

    with pytest.raises(BadRequest, match="exists already"):
        tokens.create("kim", Kind.FULL)
