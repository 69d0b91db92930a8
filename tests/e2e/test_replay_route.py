"""POST /replay at the deployed API, with its authorizer in front."""

import pytest

from respool.local.deployment import Deployment
from tests.e2e.test_loop import NOTHING, fail_and_spool, send


def test_a_replay_of_two_resumes_two_and_leaves_five(stage: Deployment) -> None:
    executions = fail_and_spool(stage, [{"key": f"job-{n}"} for n in range(7)])
    stage.set_behavior("OK")

    answer = stage.api("POST", "/replay?max=2", token=stage.token)
    stage.wait_until(
        lambda: sum(stage.status(e) == "SUCCEEDED" for e in executions) == 2, "two jobs to finish"
    )

    assert answer.status == 200
    kept = stage.api("GET", f"/replays/{answer.json.pop('id')}", token=stage.token).json
    assert (kept["by"], kept["state"], kept["outcomes"]) == ("console", "done", {"finished": 2})
    assert [job["outcome"] for job in kept["jobs"]] == ["finished"] * 2
    assert answer.json == {**NOTHING, "replayed": 2, "resumed": 2, "remaining": 5}
    assert stage.spool_depth() == 5
    assert sum(stage.status(execution) == "RUNNING" for execution in executions) == 5


def test_what_the_api_has_no_time_for_is_carried_on_by_the_next_lambda(stage: Deployment) -> None:
    executions = fail_and_spool(stage, [{"key": f"job-{n}"} for n in range(3)])
    stage.set_behavior("OK")

    answer = stage.api("POST", "/replay?max=2&rate=0.03", token=stage.token)
    assert (answer.json["replayed"], answer.json["more"]) == (1, True)
    stage.wait_until(
        lambda: sum(stage.status(e) == "SUCCEEDED" for e in executions) == 2, "two jobs to finish"
    )

    path = f"/replays/{answer.json['id']}"
    stage.wait_until(
        lambda: stage.api("GET", path, token=stage.token).json["state"] == "done", "its end"
    )
    kept = stage.api("GET", path, token=stage.token).json
    assert (kept["put_back"], kept["outcomes"]) == (2, {"finished": 2})


@pytest.mark.parametrize("token", [None, "", "wrong", "\u00e9", "x" * 3000])
def test_without_the_token_nothing_is_touched(stage: Deployment, token: str | None) -> None:
    send(stage, '{"key": "12345"}')

    answer = stage.api("POST", "/replay?max=2", token=token)

    assert answer.status in (401, 403)
    assert stage.spool_depth() == 1
    assert stage.executions() == []


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("max=0", "max=0 must be a whole number from 1 to 10000"),
        ("max=-1", "max=-1 must be a whole number from 1 to 10000"),
        ("max=two", "max=two must be a whole number from 1 to 10000"),
        ("max=10001", "max=10001 must be a whole number from 1 to 10000"),
        ("max=1&max=2", "(1, 2); give it once, a whole number from 1 to 10000"),
        ("most=1", "unknown parameter 'most'"),
    ],
)
def test_a_replay_of_nonsense_is_refused_and_touches_nothing(
    stage: Deployment, query: str, told: str
) -> None:
    send(stage, '{"key": "12345"}')

    answer = stage.api("POST", f"/replay?{query}", token=stage.token)

    assert answer.status == 400
    assert told in answer.json["error"]
    assert stage.spool_depth() == 1
