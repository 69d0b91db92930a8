"""The page's own reckoning, module by module: numbers as typed, outcomes, times, texts."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from chalicelib.api.history import SENTENCES
from chalicelib.gate.ramp import describe
from chalicelib.job import plan
from chalicelib.job.claim import Claim, State
from chalicelib.replaying import dead_jobs, recovery, unclaimed
from respool.local.picture import chromium
from tests.e2e.paper import ADDRESS, Paper, paper_page

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium here")


@pytest.fixture(scope="module")
def plain(chrome: Browser) -> Iterator[Page]:
    """A tab with the page, where its modules can be asked."""
    with paper_page(chrome, Paper()) as tab:
        yield tab


def ask(tab: Page, module: str, expression: str, given: Any = None) -> Any:
    script = f"async (given) => {{ const m = await import('{ADDRESS}console/module/{module}');"
    return tab.evaluate(f"{script} return {expression}; }}", given)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("7", {"value": 7}),
        (" 7 ", {"value": 7}),
        ("１０", {"value": 10}),
        ("1,816", {"value": 1816}),
        ("１，８１６", {"value": 1816}),
        ("0", {"problem": "none"}),
        ("5.5", {"problem": "none"}),
        ("5,5", {"problem": "none"}),
        ("-3", {"problem": "none"}),
        ("1e3", {"problem": "none"}),
        ("all", {"problem": "none"}),
        ("", {"problem": "none"}),
        ("2001", {"problem": "many"}),
    ],
)
def test_a_number_is_read_as_it_is_typed_or_not_at_all(
    plain: Page, typed: str, meant: dict[str, Any]
) -> None:
    assert ask(plain, "number.js", "m.readCount(given, 2000)", typed) == meant


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        ("2026-11-30T00:05:00Z", "today 09:05"),
        ("2026-11-28T15:00:00Z", "yesterday 00:00"),
        ("2026-11-27T13:10:00Z", "Friday 22:10"),
        ("2026-12-01T00:00:00Z", "tomorrow 09:00"),
        ("2026-11-03T13:10:00Z", "3 November 22:10"),
        ("2025-12-23T13:10:00Z", "23 December 2025 22:10"),
        ("rubbish", "?"),
    ],
)
def test_a_time_is_told_with_its_year_where_it_is_another_one(
    plain: Page, moment: str, told: str
) -> None:
    shown = ask(plain, "format.js", "m.makeFormat('en-GB').moment(given)", moment)

    assert shown == told


def test_the_zone_is_named(plain: Page) -> None:
    assert ask(plain, "format.js", "m.makeFormat('en-GB').zone()") == "Asia/Tokyo, GMT+9"


def test_characters_that_turn_or_hide_text_are_shown_by_their_codes(plain: Page) -> None:
    told = ask(plain, "dom.js", "m.foreign(given)", "a\u202etxt.exe\u200b\x1b[31m\nb")

    assert told == "a‹U+202E›txt.exe‹U+200B›‹U+001B›[31m\nb"


def test_an_execution_is_named_without_its_arn(plain: Page) -> None:
    arn = "arn:aws-us-gov:states:us-east-1:123456789012:execution:respool-dev:run-1"

    told = ask(plain, "dom.js", "m.withoutArns(given)", f"StopExecution for {arn}: denied")

    assert told == "StopExecution for run-1: denied"


def test_both_languages_say_the_same_things(plain: Page) -> None:
    paths = """(texts) => {
        const paths = (part, at) => part !== null && typeof part === 'object'
            ? Object.entries(part).flatMap(([name, inner]) => paths(inner, at + '.' + name))
            : [at + ':' + typeof part];
        return paths(texts, '').sort();
    }"""

    english = ask(plain, "texts-en.js", f"({paths})(m.default)")
    japanese = ask(plain, "texts-ja.js", f"({paths})(m.default)")

    assert english == japanese
    assert len(english) > 200


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize(
    ("name", "sentences"), [("history.steps", SENTENCES), ("ramp", describe.SENTENCES)]
)
def test_sentences_of_the_server_are_there_in_each_language(
    plain: Page, language: str, name: str, sentences: dict[str, str]
) -> None:
    told = ask(plain, f"texts-{language}.js", f"m.default.{name}")

    assert set(told) == set(sentences)
    for code, sentence in sentences.items():
        assert _holes(told[code]) == _holes(sentence), code


def _holes(sentence: str) -> set[str]:
    return {part.partition("}")[0] for part in sentence.split("{")[1:]}


@pytest.mark.parametrize(
    "sentence",
    [
        plan.GONE_ON,
        plan.RESTARTED,
        plan.NO_INPUT,
        plan.MAP_GOES_ON,
        plan.MAP_IS_OVER,
        plan.MAP_IS_GONE,
        plan.WENT_ON,
        plan.ONLY_REDRIVEN,
        plan.ONLY_RESTARTED,
        plan.UNLISTED,
        plan.DEAD_AGAIN,
        recovery.UNSETTLED,
        dead_jobs.UNCLEAR,
        dead_jobs.PARKED_AGAIN,
        unclaimed.HELD,
        *(
            plan.standing(Claim("job#a", "arn", state, "T", since="2026-11-30T00:00:00.000Z"))
            for state in (State.RUNNING, State.LINE, State.PARKED, State.STUCK)
        ),
        plan.standing(Claim("job#a", "arn", State.FINISHED, ended_at="2026-11-30T00:00:00.000Z")),
        "the job 'a' has gone on already: there is nothing to put back",
        "no job has the key 'a': it was never started, or ended more than 30 days ago",
    ],
)
def test_what_the_server_refuses_is_told_in_japanese(plain: Page, sentence: str) -> None:
    told = ask(plain, "reasons.js", "m.reason({ lang: 'ja' }, given)", sentence)

    assert re.search("[\u3040-\u30ff]", told), told
    assert not re.search("[a-z]{4,}", told.replace("Step Functions", "")), told
    assert ask(plain, "reasons.js", "m.reason({ lang: 'en' }, given)", sentence) == sentence


@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_sentence_about_one_job_says_they(plain: Page, language: str) -> None:
    """Every text with a count, asked for one job."""
    one = """(texts) => {
        const said = [];
        const walk = (part) => {
            if (typeof part === 'function') {
                const names = part.toString().split(')')[0];
                if (/\\(n\\b/.test(names)) said.push(part(1, '1', 1, '1'));
            } else if (part && typeof part === 'object') Object.values(part).forEach(walk);
        };
        walk(texts);
        return said;
    }"""

    said = ask(plain, f"texts-{language}.js", f"({one})(m.default)")

    assert len(said) > 20
    wrong = ("1 jobs", "They ", " they ", " them ", " their ", "themselves")
    alone = [each.replace("of them", "") for each in said]
    assert [each for each in alone if any(word in each for word in wrong)] == []
