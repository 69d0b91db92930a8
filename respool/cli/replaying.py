"""The command that puts jobs back."""

import sys
from contextlib import suppress
from secrets import token_hex
from typing import Any

import click

from chalicelib.api.audit import audited
from chalicelib.errors import AwsError, BadRequest, Conflict, NotFound
from chalicelib.job.claim import State
from chalicelib.job.replay import Kind, id_of
from chalicelib.replaying.keeping import Provenance
from chalicelib.replaying.report import Report
from chalicelib.replaying.requests import Request, check_pass, read_request
from respool.cli.codes import DONE, INTERRUPTED, NOT_ALL
from respool.cli.context import Context, everywhere, pass_context
from respool.cli.screen import many, moment
from respool.cli.watching import Watch

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST = 39_600
"""Seconds: eleven hours, for SQS hides a message for twelve at most."""
FILTERS = ("task", "error", "key", "machine", "older_than")


@click.command()
@click.option("--max", "count", metavar="N", help="At most that many (default: MAX_REPROCESS).")
@click.option("--task", metavar="NAME", help="Only those of this task.")
@click.option("--error", metavar="NAME", help="Only those that failed with this error.")
@click.option("--key", metavar="KEY", help="Only the job with this key, also a stuck one.")
@click.option(
    "--machine",
    metavar="NAME",
    help="Only those of this state machine.",
)
@click.option(
    "--older-than",
    metavar="TIME",
    help="Only those that failed at least that long ago: 90, 15m, 2h, 3d.",
)
@click.option("--rate", metavar="N", help="At most that many jobs per second.")
@click.option("--stuck", is_flag=True, help="Take stuck jobs in place of parked ones.")
@click.option(
    "--pass", "by_pass", is_flag=True, help="Let jobs through a closed gate, with --key or --max 1."
)
@click.option(
    "--restart",
    is_flag=True,
    help="With --key: start a watched job again where it can't be redriven any more.",
)
@click.option("--reason", metavar="TEXT", help="Why, for the audit log.")
@click.option("--dry-run", is_flag=True, help="Print what would be done, and change nothing.")
@everywhere
@pass_context
def replay(
    context: Context,
    /,
    stuck: bool,
    by_pass: bool,
    restart: bool,
    dry_run: bool,
    **options: str | None,
) -> int:
    """Put jobs back, the oldest first. They go on where they wait; dead ones start again."""
    filters = {name: value for name, value in options.items() if value is not None}
    flags = {"stuck": stuck, "pass": by_pass, "restart": restart, "dry_run": dry_run}
    request = _request(filters, flags)
    count = request.count or context.stage.engines.settings.max_reprocess
    watch = Watch(context, min(count, _waiting(context, request)))
    if dry_run:
        return _preview(context, request, allowance(count, request), filters)
    engines = context.stage.engines
    engines.replayer = watch.over(engines.replayer)
    with watch.watching():
        report, id = _replay(context, request, allowance(count, request), filters)
    _send_metrics(context)
    result = report.as_json(sys.maxsize) | {"interrupted": watch.interrupted}
    result |= {"id": id}
    context.screen.result(result, lambda: _tell(context, report, watch.interrupted, id))
    return _code(context, report, watch.interrupted, any(name in filters for name in FILTERS))


def _preview(context: Context, request: Request, seconds: float, filters: dict[str, str]) -> int:
    """Tell which jobs a run would take and what that would come to; change nothing."""
    report, expected = context.stage.engines.preview(request, seconds, attended=True)
    estimate = expected.as_json(context.clock())
    result = report.as_json(sys.maxsize) | {"estimate": estimate}
    context.screen.result(result, lambda: _tell_plan(context, _chosen(report), estimate))
    return _code(context, report, False, any(name in filters for name in FILTERS))


def _waiting(context: Context, request: Request) -> int:
    state = State.STUCK if request.stuck else State.PARKED
    return context.stage.overview.read().count(state, request.choice.task).number


def _replay(
    context: Context, request: Request, seconds: float, filters: dict[str, str]
) -> tuple[Report, str]:
    """The report of a replay, and its id."""
    engines = context.stage.engines
    about: dict[str, Any] = {name: value for name, value in filters.items() if name != "reason"}
    if request.stuck:
        about["stuck"] = True
    if request.by_pass:
        about["pass"] = True
    if request.restart:
        about["restart"] = True
    once = token_hex(16)
    provenance = Provenance(
        Kind.PRESS, context.who, request.reason, _given(about), idempotency_key=once
    )
    with audited(context.stage, context.who, "replay", request.reason, **about) as line:
        try:
            report, kept = engines.put_back(request, seconds, provenance)
        except KeyboardInterrupt:  # who leaves at once wants no more to be put back, either
            with suppress(NotFound, Conflict):
                engines.keeping.stop(id_of(context.who, once), context.who, "interrupted")
            raise
        line |= {"count": report.replayed, "replay": kept.id}
    return report, kept.id


