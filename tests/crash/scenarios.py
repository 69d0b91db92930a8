"""Everything that a process of ours does on the way of a job, in each situation that matters."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from tests.crash import actors, situations
from tests.crash.matrix import Scenario
from tests.crash.situations import BARE, KEYLESS, LARGE, SAME_KEY, UNREADABLE
from tests.fakes.stage import FakeStage

VIA_SQS = (("SPOOL_VIA", "sqs"),)
LISTING = (("MACHINES", "orders"),)
RAMP = (("RECOVERY", "ramp"), ("CLOSE_AFTER", "1"))
ONE_TRY = (("MAX_ATTEMPTS", "1"),)


def _given_up(
    name: str, prepare: Callable[[FakeStage], object], redrives: bool = True, limit: int = 5
) -> Scenario:
    """It never goes on, unless a replay, or in line its turn, was quicker; then it goes on once."""
    return Scenario(
        "give-up",
        name,
        prepare,
        actors.give_up,
        rival=actors.replay,
        wanted=(0,) if limit > 1 else (0, 1),
        wanted_with_rival=(0, 1),
        redrives=redrives,
        limit=limit,
    )


def _bare(stage: FakeStage) -> None:
    stage.spool.send(BARE)
    stage.clock.pause(1800)


def _unreadable(stage: FakeStage) -> None:
    stage.spool.send(UNREADABLE)
    situations.parked(stage)


def _keyless(prepare: Callable[..., object]) -> Callable[[FakeStage], object]:
    return lambda stage: prepare(stage, KEYLESS)


_unheard = partial(situations.parked_and_aborted, heard=False)
_line_heard = partial(situations.in_line_and_aborted, heard=True)


def _late(state: str) -> Callable[[FakeStage], object]:
    return partial(situations.written_late, state=state)


STATES = (
    Scenario("states", "until parked", situations.started, actors.states, actors.replay),
    Scenario(
        "states",
        "until parked, noted directly",
        situations.started,
        actors.states,
        actors.replay,
        settings=VIA_SQS,
    ),
    Scenario("states", "after a replay", situations.parked, actors.states_resumed, actors.replay),
    Scenario(
        "states",
        "the same key again",
        situations.same_key_again,
        actors.states,
        actors.replay,
        refused=frozenset({SAME_KEY}),
    ),
    Scenario("states", "no slots item yet", situations.no_item, actors.states, actors.tend),
    Scenario("spool", "its note", situations.started, actors.spool, rival=actors.replay),
    Scenario(
        "spool",
        "a large one's note",
        lambda stage: situations.started(stage, LARGE),
        actors.spool,
        rival=actors.replay,
        job=LARGE,
    ),
)
LINE = (
    Scenario("line", "full", situations.comes_to_full, actors.states, actors.tend, limit=1),
    Scenario("line", "before a gate", situations.comes_to_closed, actors.states, actors.open_gate),
    Scenario("line", "let in", situations.freed, actors.states_admitted, actors.admit, limit=1),
    Scenario("admit", "a freed slot", situations.freed, actors.admit, limit=1),
    Scenario("admit", "a freed slot, swept", situations.freed, actors.admit, actors.sweep, limit=1),
    Scenario(
        "admit", "people are told of a parked job", situations.parked, actors.tend, actors.replay
    ),
    Scenario("admit", "a freed slot, tended", situations.freed, actors.tend, actors.admit, limit=1),
    Scenario("admit", "aborted then", situations.freed, actors.admit, actors.stop, limit=1),
    Scenario("admit", "closed then", situations.freed, actors.admit, actors.close_gate, limit=1),
    Scenario("admit", "limit 0 then", situations.freed, actors.admit, actors.limit_zero, limit=1),
    Scenario("admit", "to be told", situations.waking, actors.admit, limit=1),
    Scenario("admit", "told", situations.answered, actors.admit, limit=1),
    Scenario("admit", "dead, unheard of", situations.in_line_and_aborted, actors.admit, limit=1),
    Scenario(
        "admit",
        "dead, heard of meanwhile",
        situations.in_line_and_aborted,
        actors.admit,
        actors.hear_of_end,
        limit=1,
    ),
    Scenario("admit", "dead before told", situations.waking_and_aborted, actors.admit, limit=1),
    Scenario(
        "admit",
        "dead before told, never redriven",
        situations.waking_and_aborted,
        actors.admit,
        actors.hear_of_end,
        limit=1,
        redrives=False,
    ),
    Scenario("admit", "dead in line, redriven", situations.dead_in_line, actors.admit, limit=1),
    Scenario(
        "admit",
        "dead in line, restarted",
        situations.dead_in_line_too_long,
        actors.admit,
        actors.sweep,
        limit=1,
    ),
    Scenario(
        "admit",
        "dead in line, redrive refused",
        situations.dead_in_line,
        actors.admit,
        actors.replay,
        limit=1,
        refuses=True,
    ),
    Scenario("admit", "miscounted", situations.miscounted, actors.tend, actors.sweep, limit=1),
)
GATE = (
    Scenario("gate", "opened", situations.closed, actors.open_gate),
    Scenario("gate", "closed", situations.full, actors.close_gate, actors.limit_two, limit=1),
    Scenario("gate", "limit raised", situations.full, actors.limit_two, limit=1),
    Scenario("gate", "limit lowered", situations.full, actors.limit_zero, actors.tend, limit=1),
    Scenario("gate", "one let through", situations.closed_and_parked, actors.let_through),
    Scenario(
        "gate",
        "one let through, opened",
        situations.closed_and_parked,
        actors.let_through,
        actors.open_gate,
    ),
    Scenario("gate", "by pass from the line", situations.closed_with_pass, actors.admit),
    Scenario("gate", "replayed though closed", situations.closed_and_parked, actors.replay),
    Scenario("gate", "closed while entering", situations.waits, actors.states, actors.close_gate),
    Scenario(
        "gate", "opened while entering", situations.comes_to_closed, actors.states, actors.open_gate
    ),
    Scenario("gate", "by name", situations.closed_and_parked, actors.replay_by_pass, actors.admit),
    Scenario(
        "gate", "by name, in line", situations.closed, actors.replay_by_pass, actors.open_gate
    ),
    Scenario(
        "gate",
        "a pass of a dead job",
        situations.closed_with_pass_and_aborted,
        actors.admit,
        actors.hear_of_end,
    ),
    Scenario(
        "gate", "a pass never used", situations.closed_with_pass_unused, actors.sweep, actors.replay
    ),
    Scenario(
        "gate", "a window is over, no tick", situations.window_over, actors.tend, actors.sweep
    ),
    Scenario(
        "gate",
        "the service's word, and a person",
        situations.names_a_time,
        actors.spool,
        actors.close_gate,
    ),
    Scenario(
        "gate",
        "the service's word, noted directly",
        situations.names_a_time,
        actors.states_heard,
        actors.open_gate,
        settings=VIA_SQS,
    ),
    Scenario(
        "gate",
        "the ramp and a person",
        situations.closed_by_failures,
        actors.ramp,
        actors.open_gate,
        settings=RAMP,
    ),
    Scenario(
        "gate",
        "two ticks at once",
        situations.closed_by_failures,
        actors.ramp,
        actors.ramp,
        settings=RAMP,
    ),
    Scenario("gate", "unattended", situations.closed_and_parked, actors.replay_unattended),
)
REPLAY = (
    Scenario("replay", "resume by token", situations.parked, actors.replay),
    Scenario("replay", "one by key", situations.parked, actors.replay_key, actors.replay),
    Scenario("replay", "carried on", situations.replay_cut, actors.carry_on, actors.replay),
    Scenario("replay", "carried on, resumed already", situations.replay_cut_after, actors.carry_on),
    Scenario("replay", "unattended", situations.parked, actors.replay_unattended),
    Scenario("replay", "without a note", situations.parked_without_note, actors.replay),
    Scenario("replay", "given up meanwhile", situations.parked, actors.replay, actors.stop),
    Scenario("replay", "redrive", situations.caught, actors.replay),
    Scenario("replay", "redrive, swept", situations.caught, actors.replay, actors.sweep),
    Scenario("replay", "redrive refused", situations.caught, actors.replay, refuses=True),
    Scenario("replay", "redriven, unsaid", situations.redrive_unsaid, actors.replay, actors.sweep),
    Scenario(
        "replay", "redrive at a full task", situations.dead_before_full, actors.replay, limit=1
    ),
    Scenario("replay", "redriven by hand", situations.redriven_by_hand, actors.replay),
    Scenario("replay", "restart with a key", situations.caught, actors.replay, redrives=False),
    Scenario(
        "replay",
        "restart without a key",
        _keyless(situations.caught),
        actors.replay,
        job=KEYLESS,
        redrives=False,
    ),
    Scenario("replay", "never started", situations.start_failed, actors.replay, redrives=False),
    Scenario("replay", "history full", situations.history_full, actors.replay),
    Scenario("replay", "forgotten, its note has the input", situations.forgotten, actors.replay),
    Scenario("replay", "aborted parked, redriven", situations.parked_and_aborted, actors.replay),
    Scenario(
        "replay",
        "aborted parked, restarted",
        situations.parked_and_aborted,
        actors.replay,
        redrives=False,
    ),
    Scenario("replay", "aborted parked, unheard of, redriven", _unheard, actors.replay),
    Scenario(
        "replay", "aborted parked, unheard of, restarted", _unheard, actors.replay, redrives=False
    ),
    Scenario(
        "replay",
        "aborted parked, looks lag",
        situations.parked_and_aborted_just_now,
        actors.replay,
        actors.hear_of_end,
    ),
    Scenario("replay", "bare body", _bare, actors.replay, job=BARE),
    Scenario("replay", "to stuck", situations.parked, actors.replay_unattended, settings=ONE_TRY),
    Scenario("replay", "from stuck", situations.stuck, actors.replay_stuck, settings=ONE_TRY),
    Scenario(
        "replay",
        "can't be read, beside one that can",
        _unreadable,
        actors.replay,
        left=frozenset({UNREADABLE}),
    ),
    Scenario("replay", "not chosen", situations.parked, actors.choose_others),
    Scenario("trigger", "resume by token", situations.parked, actors.trigger),
    Scenario("trigger", "while replayed", situations.parked, actors.trigger, actors.replay),
    Scenario("trigger", "gate closed", situations.closed_and_parked, actors.trigger),
    Scenario("trigger", "redrive", situations.caught, actors.trigger, actors.replay),
    Scenario("trigger", "restart", situations.caught, actors.trigger, redrives=False),
    Scenario("trigger", "to stuck", situations.parked, actors.trigger, settings=ONE_TRY),
)
WATCHED = tuple(
    Scenario("watched", name, prepare, act, rival, settings=LISTING)
    for name, prepare, act, rival in (
        ("its failure", situations.watched_failed, actors.hear_of_watched, actors.hear_of_watched),
        ("failed, swept", situations.watched_failed, actors.sweep, actors.hear_of_watched),
        ("replay", situations.watched_parked, actors.replay, actors.replay),
        ("unattended", situations.watched_parked, actors.replay_unattended, actors.sweep),
        ("trigger", situations.watched_parked, actors.trigger, actors.replay),
        ("its success", situations.watched_done, actors.hear_of_watched, actors.sweep),
        ("success, swept", situations.watched_done, actors.sweep, actors.hear_of_watched),
    )
)
RESCUE = (
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
        "aborted parked, restarted",
        _unheard,
        actors.hear_of_end,
        actors.replay,
        redrives=False,
    ),
    Scenario("rescue", "aborted parked, redriven", _unheard, actors.hear_of_end, actors.replay),
    Scenario(
        "rescue",
        "in line",
        situations.in_line_and_aborted,
        actors.hear_of_end,
        actors.admit,
        limit=1,
    ),
    Scenario(
        "rescue",
        "being told",
        situations.waking_and_aborted,
        actors.hear_of_end,
        actors.admit,
        limit=1,
    ),
    Scenario("sweep", "event lost", situations.aborted, actors.sweep),
    Scenario("sweep", "event late", situations.aborted, actors.sweep, actors.hear_of_end),
    Scenario("sweep", "event lost, parked", _unheard, actors.sweep, actors.replay, redrives=False),
    Scenario(
        "sweep",
        "event lost, in line",
        situations.in_line_and_aborted,
        actors.sweep,
        actors.admit,
        limit=1,
    ),
    Scenario("sweep", "heard of, in line", _line_heard, actors.sweep, actors.replay, limit=1),
    Scenario("sweep", "being told", situations.waking, actors.sweep, actors.admit, limit=1),
    Scenario("sweep", "line stands", situations.freed, actors.sweep, limit=1),
    Scenario("sweep", "miscounted", situations.miscounted, actors.sweep, limit=1),
    Scenario("sweep", "no note", situations.parked_without_note, actors.sweep, actors.replay),
    Scenario("sweep", "no slots item", situations.no_item, actors.sweep, actors.tend),
    Scenario("sweep", "claim and slot left behind", situations.claim_left, actors.sweep),
    Scenario("sweep", "slot taken late", _late("TakeSlot"), actors.sweep, actors.replay),
    Scenario("sweep", "in line late", situations.in_line_late, actors.sweep, actors.admit, limit=1),
    Scenario("sweep", "parked late", _late("Park"), actors.sweep, actors.replay),
    Scenario("replay", "parked late", _late("Park"), actors.replay, actors.sweep),
    Scenario("sweep", "finished late", _late("Finish"), actors.sweep, actors.replay),
    Scenario("sweep", "redriven by hand", situations.redriven_by_hand, actors.sweep, actors.replay),
    Scenario("sweep", "redriven, unsaid", situations.redrive_unsaid, actors.sweep, actors.replay),
    Scenario("sweep", "message expired", situations.message_expired, actors.sweep, redrives=False),
    Scenario("sweep", "year over, event lost", situations.year_over, actors.sweep, actors.replay),
    Scenario("sweep", "year over", situations.year_over_and_heard, actors.sweep, actors.replay),
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
        _keyless(situations.start_failed_and_expired),
        actors.sweep,
        rival=actors.replay,
        job=KEYLESS,
        redrives=False,
    ),
)
GIVE_UP = (
    _given_up("parked", situations.parked),
    _given_up("stuck", situations.stuck),
    _given_up("in line", situations.full, limit=1),
    _given_up("being told", situations.waking, limit=1),
    _given_up("dead", situations.caught),
    _given_up("dead, never redriven", situations.caught, redrives=False),
    _given_up("aborted parked, unheard of", _unheard),
    _given_up("dead in line", situations.dead_in_line, limit=1),
    _given_up("dead, its restart never started", situations.start_failed, redrives=False),
)
OWN = (*STATES, *LINE, *GATE, *REPLAY, *RESCUE, *GIVE_UP)
ADOPTED = tuple(
    replace(
        each,
        part="adopted",
        name=f"{each.part}, {each.name}",
        settings=(*each.settings, *LISTING),
        home="orders",
    )
    for each in OWN
    if not set(VIA_SQS) & set(each.settings) and each.job != BARE
)
"""The same of a listed machine, which `respool adopt` has put under the stage. A bare input has no
machine, and so starts in the stage's own."""
SCENARIOS = (*OWN, *WATCHED, *ADOPTED)
