"""`python -m respool.deploy.licences`: what the Lambda package ships, and under which licences.

Reads the installed metadata; writes docs/licences.md, which a test holds to it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PAGE = "docs/licences.md"
RUNTIME = "chalice"
"""Chalice adds its runtime, two modules, to every package; no requirement names it."""
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)
_SPDX = {"Apache License 2.0": "Apache-2.0"}

HEAD = """# Licences of what is shipped

What a Lambda package holds besides respool itself (Apache-2.0, see [LICENSE](../LICENSE)).
`python -m respool.deploy.licences` writes this page from the installed metadata; a test holds
it current. The licence texts lie in the package, in each `dist-info`; only Chalice adds its two
modules without one. Lambda's own Python brings botocore, which is not shipped; neither is what
only development needs (`requirements-dev.txt`).

| package | version | licence | source |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Shipped:
    """One distribution in the package; `licence` is an SPDX expression where it says one."""

    name: str
    version: str
    licence: str
    source: str


def shipped(requirements: str) -> Iterator[Shipped]:
    """What requirements.txt pins, and Chalice's runtime. Raises PackageNotFoundError."""
    for name in sorted([*_PINNED.findall(requirements), RUNTIME]):
        yield _read(distribution(name))


def page(requirements: str) -> str:
    """The page's text."""
    rows = (
        f"| {x.name} | {x.version} | {x.licence} | {x.source} |\n" for x in shipped(requirements)
    )
    return HEAD + "".join(rows)


def _read(distribution: Distribution) -> Shipped:
    metadata = distribution.metadata
    licence = _one(distribution, "License-Expression") or _one(distribution, "License") or "unknown"
    return Shipped(
        metadata["Name"], distribution.version, _SPDX.get(licence, licence), _source(distribution)
    )


def _source(distribution: Distribution) -> str:
    urls = dict(url.split(", ", 1) for url in distribution.metadata.get_all("Project-URL") or ())
    return urls.get("Repository") or urls.get("Source") or _one(distribution, "Home-page")


def _one(distribution: Distribution, field: str) -> str:
    return str((distribution.metadata.get_all(field) or [""])[0])


if __name__ == "__main__":
    requirements = (PROJECT / "requirements.txt").read_text()
    (PROJECT / PAGE).write_text(page(requirements), encoding="utf-8")
