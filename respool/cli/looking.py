"""Commands that look and change nothing: status, jobs, show, open."""

import re
from typing import Any

import click

from chalicelib.api.jobs import MOST_JOBS, as_json, list_jobs
from chalicelib.api.status import status as status_of
from chalicelib.errors import NotFound
from chalicelib.gate.ramp.describe import Told, sentence
from chalicelib.job.claim import Claim
from chalicelib.job.execution import Execution, Status
from respool.cli.context import Context, everywhere, pass_context
from respool.cli.history import Step, tell
from respool.cli.screen import ago, many, moment, span

_NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/]{1,80}")
"""What Step Functions takes as an execution's name."""


@click.command()
@everywhere
@pass_context
def status(context: Context) -> None:
    """How the stage stands: jobs, queues, tasks, trigger, schedule."""
    told = status_of(context.stage, {})
    context.screen.result(told, lambda: _tell_status(context, told))


def _tell_status(context: Context, told: dict[str, Any]) -> None:
    jobs = told["jobs"]
    waiting = jobs["parked"] + jobs["stuck"]
    what = f"{many(waiting, 'job')} waiting" if waiting else "no job is waiting"
    oldest = told["oldest_failure"]
    since = f"; the oldest failed {span(oldest['age'])} ago" if oldest else ""
    context.screen.say(f"{told['stage']}: {what}{since}.", "bold")
    context.screen.facts(
        (
            ("running", jobs["running"]),
            ("parked", jobs["parked"]),
            ("stuck", jobs["stuck"]),
            ("messages", f"{told['spooled']} on the spool, {told['stuck']} on the stuck queue"),
            ("trigger", told["trigger"]),
            ("schedule", _schedule(told["schedule"])),
            ("next loss", _loss(told["next_loss"])),
        )
    )
    rows = [(each["task"], each["inside"], _limit(each)) for each in told["tasks"]]
    context.screen.table(("task", "inside", "limit"), rows)
    for each in told["tasks"]:
        if each["ramp"]:
            context.screen.say(f"{each['task']}: {_ramp(context, each['ramp'])}.")


def _ramp(context: Context, ramp: dict[str, Any]) -> str:
    told = Told(ramp["code"], ramp["values"], ramp["times"])
    return sentence(told, context.clock().astimezone())


def _schedule(schedule: dict[str, Any] | None) -> str:
    if schedule is None:
        return "off"
    most = many(schedule["max"], "job")
    return f"{schedule['expression']} {schedule['timezone']}, at most {most}"


def _loss(loss: dict[str, Any] | None) -> str:
    return f"{moment(loss['at'])}: {loss['key']}" if loss else "never"


def _limit(task: dict[str, Any]) -> str:
    if task["limit"] == 0:
        return "0 (held)"
    return f"{task['limit']}{'' if task['own_limit'] else ' (the stage)'}"


@click.command()
@click.option("--state", metavar="STATE", help="Only those: parked, running, stuck (or a,b).")
@click.option("--task", metavar="NAME", help="Only those that failed in this task.")
@click.option("--error", metavar="NAME", help="Only those that failed with this error.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many.")
@everywhere
@pass_context
def jobs(
    context: Context, state: str | None, task: str | None, error: str | None, limit: int
) -> None:
    """The jobs that run or wait, the longest waiting first."""
    chosen = {"state": state, "task": task, "error": error}
    query = {name: [value] for name, value in chosen.items() if value is not None}
    found = _pages(context, query, limit)
    context.screen.result(found, lambda: _tell_jobs(context, found))


def _pages(context: Context, query: dict[str, list[str]], limit: int) -> dict[str, Any]:
    """As many jobs as asked for, put together from the API's pages."""
    found: list[dict[str, Any]] = []
    while True:
        query["limit"] = [str(min(limit - len(found), MOST_JOBS))]
        page = list_jobs(context.stage.overview, query)
        found += page["jobs"]
        if page["cursor"] is None or len(found) >= limit:
            return {**page, "jobs": found}
        query["cursor"] = [page["cursor"]]


def _tell_jobs(context: Context, found: dict[str, Any]) -> None:
    rows = [_row(context, job) for job in found["jobs"]]
    if rows:
        context.screen.table(("key", "state", "task", "failures", "since", "error"), rows)
    context.screen.say(f"{many(len(rows), 'job')} of {found['total']:,}.")
    if not found["complete"]:
        context.screen.remark("The table is very large: there are more jobs than were read.")


def _row(context: Context, job: dict[str, Any]) -> tuple[object, ...]:
    error = job["error"]
    return (
        job["key"],
        job["state"],
        job["task"],
        job["attempt"] or "",
        ago(job["first_failed_at"] or job["started_at"] or "", context.clock()),
        f"{error['name']}: {error['message']}"[:100] if error["name"] else "",
    )


@click.command()
@click.argument("key")
@everywhere
@pass_context
def show(context: Context, key: str) -> None:
    """A job and its history in plain words. KEY may also be an execution's name."""
    claim = context.stage.claims.get(key)
    execution = _execution(context, key, claim)
    steps = tell(context.account.history(execution.arn)) if execution.started_at else []
    ended = {"key": key, "state": execution.status.value.lower(), "execution": execution.arn}
    data = {
        **(as_json(claim) if claim else ended),
        "execution_status": execution.status.value,
        "history": [{"at": step.at.isoformat(), "what": step.what} for step in steps],
    }
    context.screen.result(data, lambda: _tell_job(context, data, steps))


def _execution(context: Context, key: str, claim: Claim | None) -> Execution:
    workflow = context.stage.workflow
    if claim is not None:
        return workflow.describe(claim.execution)
    if _NAME.fullmatch(key):
        found = workflow.describe(workflow.arn(key))
        if found.status is not Status.MISSING:
            return found
    raise NotFound(
        f"no job has the key {key!r}: it finished, or was never started; one that finished is"
        " shown by its execution's name"
    )


def _tell_job(context: Context, data: dict[str, Any], steps: list[Step]) -> None:
    error = data.get("error", {"name": "", "message": ""})
    context.screen.say(f"{data['key']}: {data['state']}", "bold")
    context.screen.facts(
        (
            ("task", data.get("task", "")),
            ("failures", data.get("attempt") or ""),
            ("first", moment(data.get("first_failed_at") or "")),
            ("last", moment(data.get("last_failed_at") or "")),
            ("error", f"{error['name']}: {error['message']}" if error["name"] else ""),
            ("execution", f"{data['execution']} ({data['execution_status']})"),
        )
    )
    day = ""
    for step in steps:
        at = step.at.astimezone()
        if (today := f"{at:%a %Y-%m-%d %Z}") != day:
            context.screen.say(today, "bold")
            day = today
        context.screen.say(f"  {at:%H:%M:%S}  {step.what}")


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
