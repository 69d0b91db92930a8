"""The dashboard's body: an object in the sources, for people; text for CloudFormation."""

import json
from typing import Any


def written_out(resources: dict[str, Any]) -> dict[str, Any]:
    """The resources with each dashboard's body as text, in which `${...}` is substituted."""
    return {name: _written_out(resource) for name, resource in resources.items()}


def _written_out(resource: dict[str, Any]) -> dict[str, Any]:
    if resource["Type"] != "AWS::CloudWatch::Dashboard":
        return resource
    properties = resource["Properties"]
    body = json.dumps(properties["DashboardBody"], separators=(",", ":"))
    return resource | {"Properties": properties | {"DashboardBody": {"Fn::Sub": body}}}
