"""An incident as a report: what really happened, by the service, the claims and the clock."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.api.incidents import list_incidents, show_incident
from chalicelib.api.schemas import SCHEMAS
from chalicelib.api.stage import Stage
from chalicelib.errors import BadRequest, NotFound
from chalicelib.incidents.report import A_FAILURE
from chalicelib.job.replay import Kind
from chalicelib.replaying.keeping import Provenance
from chalicelib.replaying.requests import Request
from respool.cli.incidents import report
from tests.fakes.wire import Wire
from tests.unit.cli_stage import Shell
from tests.unit.test_incidents import HOOK, Story, outage

Out = pytest.CaptureFixture[str]


def api(story: Story) -> Stage:
    return Stage(story.stage.process().engines, "respool-memory")


def press(story: Story, count: int, why: str, by: str = "kim") -> None:
    """A person's replay, as the page and the API ask for it."""
    asked = Provenance(Kind.PRESS, by, why, {"max": count})
    story.stage.process().engines.put_back(Request(count=count), 60, asked)
    story.stage.run()


def weekend() -> Story:
    """Ten jobs fail; two are tried in vain; then all come through."""
    story = outage(jobs=10)
    story.tick(12)
    press(story, 2, "is it well?")
    story.tick(12)
    story.stage.service.broken = False
    press(story, 100, "they say that it is repaired", by="lee <b>")
    story.tick(5)
    return story


def test_a_report_says_what_really_happened() -> None:
    story = weekend()
    answer = show_incident(api(story), story.incident.id, {})

    assert answer["over"]
    assert answer["jobs"] == answer["ended"] == sum(story.stage.service.done.values()) == 10
    assert answer["failures"] == sum(claim.attempt for claim in story.stage.claims.values()) == 12
    assert answer["failed_again"] == 2
    assert answer["calls"]["spared"] == answer["calls"]["hourly_retry"] - 2
    assert 18 <= answer["calls"]["hourly_retry"] <= 20  # ten jobs for two hours
    who = [(each["by"], each["put_back"], each["outcomes"]) for each in answer["replays"]]
    assert who == [("kim", 2, {"failed": 2}), ("lee <b>", 10, {"finished": 10})]
    assert answer["curve"][-1] | {"at": ""} == {
        "at": "", "failed": 0, "untried": 0, "failures": 12, "ended": 10,
    }  # fmt: skip


def test_replays_of_another_task_and_from_other_days_are_not_in_it() -> None:
    story = Story()
    asked = Provenance(Kind.PRESS, "kim", "before", {"max": 1})
    story.stage.process().engines.put_back(Request(count=1), 60, asked)
    story.stage.clock.pause(3600)
    story.stage.service.broken = True
    story.start(1)
    story.tick(2)
    other = Provenance(Kind.PRESS, "kim", "other", {"max": 1, "task": "Another"})
    story.stage.process().engines.put_back(Request(count=1), 60, other)

    assert show_incident(api(story), story.incident.id, {})["replays"] == []


def test_the_answers_are_as_the_schemas_say() -> None:
    story = weekend()
    page = list_incidents(api(story), {})
    (one,) = page["incidents"]
    full = show_incident(api(story), one["id"], {})

    for answer, schema in ((page, "Incidents"), (full, "IncidentInFull")):
        assert set(answer) == set(SCHEMAS[schema]["properties"])
    shapes = SCHEMAS["IncidentInFull"]["properties"]
    for name in ("waiting", "most", "calls", "gate"):
        assert set(full[name]) == set(shapes[name]["properties"]), name
    for name in ("said", "news", "curve"):
        assert set(full[name][0]) == set(shapes[name]["items"]["properties"]), name
    day = SCHEMAS["Incidents"]["properties"]["days"]["items"]["properties"]
    assert set(page["days"][0]) == set(day)


def test_the_last_fortnight_is_told_day_by_day() -> None:
    story = weekend()
    days = list_incidents(api(story), {})["days"]

    assert len(days) == 14
    assert days[-1] == {
        "day": "2026-11-24", "failed": 10, "untried": 0, "failures": 12, "ended": 10,
    }  # fmt: skip
    assert not any(day["failures"] for day in days[:-1])


def test_looking_at_an_incident_changes_nothing() -> None:
    story = weekend()
    before = dict(story.stage.table.items)
    wire = Wire()
    stage = Stage(story.stage.process(wire).engines, "respool-memory")
    list_incidents(stage, {})
    show_incident(stage, story.incident.id, {})
    changed = {pk for pk, item in story.stage.table.items.items() if item != before.get(pk)}

    assert {pk.partition("#")[0] for pk in changed} <= {"replay"}, "but for what is counted"
    assert not {"Publish", "PostHook", "TransactWriteItems"} & set(wire.calls)


