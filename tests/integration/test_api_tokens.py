"""Named tokens: made once, kept as hashes, found, listed, revoked."""

from collections.abc import Iterator

import boto3
import pytest

from chalicelib.aws.tokens import Caller, Kind
from chalicelib.errors import BadRequest, NotFound
from tests.integration.api_stage import ENVIRONMENT, TOKEN, ApiStage, api_stage


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiStage]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with api_stage() as made:
        yield made


def test_a_token_is_kept_nowhere_but_with_its_holder(api: ApiStage) -> None:
    token = api.tokens.create("kim", Kind.FULL)

    items = boto3.client("dynamodb").scan(TableName=api.names.table)["Items"]
    assert sum(item["pk"]["S"].startswith("token#") for item in items) == 1
    assert token not in repr(items)
    assert api.world.tokens.caller(f"Bearer {token}") == Caller("kim", Kind.FULL)


def test_tokens_are_listed_by_name_without_what_makes_them_good(api: ApiStage) -> None:
    for name, kind in (("wall", Kind.READ), ("kim", Kind.FULL)):
        api.tokens.create(name, kind)

    found = api.tokens.list()

    assert [(each.name, each.kind) for each in found] == [("kim", "full"), ("wall", "read")]


def test_a_revoked_token_is_unknown_and_its_name_is_free(api: ApiStage) -> None:
    old = api.tokens.create("kim", Kind.FULL)
    api.tokens.revoke("kim")

    new = api.tokens.create("kim", Kind.READ)

    assert api.world.tokens.caller(f"Bearer {old}") is None
    assert api.world.tokens.caller(f"Bearer {new}") == Caller("kim", Kind.READ)


def test_a_name_is_given_once(api: ApiStage) -> None:
    api.tokens.create("kim", Kind.FULL)

    with pytest.raises(BadRequest, match="a token kim exists already"):
        api.tokens.create("kim", Kind.READ)


@pytest.mark.parametrize("name", ["", "console", "nobody", "a b", "-x", "x" * 65, "鍵", "a\n"])
def test_a_name_that_would_mislead_is_refused(api: ApiStage, name: str) -> None:
    with pytest.raises(BadRequest, match="can't be a token's name"):
        api.tokens.create(name, Kind.FULL)


def test_an_unknown_name_can_t_be_revoked(api: ApiStage) -> None:
    with pytest.raises(NotFound, match="no token is named 'kim'"):
        api.tokens.revoke("kim")


def test_a_kind_of_a_later_version_is_good_for_looking_only(api: ApiStage) -> None:
    token = api.tokens.create("kim", Kind.FULL)
    table = boto3.resource("dynamodb").Table(api.names.table)
    (item,) = (each for each in table.scan()["Items"] if str(each["pk"]).startswith("token#"))
    table.put_item(Item={**item, "kind": "later"})

    assert api.world.tokens.caller(f"Bearer {token}") == Caller("kim", Kind.READ)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        TOKEN,
        f"Basic {TOKEN}",
        f"Bearer {TOKEN} {TOKEN}",
        f"Bearer {TOKEN}é",
        f"Bearer {TOKEN}\0",
        "Bearer \ud800",
        "Bearer " + "x" * 300,
        f"Bearer {TOKEN[:-1]}",
    ],
)
def test_anything_but_a_known_bearer_token_is_nobody(api: ApiStage, header: str) -> None:
    assert api.world.tokens.caller(header) is None


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER  {TOKEN} "])
def test_the_console_s_token_is_known(api: ApiStage, header: str) -> None:
    assert api.world.tokens.caller(header) == Caller("console", Kind.FULL)
