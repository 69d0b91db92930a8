"""The page's files: a fixed list, read from disk when first asked for."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chalicelib.errors import NotFound

FOLDER = Path(__file__).resolve().parent / "page"
INDEX = "index.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
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
    """A file as it is served; `tag` changes with its content."""

    text: str
    type: str
    tag: str


@cache
def names() -> frozenset[str]:
    """The files that there are; nothing else is ever read."""
    return frozenset(path.name for path in FOLDER.iterdir() if path.suffix in _TYPES)


@cache
def file(name: str) -> File:
    """One of the page's files. Raises NotFound."""
    if name not in names():
        raise NotFound("the page has no such file")
    content = (FOLDER / name).read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return File(content.decode(), _TYPES[Path(name).suffix], tag)
