"""The command that starts a job, and says what became of it."""

import sys
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from chalicelib.api.audit import audited
from chalicelib.api.jobs import as_json
from chalicelib.api.overview import HELD
from chalicelib.errors import BadRequest
from chalicelib.job.claim import JOB, Claim, State
from chalicelib.job.execution import Execution, Status
from chalicelib.job.json_text import parse
from chalicelib.job.key import key_in_text
from chalicelib.job.plan import standing
from chalicelib.moments import iso
from respool.cli.codes import DONE, NOT_ALL
from respool.cli.context import Context, everywhere, pass_context

MOST_INPUT = 262_144
"""Bytes that Step Functions takes as an input."""
PAUSE = 1.0
"""Seconds between two looks at a job that is waited for."""


@click.command()
@click.argument("input", metavar="JSON|-")
@click.option("--name", metavar="NAME", help="The execution's name (default: a new one).")
@click.option("--wait", is_flag=True, help="Wait until the job has ended, or is parked.")
@everywhere
@pass_context
def submit(context: Context, input: str, name: str | None, wait: bool) -> int:
    """Start a job with this input; - reads it from standard input. Says what became of it."""
    text = _standard_input() if input == "-" else input
    _check(text)
    chosen = f"cli-{uuid.uuid4()}" if name is None else name
    own_key = key_in_text(text)
    key = chosen if own_key is None else own_key
    before = _look(context, key)
    with audited(context.stage, context.who, "submit", "", key=key) as line:
        execution = context.stage.engines.world.workflow.start(chosen, text)
        line["count"] = 1
    context.done = f"{chosen} was started"
    if wait:
        return _wait(context, key, execution)
    held = before if before and not before.ended_at and before.execution != execution else None
    what = f"its key is held: the job {key} {standing(held)}" if held else "started"
    data = {"key": key, "execution": execution, "state": "already-running" if held else "started"}
    context.screen.result(data | {"what": what}, lambda: _tell(context, execution, what))
    return NOT_ALL if held else DONE


def _wait(context: Context, key: str, execution: str) -> int:
    """Look again and again until there is something to say."""
    with context.screen.busy(f"waiting for {key}"):
        claim, outcome = _settled(context, key, execution, time.sleep)
    mine = claim if claim and claim.execution == execution else None
    state = mine.state.value if mine else outcome.status.value.lower()
    if mine is None and claim is not None and not claim.ended_at:
        what = f"did nothing: its key is held by a job that {standing(claim)}"
    elif mine is not None and mine.state in HELD:
        where = "" if mine.key == key else f"the job {mine.key} "
        what = f"{where}{standing(mine)}: {mine.failure.name}: {mine.failure.message}"
    else:
        what = f"ended: {state}{f' ({outcome.error})' if outcome.error else ''}"
    data = {**(as_json(mine) if mine else {"key": key}), "execution": execution, "state": state}
    context.screen.result(data | {"what": what}, lambda: _tell(context, execution, what))
    return DONE if outcome.status is Status.SUCCEEDED else NOT_ALL


def _settled(
    context: Context, key: str, execution: str, pause: Callable[[float], None]
) -> tuple[Claim | None, Execution]:
    """The job when it has ended or waits for somebody; one in line is waited for."""
    workflow = context.stage.engines.world.workflow
    while True:
        latest = workflow.describe(execution)
        claim = _look(context, key) or _waits_elsewhere(context, key, latest)
        parked = claim is not None and claim.execution == execution and claim.state in HELD
        if parked or latest.status not in (Status.RUNNING, Status.MISSING):
            return claim, latest
        if claim is not None and claim.state is State.LINE:
            context.done = f"it stands in line since {claim.since}"
        pause(PAUSE)


def _look(context: Context, key: str) -> Claim | None:
    pk = JOB + key
    return context.stage.engines.world.claims.look([pk], consistent=True).get(pk)


def _waits_elsewhere(context: Context, key: str, execution: Execution) -> Claim | None:
    """A job of this execution that waits under a longer key: one of several tasks, or an item."""
    if execution.started_at is None or execution.status is not Status.RUNNING:
        return None
    world = context.stage.engines.world
    before = iso(execution.started_at - timedelta(seconds=1))
    pks = [
        claim.pk
        for task in world.line.tasks()
        for state in HELD
        for claim in world.claims.waiting(state, task, before)
        if claim.key.startswith(f"{key}/")
    ]
    claims = world.claims.look(pks, consistent=True).values()
    return next((claim for claim in claims if claim.execution == execution.arn), None)


def _tell(context: Context, execution: str, what: str) -> None:
    context.screen.say(execution)
    context.screen.remark(f"{what[:1].upper()}{what[1:]}.")


def _standard_input() -> str:
    """All of it, as UTF-8. Raises BadRequest."""
    raw: Any = getattr(sys.stdin, "buffer", None)
    try:
        return raw.read().decode() if raw is not None else sys.stdin.read()
    except UnicodeDecodeError as wrong:
        raise BadRequest(f"standard input is not UTF-8: {wrong.reason} at {wrong.start}") from wrong
    except AttributeError as closed:
        raise BadRequest(
            "standard input is closed: give the input as an argument, or pipe it in"
        ) from closed


def _check(text: str) -> None:
    try:
        parse(text)
    except (ValueError, RecursionError) as wrong:
        raise BadRequest(
            f"the input {text[:40]!r} is not JSON: {wrong}; quote it for the shell"
        ) from wrong
    if (size := len(text.encode("utf-8", "surrogatepass"))) > MOST_INPUT:
        raise BadRequest(f"the input has {size:,} bytes; a job takes at most {MOST_INPUT:,}")


COMMANDS = (submit,)
