"""Commands that look and change nothing: status, jobs, show, open."""

import re
from typing import Any

import click

from chalicelib.api.history import tell
from chalicelib.api.jobs import MOST_JOBS, list_jobs
from chalicelib.api.one_job import MOST_EVENTS, show_job
from chalicelib.api.status import status as status_of
from chalicelib.errors import NotFound
from chalicelib.job.claim import FAILURES
from chalicelib.job.execution import Status
from chalicelib.moments import iso, read
from chalicelib.replaying.requests import read_machine
from respool.cli.codes import DONE, NOT_ALL
from respool.cli.context import Context, everywhere, pass_context
from respool.cli.screen import ago, many, moment, span

_NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/]{1,80}")
"""What Step Functions takes as an execution's name."""


@click.command()
@everywhere
@pass_context
def status(context: Context) -> None:
    """How the stage stands: jobs, tasks, gates, trigger, schedule."""
    answer = status_of(context.stage, {})
    context.screen.result(answer, lambda: _tell_status(context, answer))


def _tell_status(context: Context, status: dict[str, Any]) -> None:
    for task in status["tasks"]:
        if not task["gate"]["open"]:
            context.screen.say(closed(task), "bold yellow")
    context.screen.say(f"{status['stage']}: {_waiting(status)}.", "bold")
    jobs = status["jobs"]
    more = "" if status["complete"] else " or more"
    context.screen.facts(
        (
            ("in a task", f"{jobs['running']:,}"),
            ("in line", f"{jobs['line']:,}"),
            ("parked", f"{jobs['parked']:,}{more}"),
            ("stuck", f"{jobs['stuck']:,}{more}"),
            ("notes", f"about {status['spooled']:,} on the spool"),
            ("unusable", f"about {status['stuck']:,} messages" if status["stuck"] else ""),
            ("trigger", _trigger(status)),
            ("schedule", _schedule(status["schedule"])),
            ("near end", _near_end(status["next_loss"])),
        )
    )
    names = ("task", "inside", "limit", "in line", "parked", "stuck", "gate")
    context.screen.table(names, [_task(each) for each in status["tasks"]])
    for each in status["tasks"]:
        if each["ramp"]:
            context.screen.say(f"{each['task']}: {_ramp(context, each['ramp'])}.")


def _task(task: dict[str, Any]) -> tuple[object, ...]:
    gate = "open" if task["gate"]["open"] else "closed"
    return (
        task["task"],
        task["inside"],
        task["limit"],
        task["waiting"],
        task["parked"],
        task["stuck"],
        gate,
    )


def _waiting(status: dict[str, Any]) -> str:
    waiting = status["jobs"]["parked"] + status["jobs"]["stuck"]
    what = f"{many(waiting, 'job')} waiting" if waiting else "no job is waiting"
    oldest = status["oldest_failure"]
    more = "" if status["complete"] else "more than "
    since = f"; the oldest failed {span(oldest['age'])} ago" if oldest else ""
    return f"{more}{what}{since}"


def closed(task: dict[str, Any]) -> str:
    """A closed gate in one sentence: by whom, why, since when, until when."""
    gate = task["gate"]
    until = f" until {moment(gate['until'])}" if gate["until"] else ""
    since = f" since {moment(gate['since'])}" if gate["since"] else ""
    why = f": {gate['why']}" if gate["why"] else ""
    by = f", closed by {gate['by']}" if gate["by"] else ""
    behind = (
        f"{many(task['failed'] or 0, 'job')} failed, {task['untried'] or 0:,} in line are untried"
    )
    if task["untried"] is None:
        behind = f"{many(task['waiting'], 'job')} in line"
    opens = _opens(task)
    return f"{task['task']} takes no jobs{until}{by}{since}{why}. {behind}.{opens}"


def _opens(task: dict[str, Any]) -> str:
    """Who opens a gate that failures closed; nobody has to be told of another."""
    if task["gate"]["by"] != FAILURES or task["ramp"]:
        return ""
    return f" It stays closed until somebody opens it: respool release {task['task']}."


def _ramp(context: Context, ramp: dict[str, Any]) -> str:
    from chalicelib.gate.ramp.describe import Summary, sentence

    summary = Summary(ramp["code"], ramp["values"], ramp["times"])
    return sentence(summary, context.clock().astimezone())


def _schedule(schedule: dict[str, Any] | None) -> str:
    if schedule is None:
        return "off"
    most = many(schedule["max"], "job")
    return f"{schedule['expression']} {schedule['timezone']}, at most {most}"


def _trigger(status: dict[str, Any]) -> str:
    if not status["trigger_by"]:
        return str(status["trigger"])
    why = f": {status['trigger_why']}" if status["trigger_why"] else ""
    return f"{status['trigger']} by {status['trigger_by']}, {moment(status['trigger_at'])}{why}"


def _near_end(first: dict[str, Any] | None) -> str:
    """The job whose execution Step Functions ends or forgets first, within two weeks."""
    if first is None:
        return "none"
    return f"{first['key']}: {_LOSSES[first['why']]} {moment(first['at'])}"


_LOSSES = {
    "year": "its execution ends",
    "forgotten": "its dead execution is forgotten",
    "redrive": "its execution can't be redriven any more",
}


