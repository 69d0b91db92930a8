"""What a note still says follows from the claim of its job alone."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.job.claim import Claim, State
from chalicelib.job.record import Record
from chalicelib.replaying.fate import Fate, fate

NOTE = Record(key="k", execution="arn:e", task="T", attempt=2)
PARKED = Claim(pk="job#k", execution="arn:e", state=State.PARKED, task="T", attempt=2)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, Fate.WAITS),
        ({"state": State.STUCK}, Fate.WAITS),
        ({"state": State.RUNNING}, Fate.VOID),
        ({"state": State.LINE}, Fate.VOID),
        ({"attempt": 3}, Fate.VOID),
        ({"attempt": 1, "state": State.RUNNING}, Fate.EARLY),
        ({"attempt": 1}, Fate.EARLY),
        ({"execution": "arn:other"}, Fate.VOID),
        ({"execution": "arn:other", "predecessor": "arn:e"}, Fate.VOID),
        ({"ended_at": "2026-11-24", "state": State.FINISHED}, Fate.VOID),
    ],
)
def test_a_note_says_something_while_its_job_waits_as_it_says(
    change: dict[str, Any], expected: Fate
) -> None:
    assert fate(NOTE, replace(PARKED, **change)) is expected


@pytest.mark.parametrize("state", [State.PARKED, State.STUCK, State.LINE, State.RUNNING])
def test_the_note_of_a_dead_job_is_kept_until_it_goes_on(state: State) -> None:
    assert fate(NOTE, replace(PARKED, state=state, dead_at="2026-11-24")) is Fate.WAITS


def test_the_note_of_a_dead_execution_is_kept_until_its_restart_has_started() -> None:
    handed_over = replace(PARKED, execution="arn:new", predecessor="arn:e", dead_at="2026-11-24")
    assert fate(NOTE, handed_over) is Fate.WAITS
    assert fate(NOTE, replace(handed_over, ended_at="2026-11-25")) is Fate.VOID


def test_a_note_whose_job_no_claim_knows_is_told_apart() -> None:
    assert fate(NOTE, None) is Fate.UNCLAIMED
