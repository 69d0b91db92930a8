"""The command that lists incidents, or shows one as a report."""

import re
from datetime import UTC, datetime
from typing import Any

import click

from chalicelib.api.incidents import list_incidents, show_incident
from chalicelib.errors import BadRequest
from chalicelib.incidents.telling import text_of
from chalicelib.incidents.words import ENGLISH, moment, plain
from chalicelib.moments import read
from respool.cli.codes import DONE, NOT_ALL
from respool.cli.context import Context, everywhere, pass_context
from respool.cli.screen import many
from respool.cli.screen import moment as local

WIDTH = 40
"""Points that a curve in a report has."""
_UNMARKED = re.compile(r"\\([^A-Za-z0-9 ])")
BARS = " ▁▂▃▄▅▆▇█"


@click.command()
@click.argument("id", required=False)
@click.option("--machine", metavar="NAME", help="List those of this state machine.")
@click.option("--markdown", is_flag=True, help="Print a report in Markdown, for others to read.")
@click.option("--message", is_flag=True, help="Print the message that people get; send nothing.")
@everywhere
@pass_context
def incident(
    context: Context, id: str | None, machine: str | None, markdown: bool, message: bool
) -> int:
    """The incidents of 90 days; with ID one of them. ID may be `last`."""
    if (markdown or message) and id is None:
        id = "last"
    if machine is not None and id not in (None, "last"):
        raise BadRequest("--machine chooses among incidents: leave it out where an ID names one")
    if id is None:
        return _list(context, _of(machine))
    if id == "last":
        latest = list_incidents(context.stage, {"limit": ["1"], **_of(machine)})["incidents"]
        if not latest:
            context.screen.remark(_none(machine))
            return NOT_ALL
        id = str(latest[0]["id"])
    if message and markdown:
        raise BadRequest("--markdown and --message exclude each other: give one of them")
    if message:
        return _show_message(context, id)
    details = show_incident(context.stage, id, {})
    lines = report(details, context.stage.prefix) if markdown else _facts(details)
    context.screen.result(details, lambda: _say(context, lines))
    return DONE


def _list(context: Context, query: dict[str, list[str]]) -> int:
    listing = list_incidents(context.stage, query)
    if query and not listing["incidents"]:
        context.screen.result(listing, lambda: None)
        context.screen.remark(_none(query["machine"][0]))
        return NOT_ALL
    context.screen.result(listing, lambda: _tell_all(context, listing))
    return DONE


def _none(machine: str | None) -> str:
    of_machine = f" of the state machine {machine}" if machine else ""
    return f"There was no incident{of_machine} in 90 days."


def _of(machine: str | None) -> dict[str, list[str]]:
    return {} if machine is None else {"machine": [machine]}


def _say(context: Context, lines: list[str]) -> None:
    for line in lines:
        context.screen.say(line)


def _show_message(context: Context, id: str) -> int:
    engines = context.stage.engines
    incident = engines.world.incidents.find(id)
    if incident is None:
        show_incident(context.stage, id, {})  # raises what is wrong
        return NOT_ALL
    letter = engines.teller.write(incident, [each.what for each in incident.news])
    text = text_of(letter, engines.settings.language)
    data = {"subject": letter.subject, "text": text}

    lines = [f"Subject: {letter.subject}", "", *text.rstrip().splitlines()]
    context.screen.result(data, lambda: _say(context, lines))
    return DONE


def _tell_all(context: Context, listing: dict[str, Any]) -> None:
    incidents = listing["incidents"]
    if not incidents:
        context.screen.say(_none(None))
        return
    rows: list[tuple[object, ...]] = [
        (
            each["id"],
            each["task"],
            local(each["since"]),
            local(each["over_at"]) if each["over"] else "under way",
            each["jobs"],
            each["failures"],
        )
        for each in incidents
    ]
    heads: tuple[str, ...] = ("id", "task", "since", "until", "jobs", "failures")
    if context.stage.engines.settings.machines:
        heads = ("machines", *heads)
        rows = [(_names(each), *row) for each, row in zip(incidents, rows, strict=True)]
    context.screen.table(heads, rows)
    days = [day["failures"] for day in listing["days"]]
    first, last = listing["days"][0]["day"], listing["days"][-1]["day"]
    drawn = "".join(_bar(number, max(days)) for number in days)
    context.screen.say(f"Failures a day, {first} to {last}: [{drawn}] at most {max(days):,}")


def _names(incident: dict[str, Any]) -> str:
    return ", ".join(each["machine"] for each in incident["machines"])


def _facts(incident: dict[str, Any]) -> list[str]:
    """The report without Markdown's marks, for a terminal."""
    lines = []
    for line in report(incident, ""):
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("|"):
            lines += [f"  {cells[0]}: {cells[1]}"] if len(cells) > 1 and cells[0] else []
        else:
            lines.append(_UNMARKED.sub(r"\1", line.lstrip("# ") if line.startswith("#") else line))
    return lines


