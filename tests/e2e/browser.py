"""The page in the Chromium that this machine has; nothing is downloaded."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from respool.local.picture import FLAGS, PATIENCE, chromium


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless browser."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        try:
            yield running
        finally:
            running.close()


@contextmanager
def page(running: Browser, **options: Any) -> Iterator[Page]:
    """A fresh tab, in English unless told otherwise; whatever it complains of is an error."""
    given = {"locale": "en-GB", "viewport": {"width": 1180, "height": 900}, **options}
    context = running.new_context(**given)
    context.set_default_timeout(PATIENCE)
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda line: complaints.append(line.text) if _serious(line) else None)
    try:
        yield tab
    finally:
        context.close()
    assert not complaints, complaints


def _serious(line: Any) -> bool:
    """Refused requests and lost connections are logged by the browser itself."""
    return line.type == "error" and "Failed to load resource" not in line.text
