"""The command that puts jobs back."""

from typing import Any

import click

from chalicelib.errors import AwsError, BadRequest
from chalicelib.replaying.report import Report
from chalicelib.replaying.requests import Request, read_request
from respool.cli.codes import DONE, INTERRUPTED, NOT_ALL
from respool.cli.context import Context, everywhere, pass_context
from respool.cli.screen import many
from respool.cli.watching import Watch

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST = 39_600
"""Seconds: eleven hours, for SQS hides a message for twelve at most."""


@click.command()
@click.option("--max", "count", metavar="N", help="At most so many (default: MAX_REPROCESS).")
@click.option("--task", metavar="NAME", help="Only those that failed in this task.")
@click.option("--error", metavar="NAME", help="Only those that failed with this error.")
@click.option("--key", metavar="KEY", help="Only the job with this key.")
@click.option(
    "--older-than", metavar="TIME", help="Only those that failed so long ago: 90, 15m, 2h, 3d."
)
@click.option("--rate", metavar="N", help="At most so many jobs a second.")
@click.option("--stuck", is_flag=True, help="Take them from the stuck queue.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
@everywhere
@pass_context
def replay(context: Context, /, stuck: bool, dry_run: bool, **given: str | None) -> int:
    """Put jobs back. Those that wait in place are resumed, the others are restarted."""
    request = _request(given, dry_run)
    stuck = stuck or _is_stuck(context, request.choice.key)
    queue = context.stage.stuck if stuck else context.stage.spool
    depth = queue.depth()
    watch = Watch(context.screen, min(request.count or context.stage.settings.max_reprocess, depth))
    context.stage.replayer = watch.over(context.stage.replayer)
    act = context.stage.replay_stuck if stuck else context.stage.replay
    with watch.watching():
        report = act(request, allowance(depth, request))
    _send_metrics(context)
    result = report.as_json() | {"interrupted": watch.interrupted}
    context.screen.result(result, lambda: _tell(context, report, watch.interrupted))
    return _code(report, watch.interrupted)


def _is_stuck(context: Context, key: str) -> bool:
    """Whoever names a job wants that job, wherever it is."""
    claim = context.stage.claims.get(key) if key else None
    return claim is not None and bool(claim.stuck_at)


def _request(given: dict[str, str | None], dry_run: bool) -> Request:
    """The options, checked as the API checks them. Raises BadRequest."""
    named: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if "count" in named:
        named["max"] = named.pop("count")
    if "older_than" in named:
        named["older_than"] = _seconds(named["older_than"])
    return read_request({**named, "dry_run": dry_run})


def _seconds(text: str) -> str:
    """`2h` as seconds. Raises BadRequest."""
    digits, unit = (text[:-1], UNITS[text[-1]]) if text[-1:] in UNITS else (text, 1)
    if not (digits.isascii() and digits.isdigit() and len(digits) < 9):
        raise BadRequest(f"--older-than {text[:40]!r} must be seconds, or such as 15m, 2h, 3d")
    return str(int(digits) * unit)


def allowance(depth: int, request: Request) -> float:
    """Seconds that this replay may take: to read the whole spool at leisure, at its own rate.

    Not simply hours: a message that a killed command held is out of sight for as long.
    """
    paced = (request.count or depth) / request.rate if request.rate else 0
    return min(60 + depth / 10 + paced, LONGEST)


def _send_metrics(context: Context) -> None:
    try:
        context.account.send_metrics()
    except AwsError as refused:
        context.screen.remark(f"The dashboard does not show this replay: {refused}")


def _code(report: Report, interrupted: bool) -> int:
    if interrupted:
        return INTERRUPTED
    return NOT_ALL if report.failed else DONE


def _tell(context: Context, report: Report, interrupted: bool) -> None:
    result = report.as_json()
    if report.plan is not None:
        _tell_plan(context, report.plan)
        return
    ways = [f"{result[way]} {way}" for way in ("resumed", "restarted") if result[way]]
    how = f" ({', '.join(ways)})" if ways else ""
    context.screen.say(f"{many(report.replayed, 'job')} put back{how}.", "bold")
    if result["stale"]:
        context.screen.say(f"{many(result['stale'], 'message')} dropped: the jobs had gone on.")
    if report.failed:
        context.screen.say(f"{many(len(report.failed), 'job')} not put back:")
        context.screen.table(
            ("key", "why"), [(failed["key"], failed["reason"]) for failed in report.failed]
        )
    left = "unknown" if report.remaining is None else f"about {report.remaining:,}"
    context.screen.say(f"Left on the queue: {left}.")
    if interrupted:
        context.screen.remark(
            "Interrupted: what was under way is finished, the rest waits as before."
        )
    elif report.more:
        context.screen.remark("Time ran out before the end: run it again for the rest.")


def _tell_plan(context: Context, plan: list[dict[str, str]]) -> None:
    rows = [(told["key"], told["action"], told["reason"]) for told in plan]
    if rows:
        context.screen.table(("key", "action", "why"), rows)
    context.screen.say("Nothing was changed." if rows else "There is nothing to put back.", "bold")


COMMANDS = (replay,)
