"""The companion stack's template: parts joined, the definition put in, the stage's values set."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from chalicelib.limits import STORED_TEMPLATE, TEMPLATE
from chalicelib.names import APP
from chalicelib.settings import NEVER, Settings
from chalicelib.settings import OFF as RECOVERY_OFF
from respool.deploy import machine_role, owners
from respool.deploy.checks.findings import Malformed, read_json
from respool.deploy.dashboard import written_out
from respool.deploy.definition import Definition, placeholders

SOURCES = ".chalice/stack"
LOG_DAYS = 90
"""Days that logs are kept: as long as Step Functions keeps a closed execution."""
API_HANDLER = "api_handler"
"""What Chalice calls the Lambda behind the API; its function's name is the bare prefix."""
OFF = "rate(1 day)"
"""Stands in a disabled schedule, which has to have an expression."""

Template = dict[str, Any]
Values = dict[str, str | bool]
_NAMED_BY = {"AWS::SQS::Queue": "QueueName", "AWS::DynamoDB::Table": "TableName"}
PROTECTED = "prod"
"""The stage whose table nobody deletes by mistake."""
_OWN = {
    "Claims": {"Ref": "Claims"},
    "SpoolUrl": {"Ref": "Spool"},
    "CloseAfter": {"Ref": "CloseAfter"},
    "HistorySeconds": {"Ref": "HistorySeconds"},
}
_DAY = 86_400


def placeholder_of(function: str) -> str:
    """The name by which a definition means a Lambda of app.py: `step_a` is `${StepA}`."""
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[_-]", function))


def known_placeholders(functions: Iterable[str]) -> set[str]:
    """All names that a definition may use."""
    return {*_OWN, *(placeholder_of(function) for function in functions)}


def values(settings: Settings, prefix: str) -> Values:
    """What the template's parameters are for a stage."""
    return {
        **lasting(prefix),
        "CloseAfter": "0" if settings.close_after == NEVER else str(settings.close_after),
        "HistorySeconds": str(settings.history_days * _DAY),
        "ReplaySchedule": settings.replay_schedule or OFF,
        "ReplayState": "ENABLED" if settings.replay_schedule else "DISABLED",
        "ReplayTimezone": settings.replay_timezone,
        "ReplayMax": str(settings.replay_max),
        "SweepSchedule": settings.sweep_schedule or OFF,
        "SweepState": "ENABLED" if settings.sweep_schedule else "DISABLED",
        "RampState": "ENABLED" if settings.recovery != RECOVERY_OFF else "DISABLED",
        "AlertEmail": settings.alert_email,
        "Webhook": "on" if settings.webhook_url else "",
    }


def lasting(prefix: str) -> Values:
    """The parameters that no setting changes."""
    return {"Prefix": prefix, "TableProtected": prefix == f"{APP}-{PROTECTED}"}


def read_parts(project: Path) -> list[tuple[str, Template]]:
    """The parts of the template, by name. Raises Malformed."""
    paths = sorted((project / SOURCES).glob("*.json"))
    if not paths:
        raise Malformed(f"{SOURCES}: there is no part of the stack in it. Restore the folder.")
    names = [f"{SOURCES}/{path.name}" for path in paths]
    return [(name, read_json(path, name)) for name, path in zip(names, paths, strict=True)]


def join(parts: Iterable[tuple[str, Template]]) -> Template:
    """One template of all parts, without what is said in them to readers.

    Raises Malformed where two have something of one name.
    """
    joined: Template = {"AWSTemplateFormatVersion": "2010-09-09"}
    for name, part in parts:
        for section, content in part.items():
            if not isinstance(content, dict):
                joined[section] = content
                continue
            there = joined.setdefault(section, {})
            if twice := sorted(set(there) & set(content)):
                raise Malformed(f"{name}: {section} has {twice[0]}, which another part has too.")
            there.update(content)
    joined["Resources"] = {n: _unexplained(r) for n, r in joined.get("Resources", {}).items()}
    return joined


def _unexplained(resource: Template) -> Template:
    return {field: value for field, value in resource.items() if field != "Metadata"}


def companion(
    parts: Iterable[tuple[str, Template]],
    definition: Definition,
    functions: Iterable[str],
    stage: Values,
    machines: Iterable[str] = (),
) -> Template:
    """The whole template of a stage: `functions` are the Lambdas, `stage` the parameters.

    `machines` are those that the stage serves besides its own.
    """
    template = join(parts)
    machines = list(machines)
    resources = template.setdefault("Resources", {})
    resources |= owners.resources(machines)
    template.setdefault("Outputs", {}).update(owners.outputs(machines))
    names = {placeholder_of(one): one for one in functions if one != API_HANDLER}
    arns = {name: _function_arn(function) for name, function in names.items()}
    used = placeholders(definition)
    _put_definition(resources, definition, {k: v for k, v in (_OWN | arns).items() if k in used})
    invoked = [arns[name] for name in sorted(used & set(arns))]
    spools = "SpoolUrl" in used
    machine_role.fit(resources, definition, invoked, spools=spools)
    if not spools:
        resources["Admission"] = _for_lines_alone(resources["Admission"])
    _hear_of(resources["Rescue"], machines)
    for function in functions:
        resources[f"{placeholder_of(function)}Logs"] = _log_group(function)
    template["Resources"] = written_out(_switched_on(resources, stage))
    del template["Parameters"]
    settled: Template = _settle(template, stage)
    return settled


