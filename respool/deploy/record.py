"""Chalice's record of what a checkout has deployed: .chalice/deployed/<stage>.json.

Chalice deletes what its record names and nothing else, and makes a second API where it names none.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from respool.deploy.checks.findings import read_json

FOLDER = ".chalice/deployed"

Entry = dict[str, Any]


def name_of(stage: str) -> str:
    """The record's path in the project."""
    return f"{FOLDER}/{stage}.json"


@dataclass(frozen=True)
class Recorded:
    """The Lambdas' ARNs and the APIs' ids that a record names; none where there is no record."""

    functions: frozenset[str] = frozenset()
    apis: frozenset[str] = frozenset()

    @property
    def places(self) -> set[tuple[str, str]]:
        """The accounts and regions of a record's Lambdas."""
        parts = [arn.split(":") for arn in self.functions]
        return {(part[4], part[3]) for part in parts}


def entries(project: Path, stage: str) -> list[Entry]:
    """What a checkout's record of a stage holds. Raises Malformed."""
    name = name_of(stage)
    path = project / name
    resources: list[Entry] = read_json(path, name).get("resources", []) if path.exists() else []
    return resources


def read(project: Path, stage: str) -> Recorded:
    """The Lambdas and APIs that a checkout's record of a stage names. Raises Malformed."""
    resources = entries(project, stage)
    functions = (one.get("lambda_arn") for one in resources)
    apis = (one.get("rest_api_id") for one in resources)
    return Recorded(frozenset(filter(None, functions)), frozenset(filter(None, apis)))


def write(project: Path, stage: str, resources: list[Entry]) -> Path:
    """Write a record, as Chalice does at the end of a deploy; returns its path."""
    path = project / name_of(stage)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"resources": resources, "schema_version": "2.0", "backend": "api"}
    path.write_text(json.dumps(whole, indent=2) + "\n")
    return path
