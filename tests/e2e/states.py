"""The states that the page may be in, one after another, on paper."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from playwright.sync_api import Page

from chalicelib.job.claim import Claim
from chalicelib.job.record import Failure
from tests.e2e.paper import Paper, job, moment, runs, slots

State = Callable[[Page, Paper], None]
"""Lays out a stage and brings the page to it."""

TIMEOUT = Failure("Timeout", "read timed out after 30 s")
MALFORMED = Failure("ValueError", 'unexpected field <b>"amount"</b> in the answer')


def weekend() -> list[Claim]:
    """Twelve that wait since Friday night, one of them stuck, and three that run."""
    down = [job(f"order-{10231 + 7 * n}", 59 + 1 / 6 - 6.3 * n) for n in range(9)]
    slow = [job(f"invoice-{880 + n}", 20 - n, failure=TIMEOUT) for n in range(2)]
    stuck = job("order-10198", 30, failure=MALFORMED, attempt=5, stuck_at=moment(2))
    return [*down, *slow, stuck, *(runs(f"order-{10400 + n}", 0.1) for n in range(3))]


def signing_in(tab: Page, paper: Paper) -> None:
    tab.locator("#token").wait_for()


def refused(tab: Page, paper: Paper) -> None:
    paper.known = False
    sign_in(tab)
    tab.get_by_role("alert").wait_for()


def calm(tab: Page, paper: Paper) -> None:
    paper.jobs = []
    paper.slots = [slots(0, 5)]
    sign_in(tab)
    tab.locator(".hero.calm").wait_for()


def waiting(tab: Page, paper: Paper) -> None:
    paper.jobs = weekend()
    sign_in(tab)
    tab.locator(".hero.waiting").wait_for()


def opened(tab: Page, paper: Paper) -> None:
    """The jobs of the first group, and of those that run."""
    waiting(tab, paper)
    for n in (0, -1):
        tab.locator(".group [aria-expanded=false]").nth(n).click()
    tab.locator(".row").nth(11).wait_for()


def one(tab: Page, paper: Paper) -> None:
    paper.jobs = [job("order-10231", 59 + 1 / 6)]
    paper.slots = [slots(0, 5)]
    sign_in(tab)
    tab.locator(".row").wait_for()


def preview(tab: Page, paper: Paper) -> None:
    waiting(tab, paper)
    plan = [{"key": str(n), "action": "resume" if n < 9 else "restart"} for n in range(11)]
    paper.replay = lambda _: {"plan": plan, "replayed": 0, "failed": [], "more": False}
    tab.locator("#replay").click()
    tab.locator("#go").wait_for()


def progress(tab: Page, paper: Paper) -> None:
    """Eleven are on their way: four have finished, one has come back, three are inside."""
    preview(tab, paper)
    began = moment(-0.001)

    def go(_: Any) -> dict[str, Any]:
        down = paper.jobs[:11]
        on = [replace(each, parked_at="", resumed_at=began) for each in down[4:7]]
        back = replace(down[7], parked_at=moment(-0.002), resumed_at=began, attempt=2)
        paper.jobs = [*on, back, *down[8:], *paper.jobs[11:]]
        return {"replayed": 11, "failed": [], "more": False}

    paper.replay = go
    tab.locator("#go").click()
    tab.locator(".meter[aria-valuenow='5']").wait_for()


def some_back(tab: Page, paper: Paper) -> None:
    preview(tab, paper)
    began = moment(-0.001)

    def go(_: Any) -> dict[str, Any]:
        back = [
            replace(each, parked_at=moment(-0.002), resumed_at=began, attempt=2)
            for each in paper.jobs[9:11]
        ]
        paper.jobs = [*back, *paper.jobs[11:]]
        return {"replayed": 11, "failed": [], "more": False}

    paper.replay = go
    tab.locator("#go").click()
    tab.locator("#ended").wait_for()


def all_done(tab: Page, paper: Paper) -> None:
    preview(tab, paper)

    def go(_: Any) -> dict[str, Any]:
        paper.jobs = [paper.jobs[11], *paper.jobs[12:]]
        return {"replayed": 11, "failed": [], "more": False}

    paper.replay = go
    tab.locator("#go").click()
    tab.locator("#ended").wait_for()


def held(tab: Page, paper: Paper) -> None:
    paper.slots = [slots(0, 0)]
    waiting(tab, paper)
    tab.locator(".notice.held").wait_for()


def stuck(tab: Page, paper: Paper) -> None:
    two = [weekend()[11], job("order-10203", 29, failure=MALFORMED, attempt=5, stuck_at=moment(1))]
    paper.jobs = two
    sign_in(tab)
    tab.locator(".hero.stuck").wait_for()


def lost(tab: Page, paper: Paper) -> None:
    waiting(tab, paper)
    paper.gone = True
    tab.evaluate("dispatchEvent(new Event('online'))")
    tab.locator(".notice.lost").wait_for()


def hundreds(tab: Page, paper: Paper) -> None:
    errors = [Failure("ConnectionError", "no answer"), TIMEOUT, MALFORMED]
    paper.jobs = [
        job(f"order-{10000 + n}", 59 - n / 10, failure=errors[n % 5 % 3]) for n in range(500)
    ]
    sign_in(tab)
    tab.locator(".group [aria-expanded=false]").first.click()
    tab.locator(".row").nth(24).wait_for()


def found(tab: Page, paper: Paper) -> None:
    waiting(tab, paper)
    tab.locator("#find").fill("10231")
    tab.locator(".found .row").wait_for()


def giving_up(tab: Page, paper: Paper) -> None:
    one(tab, paper)
    tab.locator(".row .plain").click()
    tab.locator("#end-it").click()
    tab.locator("#dialog [aria-invalid]").wait_for()


def looking_only(tab: Page, paper: Paper) -> None:
    paper.kind = "read"
    waiting(tab, paper)


def sign_in(tab: Page) -> None:
    tab.locator("#token").fill("rsp_token")
    tab.locator("#token").press("Enter")


ALL: tuple[State, ...] = (
    signing_in,
    refused,
    calm,
    waiting,
    opened,
    one,
    preview,
    progress,
    some_back,
    all_done,
    held,
    stuck,
    lost,
    hundreds,
    found,
    giving_up,
    looking_only,
)
