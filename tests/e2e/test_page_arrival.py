"""From a link to replayed: invitations, and the incident that a message tells of."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from respool.local.picture import chromium
from tests.e2e import states
from tests.e2e.paper import ADDRESS, Paper, paper_page
from tests.fakes.service import TASK

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium here")

INVITE = "#invite=rsp_lees-token"


def kept(tab: Page) -> dict[str, Any]:
    """What the browser keeps, by where."""
    found: dict[str, Any] = tab.evaluate(
        "() => ({tab: {...sessionStorage}, browser: {...localStorage}})"
    )
    return found


def test_an_invitation_leaves_the_address_bar_and_asks_first(chrome: Browser) -> None:
    paper = Paper()
    asked: list[str] = []
    with paper_page(chrome, paper) as tab:
        tab.goto("about:blank")
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(ADDRESS + INVITE)
        expect(tab.get_by_role("heading", name="You are invited")).to_be_visible()

        assert tab.url == ADDRESS
        assert kept(tab) == {"tab": {}, "browser": {}}
        assert not [url for url in asked if "rsp_" in url.partition("#")[0] or "status" in url]

        tab.go_back()
        tab.go_forward()
        assert "rsp_" not in tab.url


def test_without_a_yes_it_is_forgotten_with_the_tab(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper, INVITE) as tab:
        tab.get_by_role("button", name="Open").click()
        tab.locator(".hero.calm").wait_for()

        assert kept(tab) == {"tab": {"respool-token": "rsp_lees-token"}, "browser": {}}


def test_with_a_yes_the_next_tab_is_let_in_until_it_is_locked(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper, INVITE) as tab:
        tab.get_by_label("Keep it in this browser").check()
        tab.get_by_role("button", name="Open").click()
        tab.locator(".hero.calm").wait_for()
        assert kept(tab)["tab"] == {}

        other = tab.context.new_page()
        other.goto(ADDRESS)
        other.locator(".hero.calm").wait_for()
        other.locator("#lock").click()
        assert kept(other) == {"tab": {}, "browser": {}}


def test_a_no_keeps_nothing_and_changes_nobody(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.calm(tab, paper)
        before = kept(tab)
        tab.goto(ADDRESS + INVITE)
        tab.get_by_role("button", name="Not now").click()
        tab.locator(".hero.calm").wait_for()

        assert kept(tab) == before


def test_an_invitation_that_has_ended_is_told_and_forgotten(chrome: Browser) -> None:
    paper = Paper(known=False)
    with paper_page(chrome, paper, INVITE) as tab:
        tab.get_by_label("Keep it in this browser").check()
        tab.get_by_role("button", name="Open").click()
        expect(tab.get_by_role("alert")).to_contain_text("not known here, or it was revoked")

        assert kept(tab) == {"tab": {}, "browser": {}}


def test_from_the_message_to_replayed_in_two_taps(chrome: Browser) -> None:
    paper = Paper()
    link = states.failing(paper, 3)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)
        tab.locator("#replay").wait_for()
        tab.goto(ADDRESS + link)  # the first tap
        expect(tab.get_by_role("heading", name=f"{TASK} is failing")).to_be_visible()
        assert tab.url == ADDRESS
        assert paper.replays() == [], "opening it has put nothing back"

        tab.get_by_role("button", name="Try one first").click()  # the second tap
        expect(tab.locator("#ended, .hero.busy").first).to_be_visible()
        paper.memory.run()

        assert sum(paper.memory.service.done.values()) == 1


def test_the_stage_s_last_fortnight_is_told_day_by_day(chrome: Browser) -> None:
    paper = Paper()
    states.failing(paper, 3)
    with paper_page(chrome, paper) as tab:
        states.sign_in(tab)

        bars = tab.locator(".facts .bars")
        expect(bars).to_have_text("·············█")
        expect(bars).to_have_attribute("aria-label", ", ".join([*["0"] * 13, "3"]))


def test_a_link_tells_how_it_went_with_its_curve_and_who_replayed(chrome: Browser) -> None:
    paper = Paper()
    link = states.failing(paper, 3)
    with paper_page(chrome, paper, link) as tab:
        states.sign_in(tab)
        shown = tab.locator(".incident")
        expect(shown).to_contain_text("Jobs that failed3")
        expect(shown).to_contain_text("ConnectionError: the downstream service does not answer")
        expect(shown.get_by_role("img", name=re.compile("highest value is 3"))).to_be_visible()
        shown.get_by_role("button", name="Close").click()
        expect(shown).to_have_count(0)


def test_whoever_only_looks_is_offered_no_replay(chrome: Browser) -> None:
    paper = Paper(kind="read")
    link = states.failing(paper, 2)
    with paper_page(chrome, paper, link) as tab:
        states.sign_in(tab)
        expect(tab.locator(".incident")).to_be_visible()

        assert paper.asked == []


def test_an_old_link_says_so_and_does_nothing(chrome: Browser) -> None:
    paper = Paper()
    states.failing(paper, 1)
    with paper_page(chrome, paper, "#incident=20250101T000000-00000000") as tab:
        states.sign_in(tab)
        expect(tab.locator("#incident")).to_contain_text("not kept any more")

        assert paper.asked == []


@pytest.mark.parametrize("odd", ["#incident=%00..%2f", "#incident=<b>x", "#nothing=1", "#%"])
def test_an_odd_link_breaks_nothing(chrome: Browser, odd: str) -> None:
    paper = Paper()
    with paper_page(chrome, paper, odd) as tab:
        states.sign_in(tab)
        tab.locator(".hero.calm").wait_for()
        assert paper.asked == []
