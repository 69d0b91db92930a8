"""The console's token is read seldom, and believed for a minute at most."""

from datetime import UTC, datetime
from typing import Any

import pytest
from chalice.app import AuthRequest

from app import app
from chalicelib.api.http import Refusal
from chalicelib.aws.tokens import CACHED, Caller, NamedTokens, Tokens
from chalicelib.errors import AwsError
from tests.fakes.clock import SteppedClock
from tests.fakes.stand_in import stand_in


class Secrets:
    """Secrets Manager with one secret, or none; counts who asks."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.asked = 0

    def get_secret_value(self, **_: Any) -> dict[str, str]:
        """The secret."""
        self.asked += 1
        return {"SecretString": self.token}


class NoTokens:
    """A table without named tokens."""

    def get_item(self, **_: Any) -> dict[str, Any]:
        """Nothing."""
        return {}


@pytest.fixture
def secrets() -> Secrets:
    return Secrets("first")


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def tokens(secrets: Secrets, clock: SteppedClock) -> Tokens:
    named = NamedTokens(stand_in(NoTokens()), "claims", lambda: datetime.now(UTC))
    return Tokens(stand_in(secrets), "respool-dev/console", named, clock.elapsed)


def test_many_calls_read_the_secret_once(tokens: Tokens, secrets: Secrets) -> None:
    for _ in range(100):
        assert tokens.caller("Bearer first") == Caller("console")
        assert tokens.caller("Bearer wrong") is None

    assert secrets.asked == 1


def test_a_changed_secret_holds_after_a_minute_at_most(
    tokens: Tokens, secrets: Secrets, clock: SteppedClock
) -> None:
    assert tokens.caller("Bearer first")
    secrets.token = "second"

    clock.pause(CACHED + 1)

    assert tokens.caller("Bearer first") is None
    assert tokens.caller("Bearer second") == Caller("console")


def test_a_no_is_an_explicit_deny_of_every_route_of_the_stage() -> None:
    arn = "arn:aws:execute-api:eu-west-1:123456789012:abc/api/POST/replay"

    answer = Refusal("nobody").to_dict(AuthRequest("TOKEN", "Bearer x", arn))

    (statement,) = answer["policyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Resource"] == ["arn:aws:execute-api:eu-west-1:123456789012:abc/api/*"]
    assert answer["principalId"] == "nobody"


def test_api_gateway_and_the_authorizer_together_believe_for_a_minute_at_most() -> None:
    (authorizer,) = app.builtin_auth_handlers
    assert (authorizer.ttl_seconds or 300) + CACHED <= 60


@pytest.mark.parametrize(
    "header",
    [
        "Bearer first",
        "bearer  first ",
        'Bearer "first"',
        "Bearer 'first'",
        "Bearer `first`",
        "Bearer Bearer first",
        'Bearer "Bearer first"',
        "'Bearer first'",
        "Bearer\tfirst",
    ],
)
def test_a_token_is_taken_with_what_is_pasted_along(tokens: Tokens, header: str) -> None:
    assert tokens.caller(header) == Caller("console")


@pytest.mark.parametrize("secret", ["first\n", " first", "first"])
def test_a_secret_that_was_put_there_by_hand_may_end_in_a_newline(
    tokens: Tokens, secrets: Secrets, secret: str
) -> None:
    secrets.token = secret
    assert tokens.caller("Bearer first") == Caller("console")


@pytest.mark.parametrize(
    "header", ["first", '"first"', "Basic first", "Bearer x first", "Bearer", "Bearer Bearer", '""']
)
def test_what_is_no_bearer_token_is_nobody_s(tokens: Tokens, header: str) -> None:
    assert tokens.caller(header) is None


def test_an_empty_secret_lets_nobody_in(tokens: Tokens, secrets: Secrets) -> None:
    secrets.token = ""

    assert tokens.caller("Bearer ") is None
    assert tokens.caller("Bearer x") is None


def test_without_the_secret_nobody_is_let_in(clock: SteppedClock) -> None:
    class Broken:
        def get_secret_value(self, **_: Any) -> None:
            raise AwsError("GetSecretValue: no answer")

    named = NamedTokens(stand_in(NoTokens()), "claims", lambda: datetime.now(UTC))

    with pytest.raises(AwsError):
        Tokens(stand_in(Broken()), "respool-dev/console", named, clock.elapsed).caller(
            "Bearer first"
        )
