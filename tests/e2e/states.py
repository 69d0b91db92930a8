"""The states that the page may be in, one after another, on paper."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from playwright.sync_api import Page

from chalicelib.job.claim import State as Stands
from chalicelib.job.replay import Kind, Replay
from chalicelib.moments import iso
from chalicelib.replaying.keeping import Provenance
from chalicelib.replaying.requests import Request
from tests.e2e.paper import ADDRESS, NOW, Given, Paper, ended, job, moment, runs, slots
from tests.fakes.clock import START
from tests.fakes.service import TASK

State = Callable[[Page, Paper], None]
"""Lays out a stage and brings the page to it."""

SLOW: dict[str, Any] = {"error": "Timeout", "message": "read timed out after 30 s"}
MALFORMED: dict[str, Any] = {
    "error": "ValueError",
    "message": 'unexpected field <b>"amount"</b> in the answer',
}
INSIDE = {f"job#order-{10400 + n}": f"arn:execution-{n}" for n in range(3)}


def weekend() -> list[Given]:
    """Twelve that wait since Friday night, one of them stuck, and three that run."""
    down = [job(f"order-{10231 + 7 * n}", 59 + 1 / 6 - 6.3 * n) for n in range(9)]
    slow = [job(f"invoice-{880 + n}", 20 - n, **SLOW) for n in range(2)]
    stuck = job("order-10198", 30, state=Stands.STUCK, attempt=5, **MALFORMED)
    inside = [runs(f"order-{10400 + n}", 0.1) for n in range(3)]
    return [*down, *slow, stuck, *inside, slots(INSIDE)]


def real(paper: Paper, count: int) -> list[str]:
    """Jobs of the machine in memory that have failed and are parked; returns their executions."""
    paper.memory.service.broken = True
    workflow = paper.memory.process().workflow
    arns = [workflow.start(f"run-{n}", f'{{"key": "order-{n}"}}') for n in range(count)]
    paper.memory.run()
    paper.memory.service.broken = False
    return arns


def request(count: int) -> Request:
    """Somebody else's replay of the oldest."""
    return Request(count=count)


def under_way(paper: Paper, count: int) -> str:
    """Somebody else's replay, which the server has taken up; its id."""
    replays = paper.memory.process().replays
    began, ends = iso(NOW), iso(NOW + timedelta(minutes=5))
    asked = Provenance(Kind.PRESS, "kim", "they say it is well")
    new = Replay("0123", asked.kind, asked.by, asked.reason, {"max": count}, count, began)
    replays.put(replace(new, leased_until=ends))
    return new.id


def signing_in(tab: Page, paper: Paper) -> None:
    tab.locator("#token").wait_for()


def failing(paper: Paper, count: int) -> str:
    """Jobs have failed, and people were told; gives what the message's link ends with."""
    real(paper, count)
    for _ in range(3):
        paper.memory.clock.pause(300)
        paper.memory.process().tick()
    return f"#incident={paper.memory.process().incidents.current([TASK])[TASK].id}"


def invited(tab: Page, paper: Paper) -> None:
    tab.goto(f"{ADDRESS}#invite=rsp_token")
    tab.locator("#accept").wait_for()


def incident(tab: Page, paper: Paper) -> None:
    link = failing(paper, 3)
    sign_in(tab)
    tab.locator("#replay").wait_for()
    tab.goto(ADDRESS + link)
    tab.locator(".incident").wait_for()
    tab.locator("#try").wait_for()


def refused(tab: Page, paper: Paper) -> None:
    paper.known = False
    sign_in(tab)
    tab.get_by_role("alert").wait_for()


def calm(tab: Page, paper: Paper) -> None:
    sign_in(tab)
    tab.locator(".hero.calm").wait_for()


def waiting(tab: Page, paper: Paper) -> None:
    paper.lay(*weekend())
    sign_in(tab)
    tab.locator(".hero.waiting, .hero.closed").wait_for()


def opened(tab: Page, paper: Paper) -> None:
    """The jobs of the first group, and of those that run."""
    waiting(tab, paper)
    for n in (0, -1):
        tab.locator(".group .title [aria-expanded=false]").nth(n).click()
    tab.locator(".row").nth(11).wait_for()


def one(tab: Page, paper: Paper) -> None:
    paper.lay(job("order-10231", 59 + 1 / 6))
    sign_in(tab)
    tab.locator(".row").wait_for()


def in_line(tab: Page, paper: Paper) -> None:
    waits = [job(f"order-{n}", 1 - n / 10, state=Stands.LINE, attempt=0) for n in range(3)]
    paper.lay(*waits, slots({f"job#in-{n}": "arn" for n in range(5)}, waiting=3))
    sign_in(tab)
    tab.locator(".hero.line").wait_for()


def preview(tab: Page, paper: Paper) -> None:
    waiting(tab, paper)
    tab.locator("#replay").click()
    tab.locator("#go").wait_for()


def progress(tab: Page, paper: Paper) -> None:
    """Six are put back: two have finished, one has failed again, one is given up, two wait on."""
    real(paper, 6)
    sign_in(tab)
    tab.locator("#replay").click()
    tab.locator("#go").wait_for()
    paper.then = lambda: spread(paper)
    tab.locator("#go").click()
    tab.locator(".counts .given-up").wait_for()


def spread(paper: Paper) -> None:
    """What became of six jobs a moment after they were put back."""
    now: dict[str, Any] = {"since": moment(0)}
    become(
        paper,
        ended("order-0", 1, Stands.FINISHED),
        ended("order-1", 1, Stands.FINISHED),
        job("order-2", 0.001, attempt=2),
        ended("order-3", 1, Stands.GIVEN_UP),
        runs("order-4", 1) | {"attempt": {"N": "1"}},
        job("order-5", 1, state=Stands.LINE, **now),
    )


