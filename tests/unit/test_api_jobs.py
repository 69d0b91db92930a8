"""Jobs are listed in order, page by page, and grouped by what went wrong."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.api.jobs import group_jobs, link, list_jobs
from chalicelib.errors import BadRequest
from chalicelib.job.claim import Claim, Slots
from chalicelib.job.overview import View, view
from chalicelib.job.ramp_state import State
from chalicelib.job.record import Failure

NOW = datetime(2026, 11, 24, tzinfo=UTC)


class FixedOverview:
    def __init__(
        self, *jobs: Claim, slots: tuple[Slots, ...] = (), ramps: tuple[State, ...] = ()
    ) -> None:
        self.view = view(list(jobs), list(slots), NOW, ramps)

    def read(self, after: datetime | None = None) -> View:
        del after
        return self.view

    def forget(self) -> None:
        pass


def moment(minutes: int) -> str:
    return (NOW + timedelta(minutes=minutes)).isoformat()


def parked(key: str, minutes: int = 0, **more: Any) -> Claim:
    when = moment(minutes)
    job = Claim(
        key,
        f"arn:aws:states:us-east-1:123456789012:execution:respool-dev:{key}",
        claimed_at=when,
        parked_at=when,
        first_failed_at=when,
        task="UncertainTask",
        attempt=1,
        failure=Failure("ConnectionError", "no answer"),
    )
    return replace(job, **more)


def running(key: str) -> Claim:
    return parked(key, parked_at="", first_failed_at="", attempt=0, failure=Failure())


def keys(overview: FixedOverview, **query: str) -> list[str]:
    answer = list_jobs(overview, {name: [value] for name, value in query.items()})
    return [job["key"] for job in answer["jobs"]]


def test_the_job_that_waits_longest_comes_first() -> None:
    overview = FixedOverview(parked("young", 5), parked("old", -5), parked("middle"))

    assert keys(overview) == ["old", "middle", "young"]


def test_pages_hold_every_job_once() -> None:
    overview = FixedOverview(*(parked(f"job-{n:03}", n // 7) for n in range(100)))
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": ["13"]} | ({"cursor": [cursor]} if cursor else {})
        page = list_jobs(overview, query)
        seen += [job["key"] for job in page["jobs"]]
        cursor = page["cursor"]
        assert page["total"] == 100

    assert seen == [f"job-{n:03}" for n in range(100)]


def test_a_cursor_goes_on_behind_a_job_that_has_left_meanwhile() -> None:
    first = list_jobs(
        FixedOverview(parked("a", 0), parked("b", 1), parked("c", 2)), {"limit": ["2"]}
    )

    assert keys(FixedOverview(parked("a", 0), parked("c", 2)), cursor=first["cursor"]) == ["c"]


def test_jobs_are_chosen_by_state_task_error_and_part_of_their_key() -> None:
    overview = FixedOverview(
        running("r"),
        parked("p"),
        parked("S-Late", stuck_at=moment(1)),
        parked("t", task="Other"),
        parked("e", failure=Failure("", "")),
    )

    assert keys(overview, state="running") == ["r"]
    assert keys(overview, state="stuck,running") == ["S-Late", "r"]
    assert keys(overview, task="Other") == ["t"]
    assert keys(overview, error="", state="parked") == ["e"]
    assert keys(overview, search="late") == ["S-Late"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"state": ["dead"]}, "state=dead must be one or more of running, parked, stuck"),
        ({"limit": ["0"]}, "limit=0 must be a whole number from 1 to 200"),
        ({"limit": ["1", "2"]}, "limit is given 2 times"),
        ({"cursor": ["!!"]}, "cursor=!! is not one that /jobs gave"),
        ({"cursor": ["W1tdLDFd"]}, "is not one that /jobs gave"),
        ({"colour": ["red"]}, "unknown parameter 'colour'"),
        ({"search": [""]}, "search is empty"),
    ],
)
def test_a_question_of_no_use_is_refused_by_name(query: dict[str, list[str]], told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        list_jobs(FixedOverview(), query)


def test_waiting_jobs_are_counted_by_task_error_and_state() -> None:
    overview = FixedOverview(
        running("r"),
        parked("a", 1, failure=Failure("ConnectionError", "first")),
        parked("b", 2, failure=Failure("ConnectionError", "latest")),
        parked("c", 3, failure=Failure("ValueError", "bad")),
        parked("d", 4, stuck_at=moment(5)),
    )

    groups = group_jobs(overview, {})["groups"]

    assert [(g["error"], g["state"], g["count"]) for g in groups] == [
        ("ConnectionError", "parked", 2),
        ("ValueError", "parked", 1),
        ("ConnectionError", "stuck", 1),
    ]
    assert groups[0]["message"] == "latest"
    assert (groups[0]["oldest"], groups[0]["newest"]) == (moment(1), moment(2))


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

    found = link(arn)

    assert found is not None
    assert found.startswith(f"{host}states/home?region=eu-west-1#/v2/executions/details/arn")
    assert found.endswith("a%20b")


def test_what_is_no_execution_has_no_link() -> None:
    assert link("javascript:alert(1)") is None
