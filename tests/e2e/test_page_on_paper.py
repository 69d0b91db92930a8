"""What the page says in situations that a real stage rarely comes into."""

from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from respool.local.picture import chromium
from tests.e2e import states
from tests.e2e.paper import Paper, moment, paper_page

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium here")


def replay(tab: Page, paper: Paper, taken: int, **answer: Any) -> None:
    """Press the button twice; so many of eleven are taken, and finish."""
    states.preview(tab, paper)

    def go(_: Any) -> dict[str, Any]:
        paper.jobs = paper.jobs[taken:]
        return {"replayed": taken, "failed": [], "more": False, **answer}

    paper.replay = go
    tab.locator("#go").click()


def test_a_token_that_is_revoked_meanwhile_locks_the_page(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.waiting(tab, paper)
        paper.known = False
        tab.evaluate("dispatchEvent(new Event('online'))")

        expect(tab.get_by_role("alert")).to_contain_text("not known here, or it was revoked")
        assert tab.evaluate("sessionStorage.length") == 0
        assert "order-" not in tab.content()


@pytest.mark.parametrize(
    "pasted",
    [
        "rsp_token",
        "  rsp_token ",
        '"rsp_token"',
        "'rsp_token'",
        "`rsp_token`",
        "\u201crsp_token\u201d",
        "\u300crsp_token\u300d",
        "Bearer rsp_token",
        "bearer 'rsp_token'",
        '"Bearer rsp_token"',
        "Authorization: Bearer rsp_token",
    ],
)
def test_a_token_is_taken_with_what_was_copied_along(chrome: Browser, pasted: str) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        with tab.expect_request("**/status*") as asked:
            tab.locator("#token").fill(pasted)
            tab.locator("#token").press("Enter")

        assert asked.value.headers["authorization"] == "Bearer rsp_token"


def test_fewer_jobs_taken_than_asked_for_are_told(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        replay(tab, paper, 4)

        expect(tab.locator("#ended h2")).to_have_text("All 4 have finished.")
        expect(tab.locator("#ended")).to_contain_text("Only 4 of 11 could be taken just now")


def test_jobs_that_could_not_be_put_back_are_named_as_text(chrome: Browser) -> None:
    paper = Paper()
    failed = [{"key": "<b>order</b>", "reason": "its task <i>X</i> is full or held"}]
    with paper_page(chrome, paper) as tab:
        replay(tab, paper, 10, failed=failed)

        expect(tab.locator(".failed")).to_have_text(
            "<b>order</b> its task <i>X</i> is full or held"
        )
        expect(tab.locator("#ended")).not_to_contain_text("could be taken")


def test_nothing_put_back_is_said_so(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        replay(tab, paper, 0)

        expect(tab.locator("#ended h2")).to_have_text("No job was put back.")


def test_a_large_replay_goes_on_until_all_are_sent(chrome: Browser) -> None:
    """The API runs out of time and says that there is more; the page asks again."""
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.preview(tab, paper)

        def go(given: dict[str, Any]) -> dict[str, Any]:
            took = min(5, given["max"])
            paper.jobs = paper.jobs[took:]
            return {"replayed": took, "failed": [], "more": given["max"] > took}

        paper.replay = go
        tab.locator("#why").fill("they say it is well")
        tab.locator("#go").click()

        expect(tab.locator("#ended h2")).to_have_text("All 11 have finished.")
        sent = [given for _, path, given in paper.asked if path == "replay"][1:]
        assert [given["max"] for given in sent] == [11, 6, 1]
        assert {given["reason"] for given in sent} == {"they say it is well"}


def test_another_replay_s_jobs_are_not_counted_as_one_s_own(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.preview(tab, paper)

        def go(_: Any) -> dict[str, Any]:
            ran = [
                replace(each, parked_at=moment(-0.002), resumed_at=moment(30), attempt=2)
                for each in paper.jobs[9:11]
            ]
            paper.jobs = [*ran, *paper.jobs[11:]]
            return {"replayed": 9, "failed": [], "more": False}

        paper.replay = go
        tab.locator("#go").click()

        expect(tab.locator("#ended h2")).to_have_text("All 9 have finished.")
