"""Who may call, under hostile headers and events; and what every answer bears."""

import ast
import inspect
import statistics
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import app, reprocess
from chalicelib.api.http import SECURE
from chalicelib.api.openapi import document
from chalicelib.aws import tokens
from chalicelib.aws.tokens import Caller, Kind, NamedTokens, Tokens
from chalicelib.errors import BadRequest, RespoolError
from respool.deploy.checks.findings import read_json
from respool.deploy.preflight import CONFIG
from respool.local.emulator import PROJECT
from tests.fakes.stand_in import stand_in
from tests.hostile import anything, cases, tries, values
from tests.integration.api_stage import ENVIRONMENT, TOKEN, ApiStage, api_stage

HUGE = "Bearer " + "x" * 10_000_000


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiStage]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with api_stage() as made:
        yield made


class Nobody:
    """A table without a token; looks at nothing else."""

    def get_item(self, **_: Any) -> dict[str, Any]:
        return {}


class Secret:
    """Secrets Manager with the console's token."""

    def get_secret_value(self, **_: Any) -> dict[str, str]:
        return {"SecretString": TOKEN}


def known() -> Tokens:
    named = NamedTokens(stand_in(Nobody()), "table", lambda: datetime.now(UTC))
    return Tokens(stand_in(Secret()), "secret", named, time.monotonic)


@cases(200, 6000)
def test_no_header_but_the_token_s_own_lets_anybody_in(cases: int) -> None:
    pieces = st.sampled_from(
        ["Bearer", "bearer ", " ", '"', "'", TOKEN, TOKEN[:-1], "\0", "é", ",", "rsp_"]
    )
    headers = st.lists(pieces | st.text(anything, max_size=20), max_size=6).map("".join)
    caller = known().caller

    @tries(cases)
    @given(headers)
    def check(header: str) -> None:
        *bearers, token = header.translate(dict.fromkeys(map(ord, "\t\"'`"), " ")).split(" ")
        while not token and bearers:
            token = bearers.pop()
        others = {word.lower() for word in bearers if word}
        right = token == TOKEN and others == {"bearer"}
        assert caller(header) == (Caller("console", Kind.FULL) if right else None)

    check()


def test_a_huge_header_is_refused_at_once() -> None:
    began = time.process_time()

    assert known().caller(HUGE) is None
    assert time.process_time() - began < 1


def test_a_token_is_never_compared_but_in_constant_time() -> None:
    tree = ast.parse(inspect.getsource(tokens.Tokens))
    compared = [ast.unparse(each) for each in ast.walk(tree) if isinstance(each, ast.Compare)]

    assert compared == []
    assert "hmac.compare_digest" in inspect.getsource(tokens.Tokens.caller)
    assert "sha256" in inspect.getsource(tokens._key)


@pytest.mark.soak
def test_how_long_a_refusal_takes_tells_nothing_about_the_token() -> None:
    """Coarse: the medians of a first and of a last wrong character differ by less than a tenth."""
    caller = known().caller
    wrong = {"first": f"Bearer X{TOKEN[1:]}", "last": f"Bearer {TOKEN[:-1]}X"}
    spent: dict[str, list[int]] = {name: [] for name in wrong}
    for _ in range(20_000):
        for name, header in wrong.items():
            began = time.perf_counter_ns()
            caller(header)
            spent[name].append(time.perf_counter_ns() - began)
    first, last = (statistics.median(spent[name]) for name in wrong)
    assert abs(first - last) / first < 0.1


class Context:
    """Lambda's context, with time enough."""

    invoked_function_arn = ""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@cases(25, 400)
def test_the_replay_lambda_loses_nothing_to_an_event_of_any_shape(
    api: ApiStage, cases: int
) -> None:
    api.spool("a")
    api.stage.engines.replayer  # noqa: B018 - made before the first event, as in a warm Lambda
    odd = st.dictionaries(st.sampled_from(["Records", "max", "sweep", "ramp", "reason"]), values)

    @tries(cases)
    @given(values.filter(lambda event: not isinstance(event, dict)) | odd.filter(bool))
    def check(event: Any) -> None:
        with suppress(RespoolError):
            reprocess(event, Context())
        assert api.depth() + len(api.started()) == 1

    check()


@pytest.mark.parametrize("event", [None, [], "Records", 5, True])
def test_an_event_that_is_no_object_is_refused_in_words(api: ApiStage, event: object) -> None:
    with pytest.raises(BadRequest, match="takes a JSON object"):
        reprocess(event, Context())


BARE: dict[str, Any] = {
    "multiValueQueryStringParameters": None,
    "headers": {},
    "pathParameters": None,
    "body": None,
    "stageVariables": None,
}


@pytest.mark.parametrize(
    ("context", "status"),
    [
        ({"resourcePath": "/status", "httpMethod": "DELETE"}, 405),
        ({"resourcePath": "/status", "httpMethod": "GET"}, 500),
        ({}, 500),
    ],
)
def test_chalice_s_own_answers_bear_the_headers_too(
    api: ApiStage, context: dict[str, str], status: int
) -> None:
    class Broken(Context):
        @property
        def invoked_function_arn(self) -> str:  # type: ignore[override]
            raise ZeroDivisionError("secret")

    answer = app({**BARE, "requestContext": context}, Broken())

    assert answer["statusCode"] == status
    assert set(SECURE) <= set(answer["headers"])
    assert "Traceback" not in answer["body"]
    assert "secret" not in answer["body"]


def test_nothing_is_told_of_an_error_that_nobody_foresaw() -> None:
    assert app.debug is False


def test_the_api_is_regional_and_keeps_tokens_out_of_urls() -> None:
    config = read_json(PROJECT / CONFIG, CONFIG)
    assert config["api_gateway_endpoint_type"] == "REGIONAL"

    scheme = document()["components"]["securitySchemes"]["token"]
    assert scheme == {"type": "http", "scheme": "bearer"}
    for path in document()["paths"].values():
        for operation in path.values():
            names = {each["name"] for each in operation.get("parameters", ())}
            assert not names & {"token", "key_token", "access_token", "authorization"}
