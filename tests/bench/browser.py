"""The page in Chromium before many waiting jobs: how soon its headline stands, and a job is found.

The API and the engines are the real ones, over a table in memory, in this very process.
"""

import time
from collections.abc import Iterator

from playwright.sync_api import Page

from respool.local.picture import chromium
from tests.bench.figures import Figure
from tests.e2e.browser import browser
from tests.e2e.paper import Paper, job, paper_page
from tests.e2e.states import sign_in

TRIES = 3


def page() -> Iterator[Figure]:
    """The best of three tries each; nothing where there is no Chromium."""
    if chromium() is None:
        return
    with browser() as chrome:
        for jobs, limit in ((2_000, 1.0), (20_000, 2.0)):
            paper = Paper()
            paper.lay(*(job(f"order-{n:05}", 59 - n / 1000) for n in range(jobs)))
            with paper_page(chrome, paper) as tab:
                sign_in(tab)
                tab.locator(".hero.waiting").wait_for()
                shown = min(_headline(tab) for _ in range(TRIES))
                found = min(_search(tab, f"order-{jobs - n:05}") for n in range(1, TRIES + 1))
            name = f"the page before {jobs:,} waiting jobs"
            yield Figure(f"{name}: its headline stands", shown, "s", limit=limit)
            if jobs == 2_000:
                yield Figure(f"{name}: a job is found", found, "s", limit=0.1)


def _headline(tab: Page) -> float:
    began = time.perf_counter()
    tab.reload()
    tab.locator(".hero.waiting h1").wait_for()
    return time.perf_counter() - began


def _search(tab: Page, key: str) -> float:
    began = time.perf_counter()
    tab.locator("#find").fill(key)
    tab.locator(f".found .row a[href='#job={key}']").wait_for()
    return time.perf_counter() - began