@click.command()
@click.option("--state", metavar="STATE", help="Only these: parked, stuck, line, running (or a,b).")
@click.option("--task", metavar="NAME", help="Only those of this task.")
@click.option("--error", metavar="NAME", help="Only those that failed with this error.")
@click.option("--machine", metavar="NAME", help="Only those of this state machine.")
@click.option("--search", metavar="TEXT", help="Only those with this in their key.")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="At most that many."
)
@everywhere
@pass_context
def jobs(context: Context, /, limit: int, **options: str | None) -> int:
    """The jobs that wait or are in a task, the oldest first."""
    query = {name: [value] for name, value in options.items() if value is not None}
    narrowed = bool(query)
    listing = _pages(context, query, limit)
    context.screen.result(listing, lambda: _tell_jobs(context, listing))
    if narrowed and not listing["jobs"]:
        context.screen.remark("No job matches.")
        return NOT_ALL
    return DONE


def _pages(context: Context, query: dict[str, list[str]], limit: int) -> dict[str, Any]:
    """As many jobs as asked for, put together from the API's pages."""
    jobs: list[dict[str, Any]] = []
    while True:
        query["limit"] = [str(min(limit - len(jobs), MOST_JOBS))]
        page = list_jobs(context.stage, query)
        jobs += page["jobs"]
        if page["cursor"] is None or len(jobs) >= limit:
            return {**page, "jobs": jobs}
        query["cursor"] = [page["cursor"]]


def _tell_jobs(context: Context, listing: dict[str, Any]) -> None:
    rows = [_row(context, job) for job in listing["jobs"]]
    heads: tuple[str, ...] = ("key", "state", "task", "failures", "since", "error")
    if context.stage.engines.settings.machines or len({j["machine"] for j in listing["jobs"]}) > 1:
        heads = ("machine", *heads)
        rows = [(job["machine"], *row) for job, row in zip(listing["jobs"], rows, strict=True)]
    if rows:
        context.screen.table(heads, rows)
    total = f" of {listing['total']:,}" if listing["total"] is not None else ""
    more = ", and there are more" if listing["cursor"] and not total else ""
    context.screen.say(f"{many(len(rows), 'job')}{total}{more}.")


def _row(context: Context, job: dict[str, Any]) -> tuple[object, ...]:
    return (
        job["key"],
        job["state"],
        job["task"],
        job["attempt"] or "",
        ago(job["since"] or job["started_at"] or "", context.clock()),
        _error(job["error"]),
    )


def _error(error: dict[str, str]) -> str:
    return f"{error['name']}: {error['message']}".strip(": ")


@click.command()
@click.argument("key")
@click.option(
    "--machine", metavar="NAME", help="Whose job it is: a state machine (default: the stage's own)."
)
@click.option("--input", "with_input", is_flag=True, help="Show the job's input, too.")
@everywhere
@pass_context
def show(context: Context, key: str, machine: str | None, with_input: bool) -> None:
    """A job and its history in plain words. KEY may also be an execution's name."""
    job = (key, read_machine({} if machine is None else {"machine": machine}))
    try:
        data = show_job(context.stage, job, {}, with_input)
    except NotFound:
        about = _by_name(context, key)
        if about is None:
            raise
        data = about
    context.screen.result(data, lambda: _tell_job(context, data))


def _by_name(context: Context, name: str) -> dict[str, Any] | None:
    """An execution that no claim tells of any more; None where there is none of that name."""
    workflow = context.stage.engines.world.workflow
    if not _NAME.fullmatch(name):
        return None
    execution = workflow.describe(workflow.arn(name))
    if execution.status is Status.MISSING:
        return None
    steps = tell(workflow.history(execution.arn, MOST_EVENTS))
    status = execution.status.value.lower()
    history = [{"at": iso(step.at), "what": step.what} for step in steps]
    about = {"key": name, "state": status, "execution": execution.arn, "execution_status": status}
    return about | {"history": history, "input": None}


def _tell_job(context: Context, data: dict[str, Any]) -> None:
    context.screen.say(f"{data['key']}: {data['state']}", "bold")
    context.screen.facts(
        (
            ("task", data.get("task", "")),
            ("since", moment(data.get("since") or "")),
            ("failures", data.get("attempt") or ""),
            ("first", moment(data.get("first_failed_at") or "")),
            ("last", moment(data.get("failed_at") or "")),
            ("error", _error(data.get("error", {"name": "", "message": ""}))),
            ("died", moment(data.get("dead_at") or "")),
            ("ended", moment(data.get("ended_at") or "")),
            ("execution", f"{data['execution']} ({data['execution_status']})"),
            ("replayed", "; ".join(_replayed(each) for each in data.get("replays", ()))),
            ("input", data["input"] or ""),
        )
    )
    day = ""
    for step in data["history"]:
        then = read(step["at"])
        at = then.astimezone() if then else context.clock()
        if (today := f"{at:%a %Y-%m-%d %Z}") != day:
            context.screen.say(today, "bold")
            day = today
        context.screen.say(f"  {at:%H:%M:%S}  {step['what']}")


def _replayed(replay: dict[str, str]) -> str:
    why = f" ({replay['reason']})" if replay["reason"] else ""
    return f"by {replay['by']}{why}, {moment(replay['at'])}"


@click.command("open")
@click.option("--no-browser", is_flag=True, help="Only print the URL.")
@everywhere
@pass_context
def open_page(context: Context, no_browser: bool) -> None:
    """Open the stage's page in a browser; prints its URL."""
    url = context.account.page()
    context.screen.result({"url": url}, lambda: context.screen.say(url))
    if not (no_browser or context.json):
        click.launch(url)


COMMANDS = (status, jobs, show, open_page)