def _given(about: dict[str, Any]) -> dict[str, Any]:
    """The options as the API names them."""
    fields = {name: value for name, value in about.items() if name not in ("count", "older_than")}
    if "count" in about:
        fields["max"] = about["count"]
    if "older_than" in about:
        fields["older_than"] = seconds_in(about["older_than"], "--older-than")
    return fields


def _request(filters: dict[str, str], flags: dict[str, bool]) -> Request:
    """The options, checked as the API checks them. Raises BadRequest."""
    fields: dict[str, Any] = {**filters, **flags}
    if "count" in fields:
        fields["max"] = fields.pop("count")
    if "older_than" in fields:
        fields["older_than"] = seconds_in(fields["older_than"], "--older-than")
    return check_pass(read_request(fields))


def seconds_in(text: str, option: str) -> str:
    """`2h` as seconds. Raises BadRequest."""
    digits, unit = (text[:-1], UNITS[text[-1]]) if text[-1:] in UNITS else (text, 1)
    if not (digits.isascii() and digits.isdigit() and len(digits) < 9):
        raise BadRequest(
            f"{option} {text[:40]!r} must be seconds, or a duration such as 15m, 2h, 3d"
        )
    return str(int(digits) * unit)


def allowance(count: int, request: Request) -> float:
    """Seconds that this replay may take: that many jobs at leisure, or at their own rate."""
    paced = count / request.rate if request.rate else 0
    return min(60 + count / 10 + paced, LONGEST)


def _send_metrics(context: Context) -> None:
    try:
        context.account.send_metrics()
    except AwsError as refused:
        context.screen.remark(f"The dashboard does not show this replay: {refused}")


def _code(context: Context, report: Report, interrupted: bool, narrowed: bool) -> int:
    if interrupted:
        return INTERRUPTED
    if report.failed:
        return NOT_ALL
    if narrowed and not report.replayed and not _chosen(report):
        context.screen.remark("No waiting job matches.")
        return NOT_ALL
    return DONE


def _chosen(report: Report) -> list[dict[str, str]]:
    """The jobs of a dry run that a run would put back, and those that it can't."""
    return [each for each in report.plan or [] if each["action"] != "leave"]


def _tell(context: Context, report: Report, interrupted: bool, id: str) -> None:
    result = report.as_json()
    ways = [
        f"{result[way]:,} {words}"
        for way, words in (
            ("resumed", "resumed"),
            ("restarted", "restarted"),
            ("in_line", "into line, for a slot or an open gate"),
            ("passes", "on a pass through the closed gate"),
        )
        if result.get(way)
    ]
    how = f" ({', '.join(ways)})" if ways else ""
    context.screen.say(f"{many(report.replayed, 'job')} put back{how}.", "bold")
    if result["stale"]:
        context.screen.say(f"{many(result['stale'], 'job')} had gone on or ended already.")
    if report.failed:
        context.screen.say(f"{many(len(report.failed), 'job')} not put back:")
        context.screen.table(
            ("key", "why"), [(failed["key"], failed["reason"]) for failed in report.failed]
        )
    remaining = "unknown" if report.remaining is None else f"{report.remaining:,}"
    context.screen.say(f"Still waiting: {remaining}.")
    if interrupted:
        context.screen.remark(
            "Interrupted: what was under way is finished, the rest waits as before."
        )
    elif report.more:
        context.screen.remark(
            f"Time ran out before the end: the stage goes on by itself. See respool replays {id}"
        )


def _tell_plan(context: Context, plan: list[dict[str, str]], estimate: dict[str, Any]) -> None:
    rows = [(job["key"], job["action"], job["reason"]) for job in plan]
    if rows:
        context.screen.table(("key", "action", "why"), rows)
        context.screen.say(_comes_to(estimate))
    context.screen.say("Nothing was changed." if rows else "There is nothing to put back.", "bold")


def _comes_to(estimate: dict[str, Any]) -> str:
    """When, how much and how hard, by how the last jobs went."""
    ends, stuck = estimate["finish_at"], estimate["stuck_if_failed"]
    calls, price = estimate["calls_per_hour"], estimate["dollars"]
    parts = [
        f"They would be through by {moment(ends)}" if ends else "When they are through is unknown",
        f"{estimate['transitions']:,} transitions, ${price:.4f}" if price is not None else "",
        f"at most {many(calls, 'call')} an hour on the service" if calls is not None else "",
        f"{many(stuck, 'job')} would be stuck if they fail again" if stuck else "",
    ]
    return "; ".join(each for each in parts if each) + "."


COMMANDS = (replay,)
