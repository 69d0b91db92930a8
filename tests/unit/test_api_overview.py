"""The look that all share: counts, groups and messages, in a bounded number of calls."""

import json

import pytest

from chalicelib.api.groups import MOST_LOOKS, group_jobs
from chalicelib.api.jobs import list_jobs
from chalicelib.api.overview import MOST_READ
from chalicelib.api.schemas import SCHEMAS
from chalicelib.job.claim import State
from chalicelib.job.patterns import pattern
from tests.unit.api_stage import ApiStage, job, moment, slots


def groups(api: ApiStage) -> dict[str, object]:
    return group_jobs(api.stage.overview.read(), api.stage.messages, api.stage.prefix, {})


def test_jobs_are_counted_by_state_and_task() -> None:
    api = ApiStage(
        *(job(f"p{n}", n) for n in range(3)),
        job("s", 1, state=State.STUCK),
        job("o", 1, task="Other"),
        slots(inside=2, waiting=3, waking={"job#w": moment(0)}),
        slots("Other"),
    )

    view = api.stage.overview.read()

    assert view.count(State.PARKED).number == 4
    assert view.count(State.PARKED, "Other").number == 1
    assert view.count(State.STUCK).number == 1
    assert view.count(State.RUNNING).number == 2
    assert view.count(State.LINE).number == 2  # one has its slot, and is being woken
    assert view.whole


def test_many_questions_cost_one_look_until_something_is_changed() -> None:
    api = ApiStage(job("a"))
    first = api.stage.overview.read()

    assert api.calls(api.stage.overview.read) == []
    api.memory.clock.pause(3.1)
    assert api.calls(api.stage.overview.read) != []
    assert api.stage.overview.read().revision == first.revision
    api.stage.changed()
    assert api.calls(api.stage.overview.read) != []


@pytest.mark.parametrize(
    "change",
    [
        job("b"),
        job("a", attempt=2),
        slots(inside=1),
        slots(limit=3),
        slots(closedUntil=moment(9), closedBy="kim"),
    ],
)
def test_a_revision_changes_with_whatever_is_seen(change: dict[str, object]) -> None:
    api = ApiStage(job("a"), slots())
    before = api.stage.overview.read().revision
    api.lay(change)

    assert api.stage.overview.read().revision != before


def test_a_gate_that_opens_by_the_clock_changes_the_revision() -> None:
    api = ApiStage(slots(closedUntil=moment(1)))
    before = api.stage.overview.read().revision
    api.memory.clock.pause(61)

    assert api.stage.overview.read().revision != before


def test_groups_are_by_task_error_state_and_tell_each_kind_of_message() -> None:
    api = ApiStage(
        *(
            job(f"a{n}", n, message=f"order {n} refused by db-{n}.internal:54{n}2")
            for n in range(4)
        ),
        job("b", 5, message="no route"),
        job("c", 6, error="ValueError", message="bad"),
        job("d", 7, state=State.STUCK),
        job("in-0", 8, state=State.RUNNING),
        slots(inside=1),
    )

    rows = groups(api)["groups"]

    assert isinstance(rows, list)
    assert [(g["error"], g["state"], g["count"], g["kinds"]) for g in rows] == [
        ("ConnectionError", "parked", 5, 2),
        ("ValueError", "parked", 1, 1),
        ("ConnectionError", "stuck", 1, 1),
    ]
    assert [kind["count"] for kind in rows[0]["messages"]] == [4, 1]
    assert rows[0]["messages"][1]["message"] == "no route"
    assert (rows[0]["oldest"], rows[0]["newest"]) == (moment(0), moment(5))


def test_a_message_is_read_once_for_each_failure() -> None:
    api = ApiStage(*(job(f"a{n}", n) for n in range(50)))
    groups(api)
    api.memory.clock.pause(4)

    assert "BatchGetItem" not in api.calls(lambda: groups(api))
    api.lay(job("a7", 7, attempt=2, failedAt=moment(60), message="another"))
    assert api.calls(lambda: groups(api)).count("BatchGetItem") == 1


