"""One task's trouble is told once when it begins, changes and is over, and its figures are true."""

import json
from contextlib import suppress
from datetime import timedelta

import pytest

from chalicelib.errors import RespoolError
from chalicelib.incidents import owing
from chalicelib.job.incident import Incident, What
from chalicelib.job.plan import Rules
from chalicelib.moments import read
from chalicelib.replaying.replay import Order
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Died, Fault, Wire

FIVE_MINUTES = 300
HOOK = {"WEBHOOK_URL": "https://hooks.example/T0/B0"}


class Story:
    """A stage that somebody ticks, and what people were told of it."""

    def __init__(self, **settings: str) -> None:
        self.stage = FakeStage(**settings)  # type: ignore[arg-type]
        self.number = 0

    def tick(self, times: int = 1) -> None:
        """`admit`'s schedule, every five minutes."""
        for _ in range(times):
            self.stage.process().tick()
            self.stage.run()
            self.stage.clock.pause(FIVE_MINUTES)

    def start(self, count: int) -> None:
        """So many jobs come in."""
        for _ in range(count):
            self.number += 1
            name = f"job-{self.number}"
            self.stage.process().workflow.start(name, json.dumps({"key": name, "card": "4242"}))
        self.stage.run()

    def replay(self, count: int = 1000) -> None:
        """A person puts jobs back."""
        self.stage.process().engines.replayer.replay(Order(count, Rules(attended=True), 60))
        self.stage.run()

    @property
    def incident(self) -> Incident:
        """The task's latest incident."""
        return self.stage.process().incidents.current([TASK])[TASK]

    @property
    def subjects(self) -> list[str]:
        """What was mailed, by its subjects."""
        return [subject for subject, _ in self.stage.posted.mails]

    def waited(self, before: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        """How long each wait of each job has lasted, by the claims, as far as it was looked at."""
        now = self.stage.clock.now()
        for pk, claim in self.stage.waiting.items():
            start = read(claim.since) or now
            before.setdefault(pk, {})[claim.since] = (now - start).total_seconds()
        return before

    @property
    def waiting(self) -> int:
        """Jobs that wait, by the claims."""
        return len(self.stage.waiting)


def outage(jobs: int = 3, **settings: str) -> Story:
    """Jobs have failed, and a tick has seen it."""
    story = Story(**settings)
    story.stage.service.broken = True
    story.start(jobs)
    story.stage.clock.pause(60)
    story.tick()
    return story


def test_a_quiet_stage_keeps_and_tells_nothing() -> None:
    story = Story()
    story.start(3)
    story.tick(3)

    assert story.stage.process().incidents.current([TASK]) == {}
    assert story.stage.posted.mails == []


def test_where_nothing_waits_a_tick_asks_one_thing_more() -> None:
    wire = Wire()
    process = FakeStage().process(wire)
    process.engines.watch.look(process.engines.gauges.tell(), 50)

    assert wire.calls.count("BatchGetItem") == 1
    assert set(wire.calls) <= {
        "Query",
        "GetItem",
        "BatchGetItem",
        "GetQueueUrl",
        "GetQueueAttributes",
    }


def test_an_outage_is_told_once_however_long_it_lasts() -> None:
    story = outage()
    story.start(2)
    story.tick(50)

    assert story.subjects == [f"[respool-memory] {TASK} is failing: 3 jobs waiting"]


def test_it_is_told_to_be_over_once_all_have_come_through() -> None:
    story = outage()
    story.stage.service.broken = False
    story.replay()
    story.tick(6)

    assert len(story.subjects) == 2
    assert story.subjects[1] == f"[respool-memory] {TASK}: over, no failed job waits for a replay"
    assert "3 jobs failed, 3 times in all" in story.stage.posted.mails[1][1]
    assert story.incident.is_over


def test_it_is_not_over_while_a_job_that_failed_is_inside_again() -> None:
    story = outage(jobs=1)
    story.stage.service.broken = False
    process = story.stage.process()
    process.engines.replayer.replay(Order(9, Rules(attended=True), 60))
    for _ in range(4):
        story.stage.process().tick()
        story.stage.clock.pause(FIVE_MINUTES)

    assert not story.incident.is_over
    story.stage.run()
    story.tick(4)
    assert story.incident.is_over


def test_a_job_that_fails_again_does_not_begin_it_anew() -> None:
    story = outage()
    for _ in range(10):
        story.replay()
        story.tick()

    assert len({story.incident.id}) == 1
    assert len(story.subjects) == 1 + (story.incident.stuck > 0)


def test_a_closed_gate_is_told_once_though_it_closes_again_and_again() -> None:
    story = outage(jobs=6, CLOSE_AFTER="5")
    for _ in range(5):
        story.stage.process().engines.gates.open(TASK, "kim", "a look")
        story.stage.run()
        story.start(6)
        story.tick()

    kinds = [news.what for news in story.incident.news]
    assert kinds == [What.BEGUN, What.CLOSED]
    assert len(story.subjects) <= 2
    assert sum(change.what == What.CLOSED for change in story.incident.changes) >= 2


def test_a_gate_that_a_person_closed_is_no_incident() -> None:
    story = Story()
    story.stage.process().engines.gates.close(TASK, None, "kim", "maintenance")
    story.start(2)
    story.tick(3)

    assert story.stage.posted.mails == []


def test_stuck_jobs_are_told_and_end_no_incident_late() -> None:
    story = outage(jobs=1, MAX_ATTEMPTS="1")
    order = Order(9, Rules(max_attempts=1), 60)
    story.stage.clock.pause(2000)
    story.stage.process().engines.replayer.replay(order)
    story.tick(5)

    assert [news.what for news in story.incident.news] == [What.BEGUN, What.STUCK, What.OVER]
    assert "1 job: stuck" in story.stage.posted.mails[-1][1]
    before = len(story.subjects)
    story.tick(300)
    assert len(story.subjects) == before


def test_a_new_failure_after_an_end_is_a_new_incident_and_the_old_one_is_kept() -> None:
    story = outage(jobs=1)
    first = story.incident.id
    story.stage.service.broken = False
    story.replay()
    story.tick(4)
    story.stage.service.broken = True
    story.start(1)
    story.tick()

    assert story.incident.id != first
    incidents = story.stage.process().incidents.list(10)
    assert [each.id for each in incidents] == [story.incident.id, first]
    assert story.stage.process().incidents.find(first) == incidents[1]
    assert story.stage.process().incidents.find(f"{first[:-1]}z") is None


def test_failing_again_after_a_quiet_day_is_told() -> None:
    story = outage(jobs=1)
    story.tick(12 * 25)
    story.start(1)
    story.tick(2)

    assert [news.what for news in story.incident.news] == [What.BEGUN, What.AGAIN]


def test_a_job_near_its_year_is_told() -> None:
    story = outage(jobs=1)
    story.stage.clock.pause(timedelta(days=352).total_seconds())
    story.tick()

    assert story.incident.news[-1].what is What.NEAR_LOSS
    assert "14 days" in story.stage.posted.mails[-1][1]


def test_its_figures_are_what_service_and_clock_saw() -> None:
    story = Story()
    story.stage.service.broken = True
    waited: dict[str, dict[str, float]] = {}
    for number in range(20):
        story.start(number % 3)
        if number in (8, 14):
            story.replay(4)
        story.stage.clock.pause(60)
        waited = story.waited(waited)
        story.stage.process().tick()
        story.stage.clock.pause(240)
    seen = story.incident
    assert seen.jobs == story.number
    assert seen.failures == sum(claim.attempt for claim in story.stage.claims.values())
    assert seen.failures == story.stage.service.visits.total() / 2  # each is retried once
    assert seen.failed == story.waiting
    truth = sum(sum(each.values()) for each in waited.values())
    assert 0.95 * truth <= seen.job_seconds <= truth + 20

    story.stage.service.broken = False
    story.replay()
    story.tick(5)
    assert (story.incident.ended, story.incident.failed) == (story.number, 0)
    assert story.incident.curve[-1].ended == story.number


@pytest.mark.parametrize("fault", list(Fault))
def test_a_message_goes_out_whatever_one_call_meets_and_seldom_twice(fault: Fault) -> None:
    story = Story(**HOOK)
    story.stage.service.broken = True
    story.start(2)
    story.stage.clock.pause(60)
    wire = Wire()
    story.stage.process(wire).tick()
    calls = wire.calls

    for call in range(len(calls)):
        story = Story(**HOOK)
        story.stage.service.broken = True
        story.start(2)
        story.stage.clock.pause(60)
        with suppress(Died, RespoolError, ExceptionGroup):
            story.stage.process(Wire().break_at(call, fault)).tick()
        story.stage.clock.pause(FIVE_MINUTES)
        story.tick(8)
        where = (calls[call], call, fault)
        assert 1 <= len(story.stage.posted.mails) <= 2, where
        assert 1 <= len(story.stage.posted.hooks) <= 2, where
        assert len(story.stage.waiting) == 2, where


def test_two_ticks_at_once_tell_once() -> None:
    story = Story()
    story.stage.service.broken = True
    story.start(2)
    story.stage.clock.pause(60)
    wire = Wire()
    story.stage.process(wire).tick()
    assert story.stage.posted.mails
    writes = [number for number, call in enumerate(wire.calls) if call == "UpdateItem"]

    for number in writes:
        story = Story()
        story.stage.service.broken = True
        story.start(2)
        story.stage.clock.pause(60)
        story.stage.process(Wire().interrupt_at(number, story.stage.process().tick)).tick()
        assert len(story.stage.posted.mails) == 1


def test_a_dead_webhook_is_tried_again_within_bounds_and_told() -> None:
    story = Story(**HOOK)
    story.stage.posted.dead = {"webhook"}
    story.stage.service.broken = True
    story.start(1)
    story.stage.clock.pause(60)
    process = story.stage.process()
    process.tick()
    assert "message-not-sent" in process.telemetry.actions
    assert process.telemetry.counts["MessagesNotSent"] == 1

    story.tick(12 * 48)
    assert story.stage.posted.tries == owing.MOST_TRIES + 1  # and one mail
    assert len(story.stage.posted.mails) == 1


def test_a_webhook_that_comes_back_is_told_how_things_stand_not_each_step() -> None:
    story = Story(**HOOK)
    story.stage.posted.dead = {"webhook"}
    story.stage.service.broken = True
    story.start(1)
    story.tick(3)
    story.stage.service.broken = False
    story.replay()
    story.tick(4)
    story.stage.posted.dead = set()
    story.tick(24)

    ((body, headers), *others) = story.stage.posted.hooks
    assert others == []
    assert "over" in json.loads(body)["text"]
    assert headers["X-Respool-News"] == "begun,over"


def test_a_dead_webhook_delays_no_mail_and_loses_no_job() -> None:
    story = Story(**HOOK)
    story.stage.posted.dead = {"webhook"}
    story.stage.service.broken = True
    story.start(4)
    story.tick(4)
    story.stage.service.broken = False
    story.replay()
    story.tick(2)

    assert len(story.stage.posted.mails) >= 1
    assert sorted(story.stage.service.done.values()) == [1, 1, 1, 1]


def test_every_probe_is_in_the_story_though_several_came_between_two_looks() -> None:
    story = outage(jobs=2, RECOVERY="ramp", RAMP_INTERVAL="60")
    probes = 0
    for _ in range(6):
        process = story.stage.process()
        process.engines.tick(60)
        probes += process.telemetry.counts["RampRefused"]
        story.stage.run()
        story.stage.clock.pause(130)
    story.tick()

    refusals = [change for change in story.incident.changes if change.what == "refused"]
    assert probes >= 2
    assert len(refusals) == probes
    assert [change.at for change in refusals] == sorted(change.at for change in refusals)


def test_a_month_of_trouble_stays_a_small_item() -> None:
    story = outage(jobs=2, RECOVERY="ramp")
    for _ in range(30 * 24):
        story.stage.process().engines.tick(60)
        story.stage.run()
        story.stage.process().tick()
        story.stage.clock.pause(3600)

    item = story.stage.table.items[f"incident#{TASK}"]
    assert len(json.dumps(item)) < 60_000
    assert len(story.incident.curve) <= 241
    assert story.incident.changes_left_out > 0
    assert len(story.subjects) < 6
