"""`chalice package`: the companion template beside Chalice's, and names that fit it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from chalice.utils import to_cfn_resource_name

from chalicelib.deploy.findings import Malformed
from chalicelib.deploy.template import API_HANDLER, Template

COMPANION = "companion.json"
_LOGICAL = {API_HANDLER: "APIHandler"}


def refuse_unnamed(params: Mapping[str, Any]) -> None:
    """Raise Malformed for a kind of package whose functions can't be given their names."""
    if params.get("single_file"):
        raise Malformed(
            "chalice package --single-file is not supported: its template lies inside the zip,"
            " where the functions can't be given their names. Leave the option out."
        )


def named(template: Template, functions: Iterable[str], prefix: str) -> Template:
    """Chalice's own template with the functions' fixed names, by which everything finds them."""
    resources = dict(template["Resources"])
    for function in functions:
        logical = _LOGICAL.get(function) or to_cfn_resource_name(function)
        name = prefix if function == API_HANDLER else f"{prefix}-{function}"
        found = resources[logical]
        properties = {**found["Properties"], "FunctionName": name}
        resources[logical] = {**found, "Properties": properties}
    return {**template, "Resources": resources}


def write(
    out: Path, params: Mapping[str, Any], functions: Iterable[str], prefix: str, companion: str
) -> Path:
    """Write the companion template into the package's folder; returns its path."""
    kind = str(params.get("template_format", "json")).lower()
    path = out / f"sam.{kind}"
    if params.get("pkg_format") != "terraform":
        read, dump = (json.loads, _as_json) if kind == "json" else (yaml.safe_load, yaml.safe_dump)
        path.write_text(dump(named(read(path.read_text()), functions, prefix)))
    written = out / COMPANION
    # As it would be sent: with spaces it could pass what CloudFormation takes in one piece.
    written.write_text(companion)
    return written


def _as_json(template: Template) -> str:
    return json.dumps(template, indent=2, ensure_ascii=False)
