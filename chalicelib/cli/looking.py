"""Commands that look and change nothing: status, jobs, show, open."""

import re
from typing import Any

import click

from chalicelib.api.jobs import MOST_JOBS, list_jobs
from chalicelib.api.status import status as status_of
from chalicelib.board import state_of
from chalicelib.claims import Claim
from chalicelib.cli.desk import Desk, everywhere, pass_desk
from chalicelib.cli.screen import ago, many, moment, span
from chalicelib.cli.story import Step, tell
from chalicelib.errors import NotFound
from chalicelib.plan import Status
from chalicelib.workflow import Execution

_NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/]{1,80}")
"""What Step Functions takes as an execution's name."""


@click.command()
@everywhere
@pass_desk
def status(desk: Desk) -> None:
    """How the stage stands: jobs, queues, tasks, trigger, schedule."""
    told = status_of(desk.stage, {})
    desk.screen.result(told, lambda: _tell_status(desk, told))


def _tell_status(desk: Desk, told: dict[str, Any]) -> None:
    jobs, oldest = told["jobs"], told["oldest_failure"]
    waiting = jobs["parked"] + jobs["stuck"]
    since = f"; the oldest failed {span(oldest['age'])} ago" if oldest else ""
    desk.screen.say(
        f"{told['stage']}: {many(waiting, 'job')} waiting{since}." if waiting
        else f"{told['stage']}: no job is waiting.",
        "bold",
    )  # fmt: skip
    schedule, loss = told["schedule"], told["next_loss"]
    desk.screen.facts(
        (
            ("running", jobs["running"]),
            ("parked", jobs["parked"]),
            ("stuck", jobs["stuck"]),
            ("messages", f"{told['spooled']} on the spool, {told['stuck']} on the stuck queue"),
            ("trigger", told["trigger"]),
            ("schedule", f"{schedule['expression']} {schedule['timezone']}, at most"
             f" {many(schedule['max'], 'job')}" if schedule else "off"),
            ("next loss", f"{moment(loss['at'])}: {loss['key']}" if loss else "never"),
        )
    )  # fmt: skip
    rows = [(each["task"], each["inside"], _limit(each)) for each in told["tasks"]]
    desk.screen.table(("task", "inside", "limit"), rows)


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
@pass_desk
def jobs(desk: Desk, state: str | None, task: str | None, error: str | None, limit: int) -> None:
    """The jobs that run or wait, the longest waiting first."""
    chosen = {"state": state, "task": task, "error": error}
    query = {name: [value] for name, value in chosen.items() if value is not None}
    found = _pages(desk, query, limit)
    desk.screen.result(found, lambda: _tell_jobs(desk, found))


def _pages(desk: Desk, query: dict[str, list[str]], limit: int) -> dict[str, Any]:
    """As many jobs as asked for, put together from the API's pages."""
    found: list[dict[str, Any]] = []
    while True:
        query["limit"] = [str(min(limit - len(found), MOST_JOBS))]
        page = list_jobs(desk.stage.board, query)
        found += page["jobs"]
        if page["cursor"] is None or len(found) >= limit:
            return {**page, "jobs": found}
        query["cursor"] = [page["cursor"]]


def _tell_jobs(desk: Desk, found: dict[str, Any]) -> None:
    rows = [
        (
            job["key"], job["state"], job["task"], job["attempt"] or "",
            ago(job["first_failed_at"] or job["started_at"] or "", desk.clock()),
            f"{job['error']['name']}: {job['error']['message']}"[:100]
            if job["error"]["name"] else "",
        )
        for job in found["jobs"]
    ]  # fmt: skip
    if rows:
        desk.screen.table(("key", "state", "task", "failures", "since", "error"), rows)
    desk.screen.say(f"{many(len(rows), 'job')} of {found['total']:,}.")
    if not found["complete"]:
        desk.screen.remark("The table is very large: there are more jobs than were read.")


@click.command()
@click.argument("key")
@everywhere
@pass_desk
def show(desk: Desk, key: str) -> None:
    """A job and its history in plain words. KEY may also be an execution's name."""
    claim = desk.stage.claims.get(key)
    execution = _execution(desk, key, claim)
    steps = tell(desk.account.history(execution.arn)) if execution.started_at else []
    data = {
        "key": key,
        "state": state_of(claim).value if claim else execution.status.value.lower(),
        "task": claim.task if claim else "",
        "attempt": claim.attempt if claim else 0,
        "error": {"name": claim.failure.name, "message": claim.failure.message} if claim else None,
        "first_failed_at": claim.first_failed_at if claim else "",
        "last_failed_at": claim.parked_at if claim else "",
        "execution": execution.arn,
        "execution_status": execution.status.value,
        "history": [{"at": step.at.isoformat(), "what": step.what} for step in steps],
    }
    desk.screen.result(data, lambda: _tell_job(desk, data, steps))


def _execution(desk: Desk, key: str, claim: Claim | None) -> Execution:
    workflow = desk.stage.workflow
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


def _tell_job(desk: Desk, data: dict[str, Any], steps: list[Step]) -> None:
    error = data["error"] or {"name": "", "message": ""}
    desk.screen.say(f"{data['key']}: {data['state']}", "bold")
    desk.screen.facts(
        (
            ("task", data["task"]),
            ("failures", data["attempt"] or ""),
            ("first", moment(data["first_failed_at"])),
            ("last", moment(data["last_failed_at"])),
            ("error", f"{error['name']}: {error['message']}" if error["name"] else ""),
            ("execution", f"{data['execution']} ({data['execution_status']})"),
        )
    )
    day = ""
    for step in steps:
        at = step.at.astimezone()
        if (today := f"{at:%a %Y-%m-%d %Z}") != day:
            desk.screen.say(f"\N{NO-BREAK SPACE}{today}".strip(), "bold")
            day = today
        desk.screen.say(f"  {at:%H:%M:%S}  {step.what}")


@click.command("open")
@click.option("--no-browser", is_flag=True, help="Only print the URL.")
@everywhere
@pass_desk
def open_page(desk: Desk, no_browser: bool) -> None:
    """Open the stage's page in a browser; prints its URL."""
    url = desk.account.page()
    desk.screen.result({"url": url}, lambda: desk.screen.say(url))
    if not (no_browser or desk.json):
        click.launch(url)


COMMANDS = (status, jobs, show, open_page)