def report(incident: dict[str, Any], stage: str) -> list[str]:
    """The incident in Markdown; other people's words stand in it without marks of their own."""
    waits = incident["waiting"]
    title = "an incident" if incident["over"] else "an incident under way"
    head = f"# {_text(incident['task'])}: {title}"
    lines = [head, "", f"{f'Stage {_text(stage)}. ' if stage else ''}{_span(incident)}", ""]
    lines += _table(
        *_machines(incident["machines"]),
        ("jobs that failed", f"{incident['jobs']:,}"),
        (
            "failures in all",
            f"{incident['failures']:,}, {incident['failed_again']:,} of them again",
        ),
        ("have ended (finished, or given up)", f"{incident['ended']:,}"),
        ("wait for a replay", f"{waits['parked'] + waits['line']:,}, and {waits['stuck']:,} stuck"),
        ("most waiting at once", f"{incident['most']['failed']:,} failed, "
         f"{incident['most']['untried']:,} untried"),
        ("calls spared against an hourly retry", f"at least {incident['calls']['spared']:,}"),
        ("failures and replays cost", f"${incident['dollars']:.4f}"),
    )  # fmt: skip
    if not incident["whole"]:
        lines += ["", "More jobs waited than could be read: the figures are lower bounds."]
    lines += ["", *_curve(incident["curve"])]
    lines += _section("What the failed jobs said", [_said(each) for each in incident["said"]])
    lines += _section("Replays", [_replay(each) for each in incident["replays"]])
    changes = [_change(each) for each in incident["changes"]]
    if incident["changes_left_out"]:
        changes.append(f"{incident['changes_left_out']:,} changes in between are left out")
    lines += _section("Gate and probes", changes)
    lines += ["", f"Incident {incident['id']}, as of {_at(incident['counted_at'])}."]
    return lines


def _machines(machines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    names = [f"{_text(each['machine'])} ({each['failed']:,})" for each in machines]
    return [("state machines, most waiting at once", ", ".join(names))] if len(names) > 1 else []


def _section(title: str, items: list[str]) -> list[str]:
    return ["", f"## {title}", "", *(f"- {each}" for each in items)] if items else []


def _table(*rows: tuple[str, str]) -> list[str]:
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]


def _span(incident: dict[str, Any]) -> str:
    start, end = read(incident["since"]), read(incident["over_at"] or incident["counted_at"])
    long = _long(start, end) if start and end else ""
    until = f"until {_at(incident['over_at'])}" if incident["over"] else "and is under way"
    return f"It began on {_at(incident['since'])} {until}{long}."


def _long(start: datetime, end: datetime) -> str:
    minutes = int((end - start).total_seconds()) // 60
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    return f" ({f'{days} d ' if days else ''}{hours} h {minutes} min)"


def _curve(points: list[dict[str, Any]]) -> list[str]:
    """Waiting, failures and ended jobs over time, as bars that any text shows."""
    if len(points) < 2:
        return []
    chosen = points[:: -(-len(points) // WIDTH)]
    if chosen[-1] is not points[-1]:
        chosen.append(points[-1])
    rows = {
        "waiting": [each["failed"] + each["untried"] for each in chosen],
        "failures": [each["failures"] for each in chosen],
        "ended": [each["ended"] for each in chosen],
    }
    most = max(max(row) for row in rows.values()) or 1
    drawn = [
        f"    {name:<9}{''.join(_bar(value, most) for value in row)}  {row[-1]:,}"
        for name, row in rows.items()
    ]
    spans = f"{_at(points[0]['at'])} to {_at(points[-1]['at'])}; the highest bar is {most:,}"
    return [f"{spans}:", "", *drawn]


def _bar(value: int, most: int) -> str:
    return BARS[-(-value * 8 // max(1, most))]


def _said(text: dict[str, Any]) -> str:
    what = ": ".join(each for each in (_text(text["name"]), _text(text["message"])) if each)
    return f"{what} ({many(text['jobs'], 'job')} of those that failed last)"


def _replay(replay: dict[str, Any]) -> str:
    why = f", because: {_text(replay['reason'])}" if replay["reason"] else ""
    who = _text(replay["by"]) or replay["kind"]
    came = ", ".join(f"{number:,} {name}" for name, number in replay["outcomes"].items() if number)
    outcomes = f": {came}" if came else ""
    put = f"{who} put {many(replay['put_back'], 'job')} back"
    return f"{_at(replay['started_at'])}: {put}{outcomes}{why}"


def _change(change: dict[str, Any]) -> str:
    at, what = _at(change["at"]), change["what"]
    if what == "gate-closed":
        by = f" by {_text(change['by'])}" if change["by"] else ""
        why = f" ({_text(change['why'])})" if change["why"] else ""
        return f"{at}: the gate closed{by}{why}"
    if what == "gate-opened":
        return f"{at}: the gate opened, as seen then"
    return f"{at}: the ramp let {many(change['jobs'], 'job')} go: {_text(what)}"


def _at(text: str) -> str:
    return moment(text, ENGLISH, UTC)


def _text(text: str) -> str:
    """Somebody else's words: no mark of Markdown works in them."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#&~" else sign for sign in plain(text, 300))


COMMANDS = (incident,)