def test_incidents_are_listed_page_by_page() -> None:
    story = Story()
    for _ in range(3):
        story.stage.service.broken = True
        story.start(1)
        story.tick()
        story.stage.service.broken = False
        press(story, 9, "")
        story.tick(5)
    first = list_incidents(api(story), {"limit": ["2"]})
    rest = list_incidents(api(story), {"limit": ["2"], "cursor": [first["cursor"]]})

    ids = [each["id"] for page in (first, rest) for each in page["incidents"]]
    assert len(ids) == 3
    assert ids == sorted(ids, reverse=True)
    assert rest["cursor"] is None


@pytest.mark.parametrize("id", ["..", "a b", "x" * 90, "20261124T090505-301eb8aC"])
def test_an_id_that_is_none_is_refused(id: str) -> None:
    with pytest.raises(BadRequest, match="is not an incident's id"):
        show_incident(api(Story()), id, {})


def test_an_incident_that_there_is_not_is_not_found() -> None:
    with pytest.raises(NotFound, match="20261124T090505-301eb8ac"):
        show_incident(api(Story()), "20261124T090505-301eb8ac", {})


def test_what_a_failure_costs_is_what_the_page_of_costs_says() -> None:
    page = Path("docs/costs.md").read_text()
    row = next(row for row in page.splitlines() if row.startswith("| each further failure"))
    assert float(row.split("|")[-2]) == A_FAILURE


def test_no_input_and_no_key_is_in_a_message_or_a_report(capsys: Out) -> None:
    story = Story(**HOOK)
    story.stage.service.broken = True
    story.start(3)
    story.tick(2)
    answer = show_incident(api(story), story.incident.id, {})
    everything = json.dumps(
        [story.stage.posted.mails, story.stage.posted.hooks, answer], default=str
    )

    assert "4242" not in everything
    assert "job-1" not in everything


def shell_of(story: Story) -> Shell:
    return Shell(story.stage)


def test_the_command_tells_it_as_a_report(capsys: Out) -> None:
    story = weekend()
    assert shell_of(story)("incident", "last", "--markdown") == 0
    said = capsys.readouterr().out

    assert said.startswith("# UncertainTask: an incident\n")
    assert "It began on Tue 24 Nov 2026, 09:00 UTC until Tue 24 Nov 2026" in said
    assert "| jobs that failed | 10 |" in said
    assert "| failures in all | 12, 2 of them again |" in said
    assert "kim put 2 jobs back: 2 failed, because: is it well?" in said
    assert "lee \\<b\\> put 10 jobs back: 10 finished" in said
    assert "ConnectionError: the downstream service does not answer" in said
    assert "waiting  " in said


def test_the_command_lists_incidents_and_shows_one(capsys: Out) -> None:
    story = weekend()
    assert shell_of(story)("incident") == 0
    said = capsys.readouterr().out
    assert story.incident.id in said
    assert "Failures a day, 2026-11-11 to 2026-11-24: [             █] at most 12" in said
    assert shell_of(story)("incident", story.incident.id) == 0
    said = capsys.readouterr().out
    assert "  jobs that failed: 10\n" in said
    assert "lee <b> put 10 jobs back" in said
    assert "|" not in said
    assert shell_of(story)("incident", "last", "--json") == 0
    assert json.loads(capsys.readouterr().out)["failures"] == 12


def test_without_an_incident_the_command_says_so(capsys: Out) -> None:
    shell = shell_of(Story())
    assert shell("incident") == 0
    assert shell("incident", "last") == 1
    assert shell("incident", "--markdown") == 1
    assert "no incident in 90 days" in capsys.readouterr().err


def test_the_message_is_shown_and_not_sent(capsys: Out) -> None:
    story = outage()
    mails = list(story.stage.posted.mails)
    assert shell_of(story)("incident", "--message") == 0

    assert "Subject: [respool-memory] UncertainTask is failing: 3 jobs waiting" in (
        capsys.readouterr().out
    )
    assert story.stage.posted.mails == mails


def test_a_report_lets_no_text_of_others_be_a_mark() -> None:
    story = outage()
    answer: dict[str, Any] = show_incident(api(story), story.incident.id, {})
    answer["said"] = [{"name": "# E", "message": "a | b\n# c <img> [x](y)", "jobs": 1}]
    lines = report(answer, "respool-x")

    assert "- \\# E: a \\| b \\# c \\<img\\> \\[x\\](y) (1 job of those that failed last)" in lines


def test_an_item_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    story = outage()
    item = dict(story.stage.table.items["incident#UncertainTask"])
    content = json.loads(item["content"]["S"]) | {"new": 1}
    content["news"].append({"at": "2026", "what": "unheard-of"})
    item["content"] = {"S": json.dumps(content)}
    story.stage.table.put("incident#UncertainTask", item)

    assert replace(story.incident, version=0).news[-1].what.value == "begun"
