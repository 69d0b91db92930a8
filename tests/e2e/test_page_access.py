"""Whoever can't see well, points badly or uses no mouse can use the page: axe-core looks at it."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from respool.local.picture import chromium
from tests.e2e import states
from tests.e2e.paper import Paper, paper_page

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium here")

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LANGUAGES = ("en-GB", "ja-JP")
SCHEMES = ("light", "dark")
QUICK = [
    (states.opened, "en-GB", "light"),
    (states.preview, "en-GB", "light"),
    (states.incident, "en-GB", "light"),
    (states.incident, "ja-JP", "dark"),
    (states.invited, "ja-JP", "light"),
    (states.giving_up, "en-GB", "light"),
    (states.shut, "ja-JP", "dark"),
    (states.some_back, "ja-JP", "dark"),
    (states.stuck, "ja-JP", "dark"),
]


def name(value: Any) -> str:
    return getattr(value, "__name__", str(value))


def problems(tab: Page) -> list[str]:
    """What breaks WCAG 2.2 AA, or what axe-core can't judge: only contrast on a gradient.

    The gradients' colours are held to 4.5 by the tests of the page's files.
    """
    found = Axe().run(tab, options={"runOnly": {"type": "tag", "values": RULES}}).response
    unsure = [rule for rule in found["incomplete"] if rule["id"] != "color-contrast"]
    assert len(found["passes"]) > 10
    return [
        f"{rule['id']}: {rule['help']}: {[node['target'] for node in rule['nodes']]}"
        for rule in (*found["violations"], *unsure)
    ]


@pytest.mark.parametrize(("state", "locale", "scheme"), QUICK, ids=name)
def test_the_page_meets_wcag(
    chrome: Browser, state: states.State, locale: str, scheme: Any
) -> None:
    paper = Paper()
    with paper_page(chrome, paper, locale=locale, color_scheme=scheme) as tab:
        state(tab, paper)

        assert problems(tab) == []


@pytest.mark.soak
@pytest.mark.parametrize("state", states.ALL, ids=name)
def test_every_state_meets_wcag_in_both_languages_light_and_dark(
    chrome: Browser, state: states.State
) -> None:
    for locale in LANGUAGES:
        for scheme in SCHEMES:
            paper = Paper()
            with paper_page(chrome, paper, locale=locale, color_scheme=scheme) as tab:
                state(tab, paper)

                assert problems(tab) == [], (locale, scheme)


@pytest.mark.soak
@pytest.mark.parametrize("state", states.ALL, ids=name)
def test_no_state_needs_scrolling_sideways_on_the_smallest_phone(
    chrome: Browser, state: states.State
) -> None:
    for locale in LANGUAGES:
        paper = Paper()
        small = {"width": 320, "height": 640}
        with paper_page(chrome, paper, locale=locale, viewport=small) as tab:
            state(tab, paper)

            assert tab.evaluate("document.documentElement.scrollWidth") <= 320, locale


def test_nothing_moves_for_those_who_asked_for_that(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper, reduced_motion="reduce") as tab:
        states.progress(tab, paper)
        moving = """[...document.querySelectorAll('*')].map((each) => getComputedStyle(each))
            .filter((style) => style.animationName !== 'none'
                || (style.transitionDuration !== '0s' && style.transitionProperty !== 'none'))
            .length"""

        assert tab.evaluate(moving) == 0


def test_the_focus_follows_what_the_person_does(chrome: Browser) -> None:
    paper = Paper()
    with paper_page(chrome, paper) as tab:
        states.preview(tab, paper)
        assert focused(tab) == "preview"
        tab.keyboard.press("Tab")
        assert focused(tab) == "why"
        tab.keyboard.press("Tab")
        assert focused(tab) == "try"
        tab.keyboard.press("Tab")
        assert focused(tab) == "go"
        tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")

        assert focused(tab) == "replay"


def focused(tab: Page) -> str:
    found: str = tab.evaluate("document.activeElement.id")
    return found
