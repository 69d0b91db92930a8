"""The API over its routes, with real adapters: what it lets through, does, refuses and logs."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.api.page_files import names
from chalicelib.aws.tokens import Kind
from chalicelib.job.ramp_state import State, Verdict
from chalicelib.settings import Settings
from tests.integration.api_stage import ENVIRONMENT, TOKEN, ApiStage, api_stage

CHANGES = [
    ("POST", "/replay"),
    ("POST", "/jobs/a/replay"),
    ("POST", "/jobs/a/give-up"),
    ("PUT", "/tasks/UncertainTask/limit"),
]
LOOKS = [("GET", "/status"), ("GET", "/jobs"), ("GET", "/jobs/groups")]


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
    token = api.stage.named_tokens.create("wall-screen", Kind.READ)

    assert api.call(method, path, {}, token=token).status_code == 403


@pytest.mark.parametrize(("method", "path"), LOOKS)
def test_a_token_for_looking_sees_everything(api: ApiStage, method: str, path: str) -> None:
    token = api.stage.named_tokens.create("wall-screen", Kind.READ)

    assert api.call(method, path, token=token).status_code == 200


def test_a_revoked_token_is_refused(api: ApiStage) -> None:
    token = api.stage.named_tokens.create("kim", Kind.FULL)
    assert api.call("GET", "/status", token=token).json_body["caller"] == {
        "name": "kim",
        "kind": "full",
    }

    api.stage.named_tokens.revoke("kim")

    assert api.call("GET", "/status", token=token).status_code == 403


def test_the_stage_is_told_at_a_glance(api: ApiStage) -> None:
    api.claim("a")
    api.claim("b", stuckAt="2026-11-21T00:00:00Z", attempt=5)
    api.claim("c", parkedAt="", firstFailedAt="", attempt=0)
    api.spool("a")

    told = api.call("GET", "/status").json_body

    assert told["jobs"] == {"running": 1, "parked": 1, "stuck": 1}
    assert (told["spooled"], told["stuck"], told["trigger"]) == (1, 0, "missing")
    assert told["oldest_failure"]["at"] == "2026-11-20T13:10:00.000+00:00"
    assert told["next_loss"] is None
    assert told["schedule"] is None
    assert told["tasks"] == [
        {
            "task": "UncertainTask",
            "inside": 0,
            "limit": 5,
            "default_limit": 5,
            "own_limit": False,
            "ramp": None,
        }
    ]


def test_what_the_ramp_wrote_down_is_told(api: ApiStage) -> None:
    api.stage.settings = Settings.read({"RECOVERY": "ramp"})
    api.claim("a")
    refused = State(
        "UncertainTask",
        due="2026-11-20T14:00:00+00:00",
        last=Verdict.REFUSED,
        last_at="2026-11-20T13:20:00+00:00",
        last_key="a",
        last_size=1,
    )
    assert api.stage.ramps.put(refused)

    (task,) = api.call("GET", "/status").json_body["tasks"]

    assert task["ramp"]["code"] == "refused"
    assert task["ramp"]["next"] == "2026-11-20T14:00:00+00:00"
    assert "with job a: still refusing; next try" in task["ramp"]["says"]


def test_many_questions_cost_one_look(api: ApiStage) -> None:
    first = api.client.http.get("/status", headers={"Authorization": f"Bearer {TOKEN}"})
    api.claim("a")
    second = api.client.http.get("/status", headers={"Authorization": f"Bearer {TOKEN}"})

    assert first.json_body["at"] == second.json_body["at"]
    assert second.json_body["jobs"]["parked"] == 0


def test_a_replay_starts_as_many_jobs_as_asked_for_and_is_audited(api: ApiStage) -> None:
    for n in range(5):
        api.spool(f"job-{n}")

    answer = api.call("POST", "/replay", max=2, reason="they say it is well")

    assert answer.status_code == 200
    assert answer.json_body == {
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
    }


@pytest.mark.parametrize(("setting", "taken"), [("", 10), ("4", 4)])
def test_without_a_max_the_stage_s_default_is_taken(
    monkeypatch: pytest.MonkeyPatch, setting: str, taken: int
) -> None:
    for name, value in {**ENVIRONMENT, "MAX_REPROCESS": setting}.items():
        monkeypatch.setenv(name, value)
    with api_stage() as api:
        for n in range(12):
            api.spool(f"job-{n}")

        answer = api.call("POST", "/replay")

    assert answer.json_body["replayed"] == taken
    assert answer.json_body["remaining"] == 12 - taken


def test_a_remembered_look_is_not_used_for_what_happened_after_it(api: ApiStage) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}

    def look(query: str) -> dict[str, Any]:
        found: dict[str, Any] = api.client.http.get(f"/status{query}", headers=headers).json_body
        return found

    look("")
    api.claim("a")
    assert look("")["jobs"]["parked"] == 0, "many pages that poll share one look"
    began = look("?since=now")

    assert began["jobs"]["parked"] == began["since"]["waiting"] == 1
    api.claim("b")
    again = look("?since=" + began["since"]["at"].replace("+", "%2B"))
    assert again["since"]["at"] == began["since"]["at"]
    assert again["at"] == began["at"], "a look from after that moment is good for it"


def test_a_replay_may_be_asked_for_in_the_body(api: ApiStage) -> None:
    api.spool("a")
    api.spool("b")

    answer = api.call("POST", "/replay", {"key": "b", "max": 5})

    assert answer.json_body["replayed"] == 1
    assert api.started() == ["b"]


def test_a_dry_run_tells_the_plan_and_changes_nothing(api: ApiStage) -> None:
    api.spool("a")

    answer = api.call("POST", "/replay", dry_run="true").json_body

    assert [(told["key"], told["action"]) for told in answer["plan"]] == [("a", "restart")]
    assert api.started() == []
    assert api.audit() == []


@pytest.mark.parametrize(
    ("query", "body", "told"),
    [
        ({"max": "0"}, None, "max=0 must be a whole number from 1 to 10000"),
        ({"max": ["1", "2"]}, None, "max is given 2 times"),
        ({"max": "2"}, {"max": 3}, "max stands in the query and in the body"),
        ({}, b"{", "the body is not JSON"),
        ({}, b"[" * 100_000, "the body is not JSON"),
        ({}, b"\xff", "the body is not JSON"),
        ({}, [1], "the body must be a JSON object, not list"),
        ({}, b'{"reason": "\\ud800"}', "the body is not JSON"),
        ({}, b'{"max": ' + b"9" * 5000 + b"}", "the body is not JSON"),
        ({}, b'{"max": 1e999}', "the body is not JSON"),
        ({}, {"max": [1]}, "max must be a single value, not list"),
        ({}, b'{"max": ' + b"[" * 400 + b"]" * 400 + b"}", "max must be a single value"),
        ({}, b'{"max": ' + b"[" * 900 + b"]" * 900 + b"}", "over 500 levels deep"),
        ({}, b'{"max": 1, "max": 500}', "a name stands in it more than once"),
        ({}, {"wrong": 1}, "unknown parameter 'wrong'"),
        ({"reason": "x" * 2000}, None, "must be text of at most 1024 bytes"),
    ],
)
def test_a_request_of_no_use_is_refused_by_name(
    api: ApiStage, query: dict[str, str], body: object, told: str
) -> None:
    answer = api.call("POST", "/replay", body, **query)

    assert answer.status_code == 400
    assert told in answer.json_body["error"]
    assert "Traceback" not in answer.body.decode()


@pytest.mark.parametrize("key", ["12345", "a/b", "50%", "..", "鍵 & <b>", "~x"])
def test_one_job_is_put_back_whatever_its_key_holds(api: ApiStage, key: str) -> None:
    api.spool(key)
    api.spool("another")
    api.claim(key)
    (job,) = api.call("GET", "/jobs").json_body["jobs"]

    answer = api.call("POST", f"/jobs/{job['id']}/replay", {"reason": "by hand"})

    assert answer.json_body["replayed"] == 1
    assert api.started() == [key]
    assert api.depth() == 1
    assert api.audit()[0]["about"] == {"key": key}


def test_a_stuck_job_is_found_in_its_own_queue(api: ApiStage) -> None:
    api.claim("a", stuckAt="2026-11-21T00:00:00Z", attempt=7)
    api.spool("a", api.stage.names.stuck, attempt=7)

    assert api.call("POST", "/jobs/a/replay").json_body["replayed"] == 1
    assert api.started() == ["a"]


def test_a_job_that_failed_often_is_put_back_by_hand_before_it_is_stuck(api: ApiStage) -> None:
    api.claim("a", attempt=7)
    api.spool("a", attempt=7)

    assert api.call("POST", "/jobs/a/replay").json_body["replayed"] == 1


def test_all_stuck_jobs_are_put_back_where_that_is_asked_for(api: ApiStage) -> None:
    for key in "ab":
        api.spool(key, api.stage.names.stuck, attempt=7)
    api.spool("c")

    assert api.call("POST", "/replay", stuck="true").json_body["replayed"] == 2
    assert api.started() == ["a", "b"]


def test_a_job_that_nobody_knows_is_not_found(api: ApiStage) -> None:
    answer = api.call("POST", "/jobs/nobody/replay")

    assert answer.status_code == 404
    assert "no job has the key 'nobody'" in answer.json_body["error"]


def test_a_running_job_is_not_put_back(api: ApiStage) -> None:
    api.claim("a", parkedAt="", attempt=0)

    assert api.call("POST", "/jobs/a/replay").status_code == 409


def test_a_job_whose_message_is_out_of_sight_is_not_said_to_be_gone(api: ApiStage) -> None:
    api.claim("a")

    answer = api.call("POST", "/jobs/a/replay")

    assert answer.status_code == 409
    assert "try again" in answer.json_body["error"]


def test_a_job_is_given_up_with_a_reason(api: ApiStage) -> None:
    api.spool("a")
    api.claim("a")

    answer = api.call("POST", "/jobs/a/give-up", {"reason": "ordered twice"})

    assert answer.json_body == {"key": "a", "given_up": True, "message_removed": True}
    assert api.call("GET", "/jobs").json_body["total"] == 0
    assert api.audit()[0]["reason"] == "ordered twice"


def test_a_job_is_not_given_up_without_a_reason(api: ApiStage) -> None:
    api.claim("a")

    assert api.call("POST", "/jobs/a/give-up", {}).status_code == 400
    assert api.call("POST", "/jobs/a/give-up", {"reason": 5}).status_code == 400
    assert api.call("GET", "/jobs").json_body["total"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "what", "count"),
    [
        ("POST", "/replay", {"max": 1}, "replay", 1),
        ("POST", "/jobs/a/replay", {}, "replay-job", 1),
        ("POST", "/jobs/a/give-up", {}, "give-up", 1),
        ("PUT", "/tasks/UncertainTask/limit", {"limit": 2}, "limit", 1),
        ("POST", "/jobs/nobody/give-up", {}, "give-up", 0),
    ],
)
def test_every_change_leaves_one_line_of_who_what_how_many_and_why(
    api: ApiStage, method: str, path: str, body: dict[str, Any], what: str, count: int
) -> None:
    api.spool("a")
    api.claim("a")
    token = api.stage.named_tokens.create("aki", Kind.FULL)

    api.call(method, path, {**body, "reason": "it is well"}, token)

    (line,) = api.audit()
    told = (line["who"], line["what"], line["count"], line["reason"])
    assert told == ("aki", what, count, "it is well")
    assert ("problem" in line) is (count == 0)


def test_a_task_is_held_and_released(api: ApiStage) -> None:
    held = api.call("PUT", "/tasks/UncertainTask/limit", {"limit": 0, "reason": "repair"})
    assert held.json_body["limit"] == 0
    assert api.call("GET", "/status").json_body["tasks"][0]["own_limit"] is True

    released = api.call("PUT", "/tasks/UncertainTask/limit", {"limit": None})

    assert released.json_body["limit"] == 5
    assert [line["about"]["limit"] for line in api.audit()] == [0, None]


def test_a_task_inside_a_branch_may_be_limited_before_any_job_has_come(api: ApiStage) -> None:
    answer = api.call("PUT", "/tasks/Second/limit", {"limit": 2})

    assert answer.json_body["limit"] == 2


@pytest.mark.parametrize("limit", [-1, 1001, "many", 1.5, True])
def test_a_limit_of_no_use_is_refused(api: ApiStage, limit: object) -> None:
    answer = api.call("PUT", "/tasks/UncertainTask/limit", {"limit": limit})

    assert answer.status_code == 400
    assert "must be a whole number from 0 to 1000" in answer.json_body["error"]


def test_a_misspelt_task_is_not_limited(api: ApiStage) -> None:
    answer = api.call("PUT", "/tasks/UncertainTsak/limit", {"limit": 0})

    assert answer.status_code == 404
    assert "UncertainTask" in answer.json_body["error"]


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


def test_a_browser_that_has_a_file_already_is_told_so(api: ApiStage) -> None:
    first = api.client.http.get("/")

    again = api.client.http.get("/", headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304


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
