"""Everything that a process of ours does on the way of a job, in each situation that matters."""

from collections.abc import Callable

from tests.crash import actors, situations
from tests.crash.matrix import Scenario
from tests.crash.situations import BARE, KEYLESS, LARGE, UNREADABLE
from tests.fakes.stage import FakeStage


def _given_up(name: str, prepare: Callable[[FakeStage], object], redrives: bool) -> Scenario:
    """It never goes on, unless a replay was quicker; then it goes on once."""
    return Scenario(
        "give-up",
        name,
        prepare,
        actors.give_up,
        rival=actors.replay,
        wanted=(0,),
        wanted_with_rival=(0, 1),
        redrives=redrives,
    )


def _bare(stage: FakeStage) -> None:
    stage.spool.send(BARE)
    stage.clock.pause(1800)


def _unreadable(stage: FakeStage) -> None:
    stage.spool.send(UNREADABLE)
    situations.parked(stage)


def _stuck(stage: FakeStage) -> None:
    situations.parked(stage)
    stage.process().replay()
    stage.clock.pause(1800)


SCENARIOS = (
    Scenario(
        "states", "states until parked", situations.started, actors.states, rival=actors.replay
    ),
    Scenario(
        "states",
        "states after a replay",
        situations.parked,
        actors.states_resumed,
        rival=actors.replay,
    ),
    Scenario(
        "spool", "parking with its input", situations.started, actors.spool, rival=actors.replay
    ),
    Scenario(
        "spool",
        "parking by reference",
        lambda stage: situations.started(stage, LARGE),
        actors.spool,
        rival=actors.replay,
        job=LARGE,
    ),
    Scenario("replay", "resume by token", situations.parked, actors.replay),
    Scenario("replay", "redrive", situations.caught, actors.replay),
    Scenario("replay", "redrive refused", situations.caught, actors.replay, refuses=True),
    Scenario("replay", "restart with a key", situations.caught, actors.replay, redrives=False),
    Scenario(
        "replay",
        "restart without a key",
        lambda stage: situations.caught(stage, KEYLESS),
        actors.replay,
        job=KEYLESS,
        redrives=False,
    ),
    Scenario("replay", "restart after a Fail state", situations.history_full, actors.replay),
    Scenario(
        "replay", "aborted while parked, redriven", situations.parked_and_aborted, actors.replay
    ),
    Scenario(
        "replay",
        "aborted while parked, restarted",
        situations.parked_and_aborted,
        actors.replay,
        redrives=False,
    ),
    Scenario(
        "replay",
        "aborted while parked, event late, redriven",
        lambda stage: situations.parked_and_aborted(stage, heard=False),
        actors.replay,
    ),
    Scenario(
        "replay",
        "aborted while parked, event late, restarted",
        lambda stage: situations.parked_and_aborted(stage, heard=False),
        actors.replay,
        redrives=False,
    ),
    Scenario("replay", "bare body", _bare, actors.replay, job=BARE),
    Scenario(
        "replay", "moved to the stuck queue", situations.parked, actors.replay, max_attempts=1
    ),
    Scenario("replay", "from the stuck queue", _stuck, actors.replay_stuck, max_attempts=1),
    Scenario(
        "replay",
        "can't be read, beside one that can",
        _unreadable,
        actors.replay,
        left=frozenset({UNREADABLE}),
    ),
    Scenario("replay", "not chosen", situations.parked, actors.choose_others),
    Scenario("trigger", "resume by token", situations.parked, actors.trigger),
    Scenario("trigger", "restart", situations.caught, actors.trigger, redrives=False),
    Scenario("rescue", "aborted in its task", situations.aborted, actors.hear_of_end),
    Scenario(
        "rescue",
        "aborted in its task, replayed meanwhile",
        situations.aborted,
        actors.hear_of_end,
        rival=actors.replay,
        redrives=False,
    ),
    Scenario(
        "rescue",
        "aborted while parked, replayed meanwhile",
        lambda stage: situations.parked_and_aborted(stage, heard=False),
        actors.hear_of_end,
        rival=actors.replay,
        redrives=False,
    ),
    Scenario(
        "rescue",
        "aborted while parked, redriven meanwhile",
        lambda stage: situations.parked_and_aborted(stage, heard=False),
        actors.hear_of_end,
        rival=actors.replay,
    ),
    Scenario("sweep", "event lost", situations.aborted, actors.sweep),
    Scenario(
        "sweep",
        "event lost, heard of meanwhile",
        situations.aborted,
        actors.sweep,
        rival=actors.hear_of_end,
    ),
    Scenario(
        "sweep",
        "event lost while parked, replayed meanwhile",
        lambda stage: situations.parked_and_aborted(stage, heard=False),
        actors.sweep,
        rival=actors.replay,
        redrives=False,
    ),
    Scenario("sweep", "claim and slot left behind", situations.claim_left, actors.sweep),
    Scenario("sweep", "slot written after the end", situations.slot_written_late, actors.sweep),
    Scenario("sweep", "message expired", situations.message_expired, actors.sweep, redrives=False),
    Scenario(
        "sweep",
        "restart never started, message expired",
        situations.start_failed_and_expired,
        actors.sweep,
        rival=actors.replay,
        redrives=False,
    ),
    Scenario(
        "sweep",
        "restart without a key never started, message expired",
        lambda stage: situations.start_failed_and_expired(stage, KEYLESS),
        actors.sweep,
        rival=actors.replay,
        job=KEYLESS,
        redrives=False,
    ),
    _given_up("parked", situations.parked, redrives=True),
    _given_up("dead", situations.caught, redrives=True),
    _given_up("dead, never redriven", situations.caught, redrives=False),
    _given_up("dead, its restart never started", situations.start_failed, redrives=False),
)
