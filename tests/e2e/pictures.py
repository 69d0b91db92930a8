"""`make pictures`: the README's pictures of the page, each of a weekend's failures on paper."""

import sys
from pathlib import Path

from tests.e2e import states
from tests.e2e.browser import browser
from tests.e2e.paper import Paper, paper_page

FOLDER = Path("docs/img")
SIZE = {"width": 1180, "height": 860}


def main() -> int:
    """Take both."""
    with browser() as chrome:
        for locale in ("en-GB", "ja-JP"):
            paper = Paper()
            with paper_page(chrome, paper, locale=locale, viewport=SIZE) as tab:
                states.waiting(tab, paper)
                path = FOLDER / f"page-{locale[:2]}.png"
                tab.screenshot(path=path)
                print(f"{path}: {path.stat().st_size // 1000} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
