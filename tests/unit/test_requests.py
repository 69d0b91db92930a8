"""What callers ask for is taken, or refused with the value and what would do."""

import pytest

from chalicelib.errors import BadRequest
from chalicelib.replaying.requests import read_event, read_query, read_request


def test_nothing_asked_for_means_the_defaults() -> None:
    request = read_query({})

    assert request.count is None
    assert not request.dry_run


def test_a_query_and_an_event_are_read_alike() -> None:
    query = read_query({"max": ["2"], "older_than": ["60"], "rate": ["0.5"], "dry_run": ["true"]})

    assert query == read_request({"max": 2, "older_than": 60, "rate": 0.5, "dry_run": True})


@pytest.mark.parametrize(
    "value", ["0", "-1", "10001", "two", "1.5", "", " 2", "1e3", "\uff12", "9" * 400]
)
def test_a_max_out_of_range_is_refused_with_the_range(value: str) -> None:
    with pytest.raises(BadRequest, match="must be a whole number from 1 to 10000"):
        read_query({"max": [value]})


def test_the_refused_value_is_named() -> None:
    with pytest.raises(BadRequest, match="max=two"):
        read_query({"max": ["two"]})


def test_a_max_given_twice_is_refused_with_both_values_and_the_range() -> None:
    with pytest.raises(BadRequest) as refused:
        read_query({"max": ["1", "2"]})

    assert str(refused.value) == (
        "max is given 2 times (1, 2); give it once, a whole number from 1 to 10000"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"maximum": "2"}, "unknown parameter 'maximum'"),
        ({"max": True}, "max=True"),
        ({"max": 2.5}, "max=2.5"),
        ({"max": None}, "max=None"),
        ({"rate": "0"}, "rate=0"),
        ({"rate": "nan"}, "rate=nan"),
        ({"rate": "inf"}, "rate=inf"),
        ({"rate": True}, "rate=True"),
        ({"dry_run": "yes"}, "dry_run=yes"),
        ({"key": ""}, "key is empty"),
        ({"key": 5}, "key=5"),
        ({"error": "x" * 2000}, "must be text of at most 1024 bytes"),
        ({"older_than": "-1"}, "older_than=-1"),
    ],
)
def test_a_value_of_no_use_is_refused_by_name(body: dict[str, object], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        read_request(body)


@pytest.mark.parametrize("event", [{}, {"max": 2}, {"max": 2, "unattended": False}])
def test_whoever_invokes_the_lambda_is_a_person_unless_the_event_says_otherwise(
    event: dict[str, object],
) -> None:
    request, attended = read_event(event)
    assert (request.count, attended) == (event.get("max"), True)


def test_no_schedule_takes_stuck_jobs() -> None:
    request, attended = read_event({"max": 2, "unattended": True})
    assert (request.count, attended) == (2, False)
    assert read_event({"stuck": True})[0].stuck
    with pytest.raises(BadRequest, match="unknown parameter 'stuck'"):
        read_event({"stuck": True, "unattended": True})


def test_an_event_that_is_neither_attended_nor_unattended_is_refused() -> None:
    with pytest.raises(BadRequest, match="unattended=perhaps"):
        read_event({"unattended": "perhaps"})
