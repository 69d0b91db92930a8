"""The command that tells of replays: the last ones, or one with its jobs; and stops one."""

from typing import Any

import click

from chalicelib.api.replays import MOST, list_replays, show_replay, stop_replay
from chalicelib.errors import BadRequest
from respool.cli.context import Context, everywhere, pass_context
from respool.cli.screen import many, moment

_CAME_TO = {
    "finished": "finished",
    "failed": "failed again",
    "given-up": "given up",
    "aborted": "aborted",
    "line": "in line",
    "running": "on their way",
    "waiting": "waiting",
    "unknown": "unknown",
}


@click.command()
@click.argument("id", required=False)
@click.option("--limit", type=click.IntRange(1, MOST), default=20, show_default=True)
@click.option("--stop", is_flag=True, help="Stop the replay with that ID.")
@click.option("--reason", metavar="TEXT", help="Why it is stopped, for the audit log.")
@everywhere
@pass_context
def replays(
    context: Context, /, id: str | None, limit: int, stop: bool, reason: str | None
) -> None:
    """The last replays: who put what back, and what became of it. With ID one of them."""
    if stop and id is None:
        raise BadRequest("--stop needs the ID of a replay: respool replays names them")
    if reason is not None and not stop:
        raise BadRequest("--reason says why a replay is stopped: it needs --stop")
    if id is None:
        listing = list_replays(context.stage, {"limit": [str(limit)]})
        context.screen.result(listing, lambda: _tell_all(context, listing["replays"]))
        return
    if stop:
        answer = stop_replay(context.stage, id, {"reason": reason} if reason else {}, context.who)
    else:
        answer = show_replay(context.stage, id, {"limit": [str(1000)]})
    context.screen.result(answer, lambda: _tell(context, answer))


def _tell_all(context: Context, entries: list[dict[str, Any]]) -> None:
    rows = [
        (one["id"], moment(one["started_at"]), one["by"], one["state"], one["put_back"], _sum(one))
        for one in entries
    ]
    if rows:
        context.screen.table(("id", "began", "by", "state", "put back", "became"), rows)
    else:
        context.screen.say("No replay is kept.")


def _sum(replay: dict[str, Any]) -> str:
    counts = replay["outcomes"]
    parts = [f"{counts[name]:,} {words}" for name, words in _CAME_TO.items() if counts.get(name)]
    return ", ".join(parts)


def _tell(context: Context, replay: dict[str, Any]) -> None:
    screen = context.screen
    screen.say(f"{replay['by']} put {many(replay['put_back'], 'job')} back: {_sum(replay)}", "bold")
    choice = ", ".join(f"{name} {value}" for name, value in replay["asked"].items())
    stopped = f"by {replay['stopped_by']}, {moment(replay['stopped_at'] or '')}"
    screen.facts(
        (
            ("state", replay["state"]),
            ("began", moment(replay["started_at"])),
            ("ended", moment(replay["ended_at"] or "")),
            ("stopped", stopped if replay["stopped_by"] else ""),
            ("asked for", choice),
            ("reason", replay["reason"]),
            ("gone on", replay["stale"] or ""),
            ("refused", replay["refused"] or ""),
            ("counted", moment(replay["counted_at"] or "")),
        )
    )
    if replay["failed"]:
        rows = [(each["key"], each["reason"]) for each in replay["failed"]]
        screen.table(("not put back", "why"), rows)
    if replay.get("jobs"):
        screen.table(("key", "became"), [(job["key"], job["outcome"]) for job in replay["jobs"]])
    if replay.get("cursor"):
        screen.remark("There are more jobs in it than are shown.")


COMMANDS = (replays,)
