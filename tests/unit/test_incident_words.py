"""What people are told of an incident: true, in their language, and obeyed by no program."""

import json
from dataclasses import replace
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from chalicelib.incidents.outlook import Arrangements, Next, Plan, outlook
from chalicelib.incidents.telling import body_of, text_of
from chalicelib.incidents.words import ENGLISH, JAPANESE, TEXTS, letter, moment, plain
from chalicelib.job.incident import Incident, News, Said, What
from chalicelib.job.ramp_state import State as Ramp

SINCE = "2026-12-31T23:30:00.000Z"
INCIDENT = Incident(
    "UncertainTask",
    "20261231T233000-301eb8ac",
    SINCE,
    SINCE,
    parked=10,
    stuck=2,
    untried=30,
    jobs=12,
    failures=20,
    said=(Said("ConnectionError", "the service does not answer", 12),),
    news=(News(SINCE, What.BEGUN),),
)
HOSTILE = [
    "",
    "<!channel> <@U1>\n*bold* `c` &amp;",
    "\u202etxt.exe\u2066\u200b",
    "half \ud83d a sign",
    "x" * 10_000,
    "line\r\nSubject: another\x1b[31m",
    "{task} %s {0}",
]
PAGE = "https://abc.execute-api.eu-west-1.amazonaws.com/api/"


def told(incident: Incident = INCIDENT, language: str = ENGLISH, **arranged: object) -> str:
    coming = outlook(incident, Arrangements(**arranged))  # type: ignore[arg-type]
    news = [each.what for each in incident.news]
    zone = ZoneInfo("Asia/Tokyo") if language == JAPANESE else UTC
    written = letter(incident, news, coming, "respool-prod", PAGE, language, zone)
    return f"{written.subject}\n{text_of(written, language)}"


def test_a_message_says_since_when_which_what_how_many_and_where() -> None:
    text = told()

    assert text.startswith("[respool-prod] UncertainTask is failing: 12 jobs waiting\n")
    assert "since Thu 31 Dec 2026, 23:30 UTC" in text
    assert "ConnectionError: the service does not answer" in text
    assert "12 jobs failed and wait. 2 of them" in text
    assert "30 in line were not tried yet" in text
    assert f"{PAGE}#incident=20261231T233000-301eb8ac" in text


def test_in_japanese_it_says_the_same_in_the_zone_of_its_reader() -> None:
    text = told(language=JAPANESE)

    assert "2027年1月1日(金) 08:30 JST" in text
    assert "12件のジョブ" in text
    assert "順番待ちの30件" in text


def test_both_languages_say_the_same_things_with_the_same_values() -> None:
    def holes(text: str) -> set[str]:
        return {part.partition("}")[0] for part in text.split("{")[1:]}

    assert set(TEXTS[ENGLISH]) == set(TEXTS[JAPANESE])
    for name, text in TEXTS[ENGLISH].items():
        assert holes(text) == holes(TEXTS[JAPANESE][name]), name


@pytest.mark.parametrize("language", [ENGLISH, JAPANESE])
def test_every_news_and_every_plan_has_its_words(language: str) -> None:
    for what in What:
        assert TEXTS[language][f"subject-{what.value}"]
    for plan in Plan:
        assert TEXTS[language][f"next-{plan.value}"]


@pytest.mark.parametrize(
    ("closed", "arranged", "plan"),
    [
        ({}, {}, [Plan.NOTHING]),
        ({}, {"trigger": True}, [Plan.TRIGGER]),
        ({}, {"trigger": None}, []),
        ({}, {"schedule": "cron(0 2 * * ? *)", "schedule_max": 9}, [Plan.SCHEDULE]),
        ({}, {"ramp": Ramp("T", due=SINCE)}, [Plan.PROBES]),
        ({}, {"ramp": Ramp("T")}, [Plan.PROBES_SOON]),
        ({"gate_by": "service", "gate_until": SINCE}, {"ramp": Ramp("T")}, [Plan.PROBES_NAMED]),
        ({"gate_by": "service", "gate_until": SINCE}, {}, [Plan.REOPENS, Plan.NOTHING]),
        ({"gate_by": "failures"}, {}, [Plan.STAYS_CLOSED, Plan.NOTHING]),
        ({"gate_by": "window", "gate_until": SINCE}, {"ramp": Ramp("T")}, [Plan.WINDOW]),
        ({"gate_by": "kim"}, {"ramp": Ramp("T")}, [Plan.HELD]),
        ({"gate_by": "kim", "gate_until": SINCE}, {"ramp": Ramp("T")}, [Plan.HELD_UNTIL]),
    ],
)
def test_what_respool_does_by_itself_is_what_it_does(
    closed: dict[str, str], arranged: dict[str, object], plan: list[Plan]
) -> None:
    incident = replace(INCIDENT, gate_closed=bool(closed), **closed)  # type: ignore[arg-type]
    coming = outlook(incident, Arrangements(**arranged))  # type: ignore[arg-type]

    assert [each.plan for each in coming] == plan


def test_one_that_is_over_promises_nothing_and_does_not_hide_who_is_stuck() -> None:
    news = (*INCIDENT.news, News(SINCE, What.OVER))
    over = replace(INCIDENT, over_at="2027-01-01T04:00:00.000Z", parked=0, news=news)
    text = told(over, ramp=Ramp("T"), trigger=True)

    assert "over, no failed job waits for a replay" in text
    assert "12 jobs failed, 20 times in all" in text
    assert "Not so 2 jobs: stuck" in text
    assert "By itself" not in text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_texts_stand_on_one_line_and_call_nobody(hostile: str) -> None:
    said = (Said(hostile, hostile, 1),)
    gate = {"gate_by": hostile, "gate_why": hostile}
    incident = replace(INCIDENT, task=hostile, said=said, gate_closed=True, **gate)  # type: ignore[arg-type]
    coming = [Next(Plan.HELD, text=hostile)]
    written = letter(incident, [What.BEGUN], coming, "respool-dev", PAGE, ENGLISH, UTC)
    body = json.loads(body_of(written, ENGLISH))

    assert len(written.subject) < 100
    assert written.subject.isprintable()
    assert all(line.isprintable() for line in written.lines)
    assert "<" not in body["text"]
    for block in body["blocks"][:2]:
        assert block["text"]["type"] == "plain_text"
        assert len(block["text"]["text"]) < 3000
    body_of(written, ENGLISH).encode()


def test_text_that_is_cut_says_so() -> None:
    assert plain("x" * 500, 10) == "x" * 9 + "…"
    assert plain("a\n\tb\u202e c") == "a b c"


def test_a_time_that_is_none_is_shown_as_it_is() -> None:
    assert moment("soon", ENGLISH, UTC) == "soon"
