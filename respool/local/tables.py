"""The demo's tables."""

import json
from typing import Any

from rich.table import Table

from respool.local.jobs import TASK, JobView

WHERE = {
    "": "starts",
    "ClaimJob": "starts",
    "TakeSlot": "waits for a slot in the task",
    TASK: "in the task",
    "ParkJob": "is parked",
    "ErrorSpool": "in the spool",
    "ResumeJob": "goes on",
    "Finish": "ends",
}
COLORS = {"SUCCEEDED": "green", "RUNNING": "yellow"}


def job_table(jobs: list[JobView]) -> Table:
    """Each job: where it is, and what came of it."""
    table = Table("job", "where", "tries", "status", "output")
    for job in jobs:
        color = COLORS.get(job.status, "red")
        table.add_row(
            job.job["key"],
            WHERE.get(job.state, job.state) if job.status == "RUNNING" else "ended",
            str(job.tries),
            f"[{color}]{job.status}",
            json.dumps(job.output) if job.output is not None else "",
        )
    return table


def spool_table(claims: list[dict[str, Any]]) -> Table:
    """Each job that is parked, and why."""
    table = Table("job", "failed at", "failures", "error", "what it said")
    parked = (item for item in claims if "parkedAt" in item)
    for item in sorted(parked, key=lambda item: item["pk"]["S"]):
        failure = item["failure"]["M"]
        table.add_row(
            item["pk"]["S"].removeprefix("job#"),
            item["parkedAt"]["S"][11:19],
            item["attempt"]["N"],
            failure["name"]["S"],
            failure["message"]["S"],
        )
    return table


def answer_table(answer: dict[str, Any]) -> Table:
    """What a replay reports, but for its id, which a narrow terminal has no room for."""
    fields = {name: value for name, value in answer.items() if name != "id"}
    table = Table(*fields)
    table.add_row(*(json.dumps(value) for value in fields.values()))
    return table
