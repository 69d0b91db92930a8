"""The page's files: a fixed list, read when first asked for, each named by its content."""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chalicelib.api.page_script import join
from chalicelib.errors import NotFound

FOLDER = Path(__file__).resolve().parent / "page"
INDEX = "index.html"
SCRIPT = "app.js"
"""All modules in one; the page asks for this one alone."""
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_NAMED = re.compile(r'"console/([\w.]+)"')
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Nothing from elsewhere, nothing inline, and no way to turn text into markup or script."""


@dataclass(frozen=True)
class File:
    """A file as it is served; `version` changes with its content."""

    text: str
    type: str
    version: str


@cache
def names() -> frozenset[str]:
    """The files that are served; nothing else is ever read."""
    others = (path.name for path in FOLDER.iterdir() if path.suffix in (".html", ".css", ".svg"))
    return frozenset({SCRIPT, *others})


@cache
def file(name: str) -> File:
    """One of the page's files. Raises NotFound."""
    if name not in names():
        raise NotFound("the page has no file of that name: open the page at its own address")
    text = _text(name)
    version = hashlib.sha256(text.encode()).hexdigest()[:16]
    return File(text, _TYPES[Path(name).suffix], version)


def _text(name: str) -> str:
    if name == SCRIPT:
        return join({path.name: path.read_text("utf-8") for path in FOLDER.glob("*.js")}, SCRIPT)
    text = (FOLDER / name).read_text("utf-8")
    return _NAMED.sub(_with_version, text) if name == INDEX else text


def _with_version(match: "re.Match[str]") -> str:
    """What the page names is kept by browsers for good: another content has another address."""
    return f'"console/{match[1]}?v={file(match[1]).version}"'
