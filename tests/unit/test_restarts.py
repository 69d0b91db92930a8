"""A restart's name follows from the death and the claim, and tells start and failures."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.job.claim import Claim
from chalicelib.job.restarts import Origin, read_restart_name, restart_name, start_name

ARN = "arn:aws:states:us-east-1:123456789012:execution:respool-dev:"
STARTED = "2026-11-24T01:02:03.004Z"
CLAIM = Claim("job#k", ARN + "job-1", order=f"{STARTED}#k", attempt=3)


def test_a_restart_s_name_tells_the_first_start_and_the_failures() -> None:
    name = restart_name(CLAIM)
    assert name.startswith("job-1-respool-1795482123004-3-")
    assert read_restart_name(name) == Origin(STARTED, 3)


def test_a_restart_has_one_name_however_often_it_is_derived() -> None:
    assert restart_name(CLAIM) == restart_name(replace(CLAIM, token="t", dead_at=STARTED))


def test_another_death_of_the_execution_leads_to_another_name() -> None:
    assert restart_name(CLAIM) != restart_name(CLAIM, redrives=1)


@pytest.mark.parametrize("order", ["", "#k", "never#k"])
def test_without_a_readable_start_the_restart_is_the_oldest(order: str) -> None:
    name = restart_name(replace(CLAIM, order=order))
    assert read_restart_name(name) == Origin("1970-01-01T00:00:00.000Z", 3)


@pytest.mark.parametrize("name", ["job-1", "a-respool-123-1-abc", "job-respool-0123456789abcde"])
def test_other_names_tell_nothing(name: str) -> None:
    assert read_restart_name(name) is None


def test_two_bare_messages_are_two_jobs() -> None:
    assert start_name("message-1") != start_name("message-2")
    assert start_name("message-1") == start_name("message-1")
    assert read_restart_name(start_name("message-1")) is None


@given(
    st.text("abcdefghij-_\u3042", min_size=1, max_size=80),
    st.lists(st.integers(0, 9_999_999), min_size=1, max_size=5),
)
def test_restarts_of_restarts_have_names_of_their_own_within_eighty_characters(
    name: str, attempts: list[int]
) -> None:
    seen = {name}
    for attempt in attempts:
        name = restart_name(replace(CLAIM, execution=ARN + name, attempt=attempt))
        assert read_restart_name(name) == Origin(STARTED, attempt)
        assert len(name) <= 80
        assert name not in seen
        seen.add(name)
