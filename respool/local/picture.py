"""A picture of the page, in the Chromium that this machine has; nothing is downloaded."""

import os
import shutil
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Page, ViewportSize, sync_playwright

from chalicelib.errors import RespoolError
from respool.scratch import scratch

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZE: ViewportSize = {"width": 1180, "height": 860}
PATIENCE = 30_000
"""Milliseconds that the page may take to show something."""


class NotTaken(RespoolError):
    """There is no picture; the text says why."""


def chromium() -> str | None:
    """The browser's path; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def take(url: str, token: str, path: Path) -> None:
    """Open the page with that token and keep what it shows. Raises NotTaken."""
    browser = chromium()
    if browser is None:
        raise NotTaken(f"none of {', '.join(NAMES)} is installed here")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Chromium leaves files behind when a signal ends it: they go with this folder.
        with scratch("picture") as folder, sync_playwright() as driver:
            environment: dict[str, Any] = {**os.environ, "TMPDIR": str(folder.path)}
            running = driver.chromium.launch(
                executable_path=browser, args=list(FLAGS), env=environment
            )
            _shoot(running.new_page(viewport=SIZE, locale="en"), url, token, path)
            running.close()
    except Error as problem:
        raise NotTaken(f"Chromium: {problem.message.splitlines()[0]}") from problem


def _shoot(tab: Page, url: str, token: str, path: Path) -> None:
    tab.set_default_timeout(PATIENCE)
    tab.goto(url)
    tab.locator("#token").fill(token)
    tab.locator("#token").press("Enter")
    tab.locator("#replay").wait_for()
    tab.screenshot(path=path)
