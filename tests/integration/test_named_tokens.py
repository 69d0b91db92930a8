"""Named tokens are listed by the index, and of each only a hash is kept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.aws.tokens import Caller, Kind, NamedTokens
from chalicelib.errors import BadRequest, NotFound
from tests.fakes.stand_in import stand_in
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
        yield NamedTokens(stand_in(NoScan(client)), TABLE, lambda: NOW)


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


@pytest.mark.parametrize(("passed", "caller"), [(6, Caller("kim")), (7, None), (400, None)])
def test_a_token_for_some_days_is_nobodys_after_them(
    tokens: NamedTokens, passed: int, caller: Caller | None
) -> None:
    token = tokens.create("kim", Kind.FULL, days=7)
    tokens._clock = lambda: NOW + timedelta(days=passed)

    assert tokens.find(token) == caller
    assert [one.ends_at for one in tokens.list()] == ["2026-12-01T01:00:00+00:00"]


def test_the_name_of_a_token_that_is_over_is_free_again(tokens: NamedTokens) -> None:
    old = tokens.create("kim", Kind.FULL, days=1)
    tokens._clock = lambda: NOW + timedelta(days=2)

    new = tokens.create("kim", Kind.READ)

    assert tokens.find(old) is None
    assert tokens.find(new) == Caller("kim", Kind.READ)


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_a_token_for_no_time_or_for_ever_is_refused(tokens: NamedTokens, days: int) -> None:
    with pytest.raises(BadRequest, match=f"{days} days: give 1 to 3650"):
        tokens.create("kim", Kind.FULL, days=days)
    assert tokens.list() == []


@pytest.mark.parametrize("token", ["x", "rsp_", "rsp_" + "x" * 42, "rsp_" + "?" * 43])
def test_what_can_be_none_of_ours_is_not_even_looked_up(token: str) -> None:
    class Nobody:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    assert NamedTokens(stand_in(Nobody()), TABLE, lambda: NOW).find(token) is None
