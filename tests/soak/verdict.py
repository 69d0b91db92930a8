"""What became of the jobs in the end, and the figures of a run as a page shows them."""

import json
import platform
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from respool.local.emulator import PROJECT
from respool.local.jobs import look
from tests.soak.faults import Fault
from tests.soak.load import LIMIT, OUTAGE, Load, bound

PAGE = PROJECT / "docs" / "soak.md"
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"


@dataclass(frozen=True)
class Verdict:
    """The end of a run. Each list names keys or items; all must be empty."""

    lost: list[str]
    doubled: list[str]
    wrong: list[str]
    left: list[str]
    untrue: list[str]
    messages: int
    most_inside: int
    executions: int
    calls: int
    faults: dict[str, int]

    @property
    def problems(self) -> dict[str, list[str]]:
        """What is not as it must be."""
        found = {
            "lost": self.lost,
            "doubled": self.doubled,
            "outputs of another job": self.wrong,
            "claims and slots left": self.left,
            "figures of the incident that are not so": self.untrue,
            "messages left": [str(self.messages)] * bool(self.messages),
            "jobs in the task at once": [str(self.most_inside)]
            * (not 0 < self.most_inside <= LIMIT),
        }
        return {name: each for name, each in found.items() if each}

    @property
    def share(self) -> float:
        """The part of all calls that met a fault."""
        return sum(self.faults.values()) / max(1, self.calls)


def judge(load: Load) -> Verdict:
    """Count the service's completed work, in the executions and in its own log."""
    sure = load.stage.sure
    done: Counter[str] = Counter()
    wrong = []
    for one in sure.executions():
        job = look(sure, one["executionArn"])
        done[job.job["key"]] += job.finished
        if job.status == "SUCCEEDED" and job.output != job.job:
            wrong.append(one["executionArn"])
    logged = Counter(key for key, action, at in _work(load) if action == "task-left")
    noted = load.stage.ground.noted()
    return Verdict(
        lost=[key for key in load.keys if done[key] < 1],
        doubled=[key for key in load.keys if done[key] > 1 or logged[key] > 1],
        wrong=wrong,
        left=[str(i["pk"]["S"]) for i in sure.claims() if bound(i)],
        untrue=_untrue(load),
        messages=sum(sure.depth(queue) for queue in (sure.names.spool, sure.names.stuck)),
        most_inside=_most_inside(load),
        executions=len(sure.executions()),
        calls=noted.total(),
        faults=_by_kind(noted),
    )


def _untrue(load: Load) -> list[str]:
    course = load.course
    return [] if course.told == course.truth else [f"{course.told} is {course.truth}"]


def _work(load: Load) -> list[tuple[str, str, float]]:
    """What the service's task logged since it is well again: key, action, and when."""
    sure = load.stage.sure
    found = sure.client("logs").filter_log_events(
        logGroupName=f"/aws/lambda/{sure.names.prefix}-uncertain_task",
        filterPattern='"task-"',
        startTime=int(load.course.healed * 1000),
    )
    lines = [json.loads(event["message"]) for event in found["events"]]
    work = [(line["key"], line["action"], line["at"]) for line in lines]
    return sorted((each for each in work if each[2] > load.course.healed), key=lambda e: e[2])


def _most_inside(load: Load) -> int:
    inside = most = 0
    for _, action, _ in _work(load):
        inside += 1 if action == "task-entered" else -1
        most = max(most, inside)
    return most


def _by_kind(noted: Counter[tuple[str, str, Fault]]) -> dict[str, int]:
    kinds: Counter[str] = Counter()
    for (_, _, fault), count in noted.items():
        if fault is not Fault.NONE:
            kinds[str(fault)] += count
    return {str(fault): kinds[str(fault)] for fault in Fault if kinds[str(fault)]}


def table(load: Load, verdict: Verdict) -> str:
    """The figures in Markdown."""
    course = load.course
    rows = {
        "jobs": f"{load.jobs:,}",
        "failed within": f"{course.failed_within:.0f} s",
        "parked within": f"{course.parked_within:.0f} s",
        "replayed within": f"{course.replayed_within:.0f} s, by {course.replays} replays",
        "ended by hand while they waited": str(course.aborted),
        "replay Lambdas killed": str(course.kills),
        f"taken down for {OUTAGE} s each": "; ".join(course.outages),
        "executions, with restarts": f"{verdict.executions:,}",
        f"most jobs in the task at once (limit {LIMIT})": str(verdict.most_inside),
        "jobs that failed, that wait, failures: by the incident": str(course.told),
        "calls": f"{verdict.calls:,}",
        "calls that met a fault": f"{sum(verdict.faults.values()):,} ({verdict.share:.1%})",
        **{f"– {kind}": f"{count:,}" for kind, count in verdict.faults.items()},
        "**jobs lost**": f"**{len(verdict.lost)}**",
        "**jobs doubled**": f"**{len(verdict.doubled)}**",
        "outputs of another job": str(len(verdict.wrong)),
        "claims and slots left": str(len(verdict.left)),
        "messages left": str(verdict.messages),
        "Python": platform.python_version(),
    }
    lines = [f"| {name} | {figure} |" for name, figure in rows.items()]
    return "\n".join(["| what | figure |", "| --- | ---: |", *lines]) + "\n"


def write(figures: str, page: Path = PAGE) -> None:
    """Put them into the page."""
    head, _, rest = page.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    page.write_text(f"{head}{BEGIN}{figures}{END}{tail}")