def test_every_group_s_message_is_read_before_any_second_one() -> None:
    many = [job(f"a{n:04}", n / 10) for n in range(1000)]
    api = ApiStage(*many, *(job(f"b{n}", 500, error=f"E{n}", message="one") for n in range(40)))

    rows = groups(api)["groups"]

    assert isinstance(rows, list)
    assert all(group["looked_at"] for group in rows)
    assert sum(group["looked_at"] for group in rows) == MOST_LOOKS


def test_very_many_errors_are_bounded_and_the_rest_is_counted() -> None:
    api = ApiStage(*(job(f"a{n}", n, error=f"Error{n:04}") for n in range(1_100)))

    answer = groups(api)

    assert isinstance(answer["groups"], list)
    assert len(answer["groups"]) == 50
    assert answer["others"] == {"groups": 1050, "count": 1050}


def test_more_jobs_than_are_read_are_counted_and_said_so() -> None:
    api = ApiStage(*(job(f"a{n:05}", n / 100) for n in range(MOST_READ + 700)))

    view = api.stage.overview.read()

    count = view.count(State.PARKED)
    assert (count.number, count.whole) == (MOST_READ + 700, True)
    assert groups(api)["read"] == MOST_READ
    assert groups(api)["complete"] is False
    assert view.oldest[-1].key == f"a{MOST_READ - 1:05}"


def test_a_look_at_a_hundred_thousand_waiting_jobs_is_at_most_thirty_calls() -> None:
    """Counts, groups and the first page; DynamoDB gives some 4,000 entries of the index a call."""
    api = ApiStage(*(job(f"{n:06}", n / 1000) for n in range(100_000)))

    def look() -> None:
        assert api.stage.overview.read().count(State.PARKED).number == 100_000
        groups(api)
        assert len(list_jobs(api.stage, {"limit": ["25"]})["jobs"]) == 25

    calls = api.calls(look)

    assert len(calls) <= 30, calls


def test_more_than_can_be_counted_is_told_as_more() -> None:
    api = ApiStage(*(job(f"{n:06}", n / 1000) for n in range(100_001)))

    count = api.stage.overview.read().count(State.PARKED)

    assert (count.number, count.whole) == (100_000, False)


def test_no_answer_has_a_token() -> None:
    api = ApiStage()
    api.fail("a", "b")
    claim = api.memory.claims["job#a"]

    text = json.dumps([list_jobs(api.stage, {}), groups(api)])

    assert claim.token
    assert claim.token not in text


def test_groups_have_the_shape_that_programs_are_told() -> None:
    shape = SCHEMAS["Groups"]
    answer = groups(ApiStage(job("a")))

    assert set(answer) == set(shape["properties"])
    assert isinstance(answer["groups"], list)
    assert set(answer["groups"][0]) == set(shape["properties"]["groups"]["items"]["properties"])


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("order 17 refused", "order 4,711 refused", True),
        ("no host db-1.internal:5432", "no host db-22.internal:5433", True),
        ("10.0.0.1 is down", "10.20.0.1:80 is down", True),
        (
            "id 3f2c1d9a-1111-2222-3333-abcdefabcdef",
            "id 00000000-1111-2222-3333-abcdefabcdef",
            True,
        ),
        ("at https://a.example/x?y=1", "at https://b.example/z", True),
        ("503 Service Unavailable", "404 Not Found", False),
        ("KeyError: 'amount'", "KeyError: 'total'", False),
        ("注文 A12345 がない", "注文 B99999 がない", True),
    ],
)
def test_messages_are_alike_where_only_numbers_ids_and_hosts_differ(
    one: str, other: str, alike: bool
) -> None:
    assert (pattern(one) == pattern(other)) is alike


@pytest.mark.parametrize("text", ["a." * 5000, "1.1." * 5000, "a1-" * 5000, "_" * 9999 + "1"])
def test_a_hostile_message_is_folded_at_once(text: str) -> None:
    assert len(pattern(text)) <= 900