def become(paper: Paper, *items: Given) -> None:
    """Let jobs that there are stand otherwise."""
    for item in items:
        there = paper.memory.table.items[item["pk"]["S"]]
        paper.lay(item | {"order": there["order"]})


def some_back(tab: Page, paper: Paper) -> None:
    """Four are put back: two of them fail again."""
    real(paper, 4)
    sign_in(tab)
    paper.then = lambda: again(paper)
    press(tab)
    tab.locator("#ended").wait_for()


def again(paper: Paper) -> None:
    """Two of the jobs fail a second time."""
    paper.memory.run()
    become(paper, job("order-1", 0.001, attempt=2), job("order-2", 0.001, attempt=2))


def all_done(tab: Page, paper: Paper) -> None:
    real(paper, 4)
    sign_in(tab)
    paper.then = paper.memory.run
    press(tab)
    tab.locator("#ended").wait_for()


def press(tab: Page) -> None:
    """Both presses of the big button."""
    tab.locator("#replay").click()
    tab.locator("#go").click()
    tab.locator("#progress, #ended").wait_for()


def held(tab: Page, paper: Paper) -> None:
    paper.lay(*weekend())
    closed: dict[str, Any] = {
        "closedUntil": moment(-5.67),
        "closedAt": moment(2),
        "closedBy": "kim",
    }
    line = [job(f"late-{n}", 1, state=Stands.LINE, attempt=0) for n in range(4)]
    paper.lay(*line, slots(INSIDE, waiting=4, **closed, closedWhy="they repair the database"))
    sign_in(tab)
    tab.locator(".hero.closed").wait_for()


def shut(tab: Page, paper: Paper) -> None:
    """Failures have closed the gate, and there is no ramp."""
    real(paper, 5)
    line = [job(f"late-{n}", 1, state=Stands.LINE, attempt=0) for n in range(4)]
    failed = {f"job#order-{n}": moment(9) for n in range(5)}
    paper.lay(*line, slots(waiting=4, closeAfter=5, failed=failed))
    sign_in(tab)
    tab.locator(".hero.closed").wait_for()


def closing(tab: Page, paper: Paper) -> None:
    waiting(tab, paper)
    tab.locator(".changes summary").click()
    tab.locator(".changes .button").last.click()
    tab.locator("#until").wait_for()


def stuck(tab: Page, paper: Paper) -> None:
    paper.lay(
        job("order-10198", 30, state=Stands.STUCK, attempt=5, **MALFORMED),
        job("order-10203", 29, state=Stands.STUCK, attempt=5, **MALFORMED),
    )
    sign_in(tab)
    tab.locator(".hero.stuck").wait_for()


def lost(tab: Page, paper: Paper) -> None:
    waiting(tab, paper)
    paper.gone = True
    tab.evaluate("dispatchEvent(new Event('online'))")
    tab.locator(".notice.lost").wait_for()


def hundreds(tab: Page, paper: Paper) -> None:
    kinds: list[dict[str, Any]] = [{"message": "no answer"}, SLOW, MALFORMED]
    paper.lay(*(job(f"order-{10000 + n}", 59 - n / 10, **kinds[n % 5 % 3]) for n in range(500)))
    sign_in(tab)
    tab.locator(".group .title [aria-expanded=false]").first.click()
    tab.locator(".row").nth(24).wait_for()


def found(tab: Page, paper: Paper) -> None:
    waiting(tab, paper)
    tab.locator("#find").fill("10231")
    tab.locator(".found .row").wait_for()


def told(tab: Page, paper: Paper) -> None:
    """The story of a job that has finished, found by its key."""
    real(paper, 1)
    paper.memory.process().engines.replay(request(1), 10, attended=True)
    paper.memory.run()
    sign_in(tab)
    tab.locator("#find").fill("order-0")
    tab.get_by_role("button", name="order-0").last.click()
    tab.locator(".history-of li").first.wait_for()


def on_its_own(tab: Page, paper: Paper) -> None:
    """The page of one job that was put back and has failed again."""
    some_back(tab, paper)
    tab.evaluate("location.hash = 'job=order-1'")
    tab.locator(".hero.one .history-of").wait_for()


def others_under_way(tab: Page, paper: Paper) -> None:
    """What the others put back, and what one puts back just now."""
    some_back(tab, paper)
    under_way(paper, 4)
    tab.reload()
    tab.locator(".under-way").wait_for()


def giving_up(tab: Page, paper: Paper) -> None:
    one(tab, paper)
    tab.locator(".row .plain").first.click()
    tab.locator("#end-it").click()
    tab.locator("#dialog [aria-invalid]").wait_for()


def at_risk(tab: Page, paper: Paper) -> None:
    old = job("order-1", 24 * 355)
    paper.lay(*weekend(), old)
    sign_in(tab)
    tab.locator(".notice.risk").wait_for()


def looking_only(tab: Page, paper: Paper) -> None:
    paper.kind = "read"
    waiting(tab, paper)


def sign_in(tab: Page) -> None:
    tab.locator("#token").fill("rsp_token")
    tab.locator("#token").press("Enter")


assert NOW > START
ALL: tuple[State, ...] = (
    signing_in,
    invited,
    incident,
    refused,
    calm,
    waiting,
    opened,
    one,
    in_line,
    preview,
    progress,
    some_back,
    all_done,
    held,
    shut,
    closing,
    stuck,
    lost,
    hundreds,
    found,
    told,
    on_its_own,
    others_under_way,
    giving_up,
    at_risk,
    looking_only,
)
