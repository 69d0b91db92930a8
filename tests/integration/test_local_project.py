"""Copies of a project are deployed again and again, and the user's own records stay untouched."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from respool.local.deployment import Deployment
from respool.local.emulator import LocalAws, local_aws
from respool.local.project import ChaliceFailed, copy_parts, named_definitions, project_copy

APP = """
from chalice import AuthResponse, Chalice
app = Chalice(app_name="respool")

@app.lambda_function(name="uncertain_task")
def uncertain_task(event, context):
    return event

@app.authorizer()
def authorizer(request):
    return AuthResponse(routes=["*"] if request.token == "Bearer good" else [], principal_id="me")

@app.route("/replay", methods=["POST"], authorizer=authorizer)
def replay():
    return {"max": (app.current_request.query_params or {}).get("max")}
"""
STATUS = """
@app.route("/status", authorizer=authorizer)
def status():
    return {"ok": True}
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws() as local:
        yield local


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small project of a user who has deployed it to a real account before."""
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / ".chalice" / "deployed").mkdir(parents=True)
    (tmp_path / ".chalice" / "deployed" / "local.json").write_text("the user's own")
    config = {"version": "2.0", "app_name": "respool", "minimum_compression_size": 1024}
    (tmp_path / ".chalice" / "config.json").write_text(json.dumps(config))
    return tmp_path


def files(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("place", ["stage", "top"])
def test_a_definition_of_one_s_own_is_copied_along(
    source: Path, tmp_path: Path, place: str
) -> None:
    own = {"environment_variables": {"STATE_MACHINE": "machines/own.json"}}
    config = {"stages": {"local": own}} if place == "stage" else own
    (source / ".chalice" / "config.json").write_text(json.dumps(config))
    (source / "machines").mkdir()
    (source / "machines" / "own.json").write_text("{}")
    (source / "machines" / "other.json").write_text("{}")
    copied = tmp_path / "copied"
    copy_parts(source, copied)
    assert [path.name for path in (copied / "machines").iterdir()] == ["own.json"]


def test_nothing_from_outside_the_project_is_copied(source: Path, tmp_path: Path) -> None:
    (tmp_path.parent / "outside.json").write_text("{}")
    own = {"environment_variables": {"STATE_MACHINE": "../outside.json"}}
    (source / ".chalice" / "config.json").write_text(json.dumps(own))
    assert named_definitions(source) == []


def test_a_second_deploy_over_the_first_changes_the_api(aws: LocalAws, source: Path) -> None:
    before = files(source)
    with project_copy(aws.endpoint, source=source) as copy:
        copy.deploy()
        stage = Deployment(copy)
        url = stage.api_url
        assert stage.api("GET", "/status", "good").status == 403
        copy.write({"app.py": APP + STATUS})
        copy.deploy()
        assert stage.api_url == url
        assert stage.api("GET", "/status", "good").json == {"ok": True}
    assert not copy.folder.exists()
    assert files(source) == before


def test_the_authorizer_stands_before_the_deployed_route(aws: LocalAws, source: Path) -> None:
    with project_copy(aws.endpoint, source=source) as copy:
        copy.deploy()
        stage = Deployment(copy)
        statuses = [stage.api("POST", "/replay", token).status for token in (None, "bad", "good")]
        assert statuses == [401, 403, 200]
        assert stage.api("POST", "/replay?max=2", "good").json == {"max": "2"}


def test_settings_reach_the_functions_environment(aws: LocalAws, source: Path) -> None:
    with project_copy(aws.endpoint, "100000000001", source) as copy:
        copy.change_settings({"SLEEP": "0", "BEHAVIOR": "NG"})
        copy.deploy()
        found = (
            Deployment(copy)
            .client("lambda")
            .get_function_configuration(FunctionName="respool-local-uncertain_task")
        )
        given = found["Environment"]["Variables"]
        assert given.pop("TEMPLATE_BUCKET").endswith("100000000001")
        assert given == {"SLEEP": "0", "BEHAVIOR": "NG"}


def test_accounts_do_not_see_each_other(aws: LocalAws, source: Path) -> None:
    with (
        project_copy(aws.endpoint, "100000000002", source) as one,
        project_copy(aws.endpoint, "100000000003", source) as other,
    ):
        one.deploy()
        name = {"FunctionName": "respool-local-uncertain_task"}
        functions = Deployment(other).client("lambda")
        with pytest.raises(functions.exceptions.ResourceNotFoundException):
            functions.get_function(**name)
        other.deploy()
        assert Deployment(one).client("lambda").get_function(**name)
        assert Deployment(one).api_url != Deployment(other).api_url
        assert Deployment(other).api("POST", "/replay", "good").status == 200


def test_a_deploy_that_fails_says_what_chalice_said(aws: LocalAws, source: Path) -> None:
    (source / "app.py").write_text("raise ValueError('broken on purpose')")
    with (
        project_copy(aws.endpoint, source=source) as copy,
        pytest.raises(ChaliceFailed, match="broken on purpose"),
    ):
        copy.deploy()
