"""`chalice package`: the companion template beside Chalice's, and names that fit it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from chalice.utils import to_cfn_resource_name

from respool.deploy.checks.findings import Malformed
from respool.deploy.preflight import Checked, Source
from respool.deploy.template import API_HANDLER, Template

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
        resource = resources[logical]
        properties = {**resource["Properties"], "FunctionName": name}
        resources[logical] = {**resource, "Properties": properties}
    return {**template, "Resources": resources}


def limited(template: Template, rate: int, burst: int) -> Template:
    """Chalice's own template with limits on the API's requests: per second, and at once."""
    resources = dict(template["Resources"])
    if api := resources.get("RestAPI"):
        limits = {"ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst}
        every = [{"ResourcePath": "/*", "HttpMethod": "*", **limits}]
        resources["RestAPI"] = {**api, "Properties": {**api["Properties"], "MethodSettings": every}}
    return {**template, "Resources": resources}


def limited_by_terraform(template: Template, rate: int, burst: int) -> Template:
    """Put the API's request limits into what Chalice writes for Terraform."""
    resources = dict(template["resource"])
    deployed = resources.get("aws_api_gateway_deployment", {})
    settings = {
        name: {
            "rest_api_id": f"${{aws_api_gateway_rest_api.{name}.id}}",
            "stage_name": f"${{aws_api_gateway_deployment.{name}.stage_name}}",
            "method_path": "*/*",
            "settings": {"throttling_rate_limit": rate, "throttling_burst_limit": burst},
        }
        for name in deployed
    }
    if settings:
        resources["aws_api_gateway_method_settings"] = settings
    return {**template, "resource": resources}


def write(out: Path, params: Mapping[str, Any], source: Source, checked: Checked) -> Path:
    """Write the companion template into the package's folder; returns its path."""
    rate, burst = checked.settings.api_rate, checked.settings.api_burst
    kind = str(params.get("template_format", "json")).lower()
    read, dump = (json.loads, _as_json) if kind == "json" else (yaml.safe_load, yaml.safe_dump)
    if params.get("pkg_format") == "terraform":
        path = out / "chalice.tf.json"
        template = limited_by_terraform(json.loads(path.read_text()), rate, burst)
        path.write_text(_as_json(template))
    else:
        path = out / f"sam.{kind}"
        template = named(read(path.read_text()), source.functions, source.prefix)
        path.write_text(dump(limited(template, rate, burst)))
    written = out / COMPANION
    # As it would be sent: with spaces it could pass what CloudFormation takes in one piece.
    written.write_text(checked.body)
    return written


def _as_json(template: Template) -> str:
    return json.dumps(template, indent=2, ensure_ascii=False)
