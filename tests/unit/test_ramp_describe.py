"""The ramp's sentence: what it does, and when it acts next."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from chalicelib.api.page_files import FOLDER
from chalicelib.gate.ramp.decide import Policy
from chalicelib.gate.ramp.describe import SENTENCES, sentence, tell
from chalicelib.job.ramp_state import ReleasedJob, State, Verdict

TOKYO = timezone(timedelta(hours=9))
NOW = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
AT, NEXT = "2026-11-24T14:20:00+00:00", "2026-11-24T15:00:00+00:00"
OUT = ReleasedJob("job#12345", 1, "ConnectionError", AT)
REFUSED = State(
    "UncertainTask",
    due=NEXT,
    last=Verdict.REFUSED,
    last_at=AT,
    last_key="12345",
    last_size=1,
    waiting=3,
)


def said(state: State, now: datetime = NOW, policy: Policy = Policy()) -> str:  # noqa: B008
    return sentence(tell(state, policy), now)


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (REFUSED, "probed 14:20 with job 12345: still refusing; next try 15:00"),
        (
            replace(REFUSED, last_size=8),
            "put 8 jobs back at 14:20: refused; next try 15:00, with one job",
        ),
        (
            State("t", released_at=AT, released=(OUT,), waiting=3),
            "probing since 14:20 with job 12345, 3 waiting; looks within 10 min",
        ),
        (
            State("t", released_at=AT, released=(OUT, OUT), waiting=3),
            "put 2 jobs back at 14:20, 3 waiting; looks within 10 min",
        ),
        (State("t"), "nothing waits to be put back"),
        (State("t", waiting=2), "2 waiting; puts jobs back within 10 min"),
        (
            replace(REFUSED, held="limit 0"),
            "held by limit 0: no probe until the limit is raised",
        ),
        (
            replace(REFUSED, held="cron(0 22 ? * FRI *) 58h UTC", held_until=NEXT),
            "held until 15:00 by the maintenance window cron(0 22 ? * FRI *) 58h UTC: no probe",
        ),
        (
            replace(REFUSED, released=(OUT,), held="limit 0"),
            "held by limit 0: no probe until the limit",
        ),
    ],
)
def test_one_sentence_says_what_it_does_and_when_it_acts_next(state: State, text: str) -> None:
    assert said(state).startswith(text)


def test_a_day_that_is_not_the_reader_s_is_named() -> None:
    assert "probed 23:20 with" in said(REFUSED, NOW.astimezone(TOKYO))
    assert "next try 11-25 00:00" in said(REFUSED, NOW.astimezone(TOKYO))
    assert "probed 2026-11-24 14:20" in said(REFUSED, NOW + timedelta(days=400))


def test_an_interval_is_told_in_minutes_rounded_up_as_its_schedule_is() -> None:
    assert said(State("t", waiting=1), policy=Policy(interval=90)).endswith("within 2 min")


def test_a_key_with_braces_stays_as_it_is() -> None:
    assert "with job {next}{0.x}:" in said(replace(REFUSED, last_key="{next}{0.x}"))


def test_only_what_stands_in_the_sentence_is_told() -> None:
    text = tell(REFUSED, Policy())

    assert dict(text.values) == {"key": "12345"}
    assert dict(text.times) == {"at": AT, "next": NEXT}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_has_every_sentence_with_everything_in_it(language: str) -> None:
    block = re.search(
        r"\n  ramp: \{\n(.*?)\n  \},",
        (FOLDER / f"texts-{language}.js").read_text("utf-8"),
        re.DOTALL,
    )
    assert block
    page = dict(re.findall(r'^    (\w+): "(.*)",$', block[1], re.MULTILINE))

    assert set(page) == set(SENTENCES)
    for code, text in SENTENCES.items():
        assert _parts(page[code]) == _parts(text), code


def _parts(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))