def _hear_of(rule: Template, machines: Iterable[str]) -> None:
    """Let the rescue hear of the ends of these machines' executions, the good ones of redriven
    executions as well: of a machine that is only watched nothing else tells of them."""
    where = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine"
    pattern = rule["Properties"]["EventPattern"]
    ends = pattern["detail"]
    if theirs := [{"Fn::Sub": f"{where}:{name}"} for name in machines]:
        dead = {**ends, "stateMachineArn": [*ends["stateMachineArn"], *theirs]}
        redriven = {"redriveCount": [{"numeric": [">", 0]}]}
        well = {"stateMachineArn": theirs, "status": ["SUCCEEDED"], **redriven}
        pattern["detail"] = {"$or": [dead, well]}


def _for_lines_alone(mapping: Template) -> Template:
    """What failures say is heard by the spool Lambda, where it sends the notes."""
    properties = mapping["Properties"]
    filters = properties["FilterCriteria"]["Filters"]
    lines = [one for one in filters if '"parked#"' not in one["Pattern"]]
    return mapping | {"Properties": properties | {"FilterCriteria": {"Filters": lines}}}


def _put_definition(
    resources: Template, definition: Definition, substitutions: dict[str, Any]
) -> None:
    machine = resources["Machine"]
    properties = machine["Properties"] | {"Definition": definition}
    resources["Machine"] = machine | {
        "Properties": properties | {"DefinitionSubstitutions": substitutions}
    }


def _function_arn(function: str) -> dict[str, str]:
    where = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function"
    return {"Fn::Sub": f"{where}:${{Prefix}}-{function}"}


def _log_group(function: str) -> dict[str, Any]:
    # Not by the Lambdas, which may not make groups: so they end with the stage.
    suffix = "" if function == API_HANDLER else f"-{function}"
    return {
        "Type": "AWS::Logs::LogGroup",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": {
            "LogGroupName": {"Fn::Sub": f"/aws/lambda/${{Prefix}}{suffix}"},
            "RetentionInDays": LOG_DAYS,
        },
    }


def _settle(value: Any, stage: Values) -> Any:
    """Put the stage's values in place of Refs and into Fn::Subs.

    The definition's own `${...}` stay: those are for DefinitionSubstitutions.
    """
    if isinstance(value, list):
        return [_settle(one, stage) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"} and value["Ref"] in stage:
        return stage[value["Ref"]]
    if set(value) == {"Fn::Sub"} and isinstance(value["Fn::Sub"], str):
        text = re.sub(r"\$\{(\w+)\}", lambda m: str(stage.get(m[1], m[0])), value["Fn::Sub"])
        return {"Fn::Sub": text} if "${" in text else text
    return {n: v if n == "Definition" else _settle(v, stage) for n, v in value.items()}


def _switched_on(resources: Template, stage: Values) -> Template:
    """The resources without those whose Condition names a parameter that is empty."""
    result = {}
    for name, resource in resources.items():
        plain = {field: value for field, value in resource.items() if field != "Condition"}
        if stage.get(resource.get("Condition", ""), "on"):
            result[name] = plain
    return result


def remains(parts: Iterable[tuple[str, Template]], prefix: str) -> Template:
    """What a deleted stage keeps while jobs wait: only what is retained anyway."""
    template = join(parts)
    resources = {
        name: resource
        for name, resource in template["Resources"].items()
        if resource.get("DeletionPolicy") == "Retain"
    }
    outputs = {
        name: output
        for name, output in template.get("Outputs", {}).items()
        if output["Value"] in [{"Ref": kept} for kept in resources]
    }
    whole = {**template, "Resources": resources, "Outputs": outputs}
    del whole["Parameters"]
    settled: Template = _settle(whole, lasting(prefix))
    return settled


def adoption(
    template: Template, existing: Mapping[str, Mapping[str, str]]
) -> tuple[Template, list[dict[str, Any]]]:
    """The part of a template that is there already, and how CloudFormation identifies it.

    `existing` has the identifiers by the resources' own names. Only what is retained counts.
    """
    resources: Template = {}
    imported = []
    for logical, resource in template["Resources"].items():
        named = resource.get("Properties", {}).get(_NAMED_BY.get(resource["Type"], ""))
        if resource.get("DeletionPolicy") == "Retain" and named in existing:
            resources[logical] = resource
            imported.append(
                {
                    "LogicalResourceId": logical,
                    "ResourceType": resource["Type"],
                    "ResourceIdentifier": dict(existing[named]),
                }
            )
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}, imported


def body(template: Template, bucket: str = "") -> str:
    """The template as CloudFormation gets it: in the request, or out of the bucket if it is large.

    Raises Malformed where it is too large for either.
    """
    text = json.dumps(template, separators=(",", ":"), ensure_ascii=False)
    size = len(text.encode())
    if size > STORED_TEMPLATE:
        raise Malformed(
            f"The companion stack's template has {size} bytes, CloudFormation takes"
            f" {STORED_TEMPLATE}. Choose fewer tasks, or shorten the definition."
        )
    if size > TEMPLATE and not bucket:
        raise Malformed(
            f"The companion stack's template has {size} bytes, and CloudFormation takes {TEMPLATE}"
            " in a request. Name an S3 bucket of the account in TEMPLATE_BUCKET, from which it"
            f" takes {STORED_TEMPLATE}."
        )
    return text
