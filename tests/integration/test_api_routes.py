"""The API over its routes, with real adapters: what it lets through, does, refuses and logs."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.api.page_files import file, names
from chalicelib.aws.tokens import Kind
from chalicelib.job.claim import State
from tests.integration.api_stage import ENVIRONMENT, TOKEN, ApiStage, api_stage
from tests.unit.api_stage import ended

CHANGES = [
    ("POST", "/replay"),
    ("POST", "/jobs/a/replay"),
    ("POST", "/jobs/a/give-up"),
    ("PUT", "/tasks/UncertainTask/limit"),
    ("PUT", "/tasks/UncertainTask/gate"),
]
LOOKS = [("GET", "/status"), ("GET", "/jobs"), ("GET", "/jobs/groups"), ("GET", "/jobs/a")]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiStage]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with api_stage() as made:
        yield made


@pytest.mark.parametrize(("method", "path"), CHANGES + LOOKS)
def test_nobody_gets_in_without_a_known_token(api: ApiStage, method: str, path: str) -> None:
    assert api.call(method, path, token=None).status_code == 401
    assert api.call(method, path, token="wrong").status_code == 403
    assert api.call(method, path, token=TOKEN + "x").status_code == 403
    assert api.call(method, path, token="x" * 5000).status_code == 403
    assert api.audit() == []


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_a_token_for_looking_changes_nothing(api: ApiStage, method: str, path: str) -> None:
    token = api.tokens.create("wall-screen", Kind.READ)

    assert api.call(method, path, {}, token=token).status_code == 403


@pytest.mark.parametrize(("method", "path"), LOOKS)
def test_a_token_for_looking_sees_everything_but_inputs(
    api: ApiStage, method: str, path: str
) -> None:
    api.claim("a")
    token = api.tokens.create("wall-screen", Kind.READ)

    answer = api.call(method, path, token=token)

    assert answer.status_code == 200
    assert answer.json_body.get("input") is None


def test_a_revoked_token_is_refused(api: ApiStage) -> None:
    token = api.tokens.create("kim", Kind.FULL)
    assert api.call("GET", "/status", token=token).json_body["caller"] == {
        "name": "kim",
        "kind": "full",
    }

    api.tokens.revoke("kim")

    assert api.call("GET", "/status", token=token).status_code == 403


def test_the_stage_is_told_at_a_glance(api: ApiStage) -> None:
    api.claim("a")
    api.claim("b", state=State.STUCK, attempt=5)
    api.spool("c")

    told = api.call("GET", "/status").json_body

    assert told["jobs"] == {"running": 0, "line": 0, "parked": 1, "stuck": 1}
    assert (told["spooled"], told["stuck"], told["trigger"]) == (1, 0, "missing")
    assert told["caller"] == {"name": "console", "kind": "full"}
    assert [(task["task"], task["limit"]) for task in told["tasks"]] == [("UncertainTask", 5)]


def test_jobs_groups_and_one_job_are_told(api: ApiStage) -> None:
    api.claim("a/b", 1)
    api.claim("groups", 2, error="ValueError")
    api.put(ended("done", State.FINISHED))

    listed = api.call("GET", "/jobs").json_body["jobs"]
    assert [(job["key"], job["id"]) for job in listed] == [
        ("a/b", "~YS9i"),
        ("groups", "~Z3JvdXBz"),
    ]
    grouped = api.call("GET", "/jobs/groups").json_body["groups"]
    assert [group["error"] for group in grouped] == ["ConnectionError", "ValueError"]
    for told in (*listed, {"key": "done", "id": "done"}):
        assert api.call("GET", f"/jobs/{told['id']}").json_body["key"] == told["key"]
    assert api.call("GET", "/jobs/nobody").status_code == 404


def test_no_answer_and_no_line_has_a_token(api: ApiStage) -> None:
    api.claim("a", token="AQCEAAAAKgAA-secret")
    bodies = [api.call(method, path, {}).body for method, path in LOOKS + CHANGES]

    assert not any(b"secret" in body for body in bodies)
    assert "secret" not in repr(api.telemetry.lines)


def test_a_replay_starts_as_many_jobs_as_asked_for_and_is_audited(api: ApiStage) -> None:
    for n in range(5):
        api.spool(f"job-{n}")

    answer = api.call("POST", "/replay", max=2, reason="they say it is well")

    assert answer.status_code == 200
    body = answer.json_body
    id = body.pop("id")
    assert body == {
        "replayed": 2,
        "resumed": 0,
        "restarted": 2,
        "stale": 0,
        "failed": [],
        "remaining": 3,
        "more": False,
    }
    assert len(api.started()) == 2
    (line,) = api.audit()
    assert line == {
        "who": "console",
        "what": "replay",
        "reason": "they say it is well",
        "about": {"max": "2"},
        "count": 2,
        "replay": id,
    }


@pytest.mark.parametrize(("setting", "taken"), [(None, 10), ("4", 4)])
def test_without_a_max_the_stage_s_default_is_taken(
    monkeypatch: pytest.MonkeyPatch, setting: str | None, taken: int
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    if setting is not None:
        monkeypatch.setenv("MAX_REPROCESS", setting)
    with api_stage() as api:
        for n in range(12):
            api.spool(f"job-{n}")

        answer = api.call("POST", "/replay")

        assert answer.json_body["replayed"] == taken


@pytest.mark.parametrize(
    ("body", "query", "told"),
    [
        ({"max": 0}, {}, "max=0 must be a whole number from 1 to 10000"),
        ({"max": 1}, {"max": 2}, "max stands in the query and in the body; give it once"),
        (None, {"max": ["1", "2"]}, "max is given 2 times (1, 2); give it once"),
        ({"colour": "red"}, {}, "unknown parameter 'colour'"),
        ({"max": [1]}, {}, "max must be a single value, not list"),
        ({"keys": [1]}, {}, "keys must be a single value, not list"),
        ({"keys": []}, {}, "keys must be a list of 1 to 10,000 keys"),
        (None, {"keys": "a"}, "keys must be a list of 1 to 10,000 keys, in a JSON body"),
        (b"{", {}, "the body is not JSON"),
        (b'{"max": 1, "max": 2}', {}, "a name stands in it more than once"),
        (b"[]", {}, "the body must be a JSON object, not list"),
        (b'{"reason": "\\ud800"}', {}, "the body is not JSON"),
    ],
)
def test_a_request_of_no_use_is_refused_by_name(
    api: ApiStage, body: Any, query: dict[str, Any], told: str
) -> None:
    api.spool("a")

    answer = api.call("POST", "/replay", body, **query)

    assert answer.status_code == 400
    assert told in answer.json_body["error"]
    assert (api.depth(), api.audit()) == (1, [])


def test_a_gate_is_closed_and_opened(api: ApiStage) -> None:
    body = {"open": False, "until": "2099-01-01T00:00:00+09:00", "reason": "repair"}

    closed = api.call("PUT", "/tasks/UncertainTask/gate", body)
    assert closed.json_body["gate"]["until"] == "2098-12-31T15:00:00.000Z"
    assert closed.json_body["gate"]["by"] == "console"
    opened = api.call("PUT", "/tasks/UncertainTask/gate", {"open": True})

    assert opened.json_body["gate"]["open"] is True
    assert [line["what"] for line in api.audit()] == ["close-gate", "open-gate"]


@pytest.mark.parametrize("limit", [-1, 1001, "many", 1.5, True])
def test_a_limit_of_no_use_is_refused(api: ApiStage, limit: object) -> None:
    answer = api.call("PUT", "/tasks/UncertainTask/limit", {"limit": limit})

    assert answer.status_code == 400
    assert "must be a whole number from 0 to 1000" in answer.json_body["error"]


def test_a_task_inside_a_branch_may_be_limited_before_any_job_has_come(api: ApiStage) -> None:
    answer = api.call("PUT", "/tasks/Second/limit", {"limit": 2})

    assert (answer.status_code, answer.json_body.get("limit")) == (200, 2)


def test_a_misspelt_task_is_not_limited(api: ApiStage) -> None:
    answer = api.call("PUT", "/tasks/UncertainTsak/limit", {"limit": 0})

    assert answer.status_code == 404
    assert "UncertainTask" in answer.json_body["error"]


def test_what_can_not_be_done_as_things_stand_is_a_conflict(api: ApiStage) -> None:
    api.put(ended("a", State.FINISHED))

    answer = api.call("POST", "/jobs/a/replay")

    assert answer.status_code == 409
    assert "has ended (finished)" in answer.json_body["error"]


def test_a_body_in_another_form_is_refused(api: ApiStage) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "text/plain"}

    answer = api.client.http.post("/replay", headers=headers, body=b"{}")

    assert answer.status_code == 415
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_is_open_and_lets_nothing_foreign_in(api: ApiStage) -> None:
    answer = api.client.http.get("/")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_browser_that_has_the_page_already_is_told_so(api: ApiStage) -> None:
    first = api.client.http.get("/")

    again = api.client.http.get("/", headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304
    assert first.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["app.js", "style.css", "icon.svg"])
def test_a_file_asked_for_by_its_version_is_kept_for_good(api: ApiStage, name: str) -> None:
    version = file(name).version
    assert f"console/{name}?v={version}" in api.client.http.get("/").body.decode()

    kept = api.client.http.get(f"/console/{name}?v={version}")
    other = api.client.http.get(f"/console/{name}?v=0")

    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert other.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["..", "app.py", "..%2f..%2fapp.py", "", "nothing.js"])
def test_only_the_page_s_own_files_are_served(api: ApiStage, name: str) -> None:
    assert name not in names()
    assert api.client.http.get(f"/console/{name}").status_code in (403, 404)


def test_every_file_of_the_page_is_served_with_its_type(api: ApiStage) -> None:
    types = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg"}
    for name in names():
        answer = api.client.http.get(f"/console/{name}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith(types[name.rpartition(".")[2]])


def test_the_document_is_open_to_programs(api: ApiStage) -> None:
    answer = api.client.http.get("/openapi.json")

    assert answer.json_body["openapi"] == "3.1.0"


def test_a_key_in_plain_base64_with_padding_is_not_taken_for_another(api: ApiStage) -> None:
    padded = "~" + base64.b64encode(b"a/b?").decode()

    assert api.call("POST", f"/jobs/{padded}/replay").status_code == 400
