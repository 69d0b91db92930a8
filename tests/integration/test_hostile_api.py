"""The API under cases made out of its own document, legal ones and others, by schemathesis.

The real app with its authorizer answers, on moto; requests are encoded as a client would.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from chalicelib.api.http import SECURE
from chalicelib.job.claim import State
from chalicelib.job.record import decode
from tests.hostile import CANARY, cases, tries
from tests.integration.api_stage import ENVIRONMENT, TOKEN, ApiStage, api_stage

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
JOBS = 8
Case = schemathesis.Case[Any]
HOST = "http://localhost"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiStage]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with api_stage() as made:
        made.stage.engines.replayer = replace(made.stage.engines.replayer, pause=lambda _: None)
        yield made


def sent(api: ApiStage, case: Case) -> schemathesis.Response:
    """What the app answers, by way of Chalice's own stand-in for API Gateway."""
    told = case.as_transport_kwargs(base_url=HOST)
    told.pop("headers", None)
    headers = dict(case.headers or {})
    if not _has_wrong_headers(case):
        headers["Authorization"] = f"Bearer {TOKEN}"
    request = requests.Request(**_of_request(told), headers=headers).prepare()
    body: Any = request.body or b""
    answer = api.client.http.request(
        str(request.method),
        request.path_url,
        {name: str(value) for name, value in request.headers.items()},
        body.encode() if isinstance(body, str) else body,
    )
    given = {k: v if isinstance(v, list) else [v] for k, v in answer.headers.items()}
    return schemathesis.Response(answer.status_code, given, answer.body, request, 0.1, True)


def _has_wrong_headers(case: Case) -> bool:
    """Whether the case is about a token that is missing or malformed."""
    about = case.meta.components.get(ParameterLocation.HEADER) if case.meta else None
    return about is not None and about.mode.is_negative


def _of_request(told: dict[str, Any]) -> dict[str, Any]:
    names = ("method", "url", "params", "data", "json", "files", "cookies")
    return {name: told[name] for name in names if name in told}


@cases(150, 2000)
def test_no_request_whatever_breaks_the_api(
    api: ApiStage, capfd: pytest.CaptureFixture[str], cases: int
) -> None:
    schema = schemathesis.openapi.from_dict(api.client.http.get("/openapi.json").json_body)
    operations: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
    assert len(operations) == 18
    made = st.one_of(
        *(each.as_strategy(GenerationMode.POSITIVE) for each in operations),
        *(each.as_strategy(GenerationMode.NEGATIVE) for each in operations),
    )
    books = Books(api)

    @tries(cases)
    @given(made)
    def check(case: Case) -> None:
        books.refill()
        answer = sent(api, case)
        case.validate_response(answer, checks=CHECKS)
        if "x-amzn-errortype" not in answer.headers:  # then the gateway answered, not the app
            assert {name.lower() for name in SECURE} <= set(answer.headers)
        assert not any(name.startswith("access-control") for name in answer.headers)
        assert b"Traceback" not in answer.content
        assert TOKEN.encode() not in answer.content
        assert CANARY.encode() not in answer.content

    check()

    spooled, found = books.balance()
    assert found == spooled
    told = repr(api.telemetry.lines) + "".join(capfd.readouterr())
    assert CANARY not in told
    assert TOKEN not in told
    assert "Traceback" not in told


class Books:
    """Every job that was ever spooled, and where each is now."""

    def __init__(self, api: ApiStage) -> None:
        self._api = api
        self._spooled: list[str] = []

    def refill(self) -> None:
        """Keep some jobs on the spool, whose inputs hold what must never leak."""
        if self._api.depth() >= JOBS // 2:
            return
        for number in range(len(self._spooled), len(self._spooled) + JOBS):
            key = f"job {number}"
            self._api.spool(key, x=CANARY)
            if number % JOBS == 0:  # a table that grows makes each look at it slower
                self._api.claim(f"line {number}", state=State.LINE, token=CANARY)
            self._spooled.append(key)

    def balance(self) -> tuple[list[str], list[str]]:
        """What was spooled, and what can be found now: still parked, started, or given up."""
        names = self._api.names
        waiting = [key for queue in (names.spool, names.stuck) for key in _drained(queue)]
        return sorted(self._spooled), sorted([*waiting, *_started(), *self._given_up()])

    def _given_up(self) -> list[str]:
        lines = [line for line in self._api.audit() if line["what"] == "give-up"]
        return [line["about"]["key"] for line in lines if line["count"]]


def _drained(queue: str) -> Iterator[str]:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    while messages := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600
    ).get("Messages"):
        yield from (decode(message["Body"]).key for message in messages)


def _started() -> Iterator[str]:
    states = boto3.client("stepfunctions")
    (machine,) = states.list_state_machines()["stateMachines"]
    pages = states.get_paginator("list_executions").paginate(
        stateMachineArn=machine["stateMachineArn"]
    )
    for page in pages:
        for found in page["executions"]:
            about = states.describe_execution(executionArn=found["executionArn"])
            yield json.loads(about["input"])["key"]
