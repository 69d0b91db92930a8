"""Jobs are listed in the one order, page by page, from the index; one is told in full."""

import json
from typing import Any

import pytest

from chalicelib.api.jobs import link, list_jobs
from chalicelib.api.one_job import show_job
from chalicelib.errors import BadRequest, NotFound
from chalicelib.job.claim import State
from tests.unit.api_stage import ApiStage, ended, job, moment, slots


def keys(api: ApiStage, **query: str) -> list[str]:
    answer = list_jobs(api.stage, {name: [value] for name, value in query.items()})
    return [row["key"] for row in answer["jobs"]]


def test_the_oldest_job_comes_first_however_it_stands() -> None:
    api = ApiStage(
        job("young", 5),
        job("in-0", -9, state=State.RUNNING),
        job("line", -3, state=State.LINE),
        job("stuck", -5, state=State.STUCK),
        slots(inside=1, waiting=1),
    )

    assert keys(api) == ["in-0", "stuck", "line", "young"]


def test_pages_hold_every_job_once_also_of_one_moment() -> None:
    long = "x" * 220
    api = ApiStage(
        *(job(f"job-{n:03}", n // 7) for n in range(100)),
        *(job(f"{long}{n}", 50) for n in range(9)),
    )
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": ["13"]} | ({"cursor": [cursor]} if cursor else {})
        page = list_jobs(api.stage, query)
        seen += [row["key"] for row in page["jobs"]]
        cursor = page["cursor"]
        assert page["total"] == 109

    assert seen == [f"job-{n:03}" for n in range(100)] + [f"{long}{n}" for n in range(9)]


def test_a_cursor_goes_on_behind_a_job_that_has_left_meanwhile() -> None:
    api = ApiStage(job("a", 0), job("b", 1), job("c", 2))
    first = list_jobs(api.stage, {"limit": ["2"]})
    api.lay(job("b", 1, state=State.RUNNING))

    assert keys(api, cursor=first["cursor"]) == ["c"]


def test_jobs_are_chosen_by_state_task_error_and_part_of_their_key() -> None:
    api = ApiStage(
        job("in-0", 0, state=State.RUNNING, attempt=0),
        job("p", 1),
        job("S-Late", 2, state=State.STUCK),
        job("t", 3, task="Other"),
        job("e", 4, error=""),
        slots(inside=1),
        slots("Other"),
    )

    assert keys(api, state="running") == ["in-0"]
    assert keys(api, state="stuck,running") == ["in-0", "S-Late"]
    assert keys(api, task="Other") == ["t"]
    assert keys(api, error="", state="parked") == ["e"]
    assert keys(api, search="late") == ["S-Late"]
    assert keys(api, task="Nothing") == []


def test_a_job_that_has_just_got_its_slot_is_listed_once() -> None:
    api = ApiStage(job("in-0", 0, state=State.LINE), slots(inside=1))
    api.memory.table.index.lagging = True
    api.lay(job("in-0", 0, state=State.RUNNING))

    assert [row["state"] for row in list_jobs(api.stage, {})["jobs"]] == ["running"]


def test_an_ended_job_is_found_by_its_whole_key_alone() -> None:
    api = ApiStage(ended("order-1", State.FINISHED), job("order-12", 1))

    rows = list_jobs(api.stage, {"search": ["order-1"]})["jobs"]

    assert [(row["key"], row["state"]) for row in rows] == [
        ("order-12", "parked"),
        ("order-1", "finished"),
    ]
    assert keys(api, search="order") == ["order-12"]
    assert keys(api) == ["order-12"]


def test_a_row_tells_the_start_this_wait_and_why() -> None:
    cause = json.dumps({"errorType": "ConnectionError", "errorMessage": "m" * 2000})
    api = ApiStage(job("a", -5, message=cause, since=moment(1), failedAt=moment(1), attempt=2))

    (row,) = list_jobs(api.stage, {})["jobs"]

    assert row["started_at"] == moment(-5)
    assert row["since"] == row["failed_at"] == moment(1)
    assert row["first_failed_at"] == moment(-5)
    assert row["error"] == {"name": "ConnectionError", "message": "m" * 1000}
    assert row["execution"].endswith(":a")
    assert "token" not in json.dumps(row)


def test_a_job_that_never_failed_has_no_failure() -> None:
    line = job("a", 0, state=State.LINE, attempt=0, failedAt=moment(-99))
    api = ApiStage(line, slots(waiting=1))

    (row,) = list_jobs(api.stage, {})["jobs"]

    assert (row["error"], row["failed_at"]) == ({"name": "", "message": ""}, None)


def test_a_search_among_very_many_goes_on_where_it_ended() -> None:
    api = ApiStage(*(job(f"job-{n:05}", n / 100) for n in range(5_200)), job("needle", 99))
    first = list_jobs(api.stage, {"search": ["needle"]})

    assert [row["key"] for row in first["jobs"]] == ["needle"]  # the whole key is asked for
    assert keys(api, search="eedl") == []
    assert first["cursor"] is not None
    assert keys(api, search="eedl", cursor=first["cursor"]) == ["needle"]


def test_a_page_costs_a_handful_of_calls_whatever_waits() -> None:
    api = ApiStage(*(job(f"job-{n:05}", n / 100) for n in range(3_000)))
    api.stage.overview.read()

    calls = api.calls(lambda: list_jobs(api.stage, {"limit": ["50"]}))

    assert len(calls) <= 5, calls


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"state": ["dead"]}, "state=dead must be one or more of running, line, parked, stuck"),
        ({"state": ["finished"]}, "must be one or more of"),
        ({"limit": ["0"]}, "limit=0 must be a whole number from 1 to 200"),
        ({"limit": ["1", "2"]}, "limit is given 2 times"),
        ({"cursor": ["!!"]}, "cursor=!! is not one that /jobs gave"),
        ({"cursor": ["W1tdLDFd"]}, "is not one that /jobs gave"),
        ({"colour": ["red"]}, "unknown parameter 'colour'"),
        ({"search": [""]}, "search is empty"),
    ],
)
def test_a_question_of_no_use_is_refused_by_name(query: dict[str, list[str]], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        list_jobs(ApiStage().stage, query)


def full(api: ApiStage, key: str, with_input: bool = True) -> dict[str, Any]:
    return show_job(api.stage, (key, ""), {}, with_input)


def test_one_job_is_told_with_its_history_and_input() -> None:
    api = ApiStage()
    api.fail("a")

    answer = full(api, "a")

    assert (answer["state"], answer["execution_status"]) == ("parked", "running")
    assert answer["history"][0]["what"] == "UncertainTask began."
    assert answer["input"] == '{"key": "a"}'
    assert "token" not in answer


def test_the_input_is_for_those_who_may_see_it() -> None:
    api = ApiStage()
    api.fail("a")

    assert full(api, "a", with_input=False)["input"] is None


def test_a_finished_job_is_found_by_its_key() -> None:
    api = ApiStage()
    api.memory.process().workflow.start("run-a", '{"key": "a"}')
    api.memory.run()

    answer = full(api, "a")

    assert (answer["state"], answer["execution_status"]) == ("finished", "succeeded")
    assert answer["ended_at"]


def test_a_job_whose_execution_is_forgotten_is_still_told() -> None:
    answer = full(ApiStage(ended("a", State.FAILED)), "a")

    assert (answer["state"], answer["execution_status"]) == ("failed", "missing")
    assert (answer["history"], answer["history_whole"], answer["input"]) == ([], False, None)


def test_a_job_that_nobody_knows_is_not_found() -> None:
    with pytest.raises(NotFound, match="or ended more than 30 days ago"):
        full(ApiStage(), "a")


def test_one_job_is_a_handful_of_calls_among_ten_thousand() -> None:
    api = ApiStage(*(job(f"job-{n}", n / 100) for n in range(10_000)))

    assert len(api.calls(lambda: full(api, "job-7"))) <= 5


@pytest.mark.parametrize(
    ("partition", "host"),
    [
        ("aws", "https://eu-west-1.console.aws.amazon.com/"),
        ("aws-cn", "https://eu-west-1.console.amazonaws.cn/"),
        ("aws-us-gov", "https://console.amazonaws-us-gov.com/"),
    ],
)
def test_an_execution_is_linked_in_its_own_partition(partition: str, host: str) -> None:
    arn = f"arn:{partition}:states:eu-west-1:123456789012:execution:respool-dev:a b"

    url = link(arn)

    assert url is not None
    assert url.startswith(f"{host}states/home?region=eu-west-1#/v2/executions/details/arn")
    assert url.endswith("a%20b")


def test_what_is_no_execution_has_no_link() -> None:
    assert link("javascript:alert(1)") is None


def test_jobs_are_told_and_chosen_by_their_state_machine() -> None:
    api = ApiStage(job("same", 0), job("same", 1, pk="job@orders#same"))

    rows = list_jobs(api.stage, {})["jobs"]
    own = api.stage.prefix
    assert [(each["key"], each["machine"]) for each in rows] == [("same", own), ("same", "orders")]
    (row,) = list_jobs(api.stage, {"machine": ["orders"]})["jobs"]
    assert row["machine"] == "orders"
    (row,) = list_jobs(api.stage, {"machine": [own]})["jobs"]
    assert row["machine"] == own
    assert list_jobs(api.stage, {"machine": ["billing"]})["jobs"] == []
    with pytest.raises(BadRequest, match="machine"):
        list_jobs(api.stage, {"machine": [""]})
