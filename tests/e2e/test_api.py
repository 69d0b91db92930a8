"""The deployed API, with its authorizer in front: who may do what, and to which job."""

import pytest

from chalicelib.api.paths import written
from chalicelib.aws.tokens import Kind
from respool.deploy.gateway import Gateway
from respool.local.deployment import Deployment
from tests.e2e.conftest import Engines
from tests.e2e.test_loop import fail_and_spool, finished

KEYS = ["plain", "a/b", "50%", "%2F", "..", "鍵 <b>", "~tilde"]


def test_the_stage_is_told_at_a_glance(stage: Deployment) -> None:
    fail_and_spool(stage, [{"key": "a"}, {"key": "b"}])

    def counted() -> bool:
        return bool(stage.api("GET", "/status", stage.token).json["jobs"]["parked"] == 2)

    stage.wait_until(counted, "both jobs in the status")
    told = stage.api("GET", "/status", stage.token).json

    assert told["spooled"] == 2
    assert told["trigger"] == "disabled"
    assert told["next_loss"] is None
    assert told["caller"] == {"name": "console", "kind": "full"}


def test_a_job_of_any_key_is_put_back_by_its_id(stage: Deployment) -> None:
    executions = fail_and_spool(stage, [{"key": key} for key in KEYS])
    stage.set_behavior("OK")

    for key in KEYS:
        answer = stage.api("POST", f"/jobs/{written(key)}/replay", stage.token, {})
        assert (key, answer.status, answer.json.get("resumed")) == (key, 200, 1)

    stage.wait_until(lambda: finished(stage, executions), "every job to finish")


def test_a_token_for_looking_looks_and_changes_nothing(stage: Deployment, engines: Engines) -> None:
    fail_and_spool(stage, [{"key": "a"}])
    token = engines(stage).world.named_tokens.create("wall", Kind.READ)

    assert stage.api("GET", "/jobs", token).status == 200
    assert stage.api("GET", "/status", token).json["caller"] == {"name": "wall", "kind": "read"}
    for method, path in [
        ("POST", "/replay"),
        ("POST", "/jobs/a/replay"),
        ("POST", "/jobs/a/give-up"),
        ("PUT", "/tasks/UncertainTask/limit"),
        ("PUT", "/tasks/UncertainTask/gate"),
    ]:
        assert stage.api(method, path, token, {}).status == 403
    assert len(stage.jobs("parked")) == 1


def test_a_named_token_s_deeds_stand_in_the_log_under_its_name(
    stage: Deployment, engines: Engines
) -> None:
    token = engines(stage).world.named_tokens.create("kim", Kind.FULL)

    stage.api("PUT", "/tasks/UncertainTask/limit", token, {"limit": 3, "reason": "less load"})

    def audited() -> list[str]:
        return [line for line in stage.logged() if '"audit"' in line and '"kim"' in line]

    (line,) = stage.wait_until(audited, "the audit line")[:1]
    assert "less load" in line
    assert token not in "".join(stage.logged())


@pytest.mark.parametrize("path", ["/", "/openapi.json", "/console/app.js", "/console/style.css"])
def test_the_page_and_the_document_need_no_token(stage: Deployment, path: str) -> None:
    answer = stage.api("GET", path)

    assert answer.status == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers


def test_a_stranger_s_file_is_not_served(stage: Deployment) -> None:
    assert stage.api("GET", "/console/app.py").status == 404


def test_a_flood_of_requests_is_turned_away_and_the_limit_is_the_settings(
    stage: Deployment,
) -> None:
    client = stage.client("apigateway")
    (api,) = (one["rest_api_id"] for one in stage.project.deployed() if "rest_api_id" in one)
    deployed = client.get_stage(restApiId=api, stageName="api")["methodSettings"]["*/*"]
    assert (deployed["throttlingRateLimit"], deployed["throttlingBurstLimit"]) == (20, 100)

    Gateway(client).limit(api, "api", 1, 2)
    try:
        statuses = {stage.api("GET", "/openapi.json").status for _ in range(20)}
    finally:
        Gateway(client).limit(api, "api", 20, 100)

    assert statuses == {200, 429}
