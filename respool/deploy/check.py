"""`python -m respool.deploy.check`: lints what the hook would deploy, for every stage.

Needs statelint and cfn-lint, which come with the development requirements.
"""

import importlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from chalicelib.job.frames import frames_in
from chalicelib.limits import DEFINITION, TEMPLATE, VARIABLES
from respool.deploy import policies
from respool.deploy.bucket import SETTING
from respool.deploy.checks import actions, calls, permissions_needed, sizes
from respool.deploy.checks.findings import Malformed, read_json
from respool.deploy.definition import Definition, fill, language_of, states_of
from respool.deploy.preflight import CONFIG, Checked, Source, check
from respool.deploy.resolved import ACCOUNT, REGION, resolved
from respool.deploy.stages import refuse_unknown
from respool.deploy.target import functions_of

PROJECT = Path(__file__).resolve().parents[2]
MAX_ROLE_POLICY = 10_240
"""Characters, spaces aside, that IAM takes for the inline policies of one role."""
VIAS = ("lambda", "sqs")
EXAMPLES = "docs/pipelines/*.json"
ALL_ON = {
    "ALERT_EMAIL": "team@example.com",
    "WEBHOOK_URL": "https://hooks.example/T0",
    "REPLAY_SCHEDULE": "cron(0 2 * * ? *)",
    "TEMPLATE_BUCKET": "templates",
}
"""Settings that put into the template what is left out by default."""


def sources(project: Path, functions: tuple[str, ...], only: str | None) -> Iterator[Source]:
    """Every stage of config.json, or only one, with either SPOOL_VIA; then the examples.

    Raises Malformed.
    """
    config = read_json(project / CONFIG, CONFIG)
    stages = config.get("stages", {})
    if only is not None:
        refuse_unknown(project, only)
    for stage in [only] if only else sorted(stages):
        own = stages[stage].get("environment_variables", {})
        variables = {**config.get("environment_variables", {}), **own}
        source = Source(project, stage, variables, functions)
        for via in VIAS:
            yield replace(source, environment={**variables, "SPOOL_VIA": via})
    for example in [] if only else sorted(project.glob(EXAMPLES)):
        for via in VIAS:
            chosen = {"STATE_MACHINE": str(example.relative_to(project)), "SPOOL_VIA": via}
            yield Source(project, "example", {**ALL_ON, **chosen}, functions)


def findings(source: Source) -> Iterator[str]:
    """What the linters and the size checks say about one rendered stage."""
    try:
        checked = check(source)
    except Malformed as wrong:
        yield str(wrong)
        return
    yield from _sizes(source, checked)
    yield from _permissions(source, checked)
    yield from linted(definition_of(checked))
    yield from payloads(checked.template["Resources"]["Machine"]["Properties"]["Definition"])
    yield from _cfn_lint(checked.body)


def payloads(definition: Definition) -> Iterator[str]:
    """What our states may build that is too large. Of a pipeline's own states nobody knows here
    how large their payloads are: that they could be says nothing of one that works."""
    ours = tuple(f"state {name}: " for name in frames_in(definition).states)
    of_all = f"{sizes.VARIABLES} "
    yield from (one for one in sizes.findings(definition) if one.startswith((*ours, of_all)))


def definition_of(checked: Checked) -> dict[str, Any]:
    """The definition as Step Functions will have it, with stand-ins for the values of Refs."""
    machine = checked.template["Resources"]["Machine"]["Properties"]
    values = {name: _stand_in(value) for name, value in machine["DefinitionSubstitutions"].items()}
    filled: dict[str, Any] = fill(machine["Definition"], values)
    return filled


def _called(checked: Checked) -> Definition:
    """The definition with the functions' own ARNs for its placeholders."""
    machine = resolved(checked.template["Resources"])["Machine"]["Properties"]
    substitutions = machine["DefinitionSubstitutions"]
    definition: Definition = fill(
        machine["Definition"],
        {name: one for name, one in substitutions.items() if isinstance(one, str)},
    )
    return definition


def _stand_in(value: Any) -> str:
    if isinstance(value, str):
        return value
    if "Fn::Sub" in value:
        sample = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "1" * 12}
        return str(fill(value["Fn::Sub"], sample))
    return str(value["Ref"])


def _sizes(source: Source, checked: Checked) -> Iterator[str]:
    size = sum(len(f"{k}{v}".encode()) for k, v in source.environment.items())
    if size > VARIABLES:
        yield f"{CONFIG}: {size} bytes of variables, and Lambda takes {VARIABLES}. Shorten them."
    size = len(json.dumps(definition_of(checked)).encode())
    if size > DEFINITION:
        yield f"definition: {size} bytes, and Step Functions takes {DEFINITION}. Shorten it."


def _permissions(source: Source, checked: Checked) -> Iterator[str]:
    values = {"Partition": "aws", "Region": REGION, "Account": ACCOUNT, "Prefix": source.prefix}
    own = {name: policies.rendered(one, values) for name, one in checked.policies.items()}
    resources = resolved(checked.template["Resources"])
    for role, granted in [*policies_of_roles(resources), *((n, [one]) for n, one in own.items())]:
        size = sum(len("".join(json.dumps(one).split())) for one in granted)
        if size > MAX_ROLE_POLICY:
            yield (
                f"policies of {role}: {size} characters, and IAM takes {MAX_ROLE_POLICY}."
                " Shorten them."
            )
        for one in granted:
            yield from (f"policy of {role}: {finding}" for finding in actions.findings(one))
    about = read_json(source.project / CONFIG, CONFIG).get("lambda_functions", {})
    timeouts = {name: one.get("lambda_timeout", 60) for name, one in about.items()}
    yield from permissions_needed.of_functions(about, source.environment)
    yield from permissions_needed.RenderedStage(source.prefix, resources, own, timeouts).findings()
    roles = dict(policies_of_roles(resources))
    if not resources["MachineRole"]["Properties"].get("ManagedPolicyArns"):
        yield from calls.findings(_called(checked), roles["MachineRole"])


def policies_of_roles(resources: dict[str, Any]) -> Iterator[tuple[str, list[policies.Policy]]]:
    """The policies of each role in the stack, those attached to it included."""
    for name, role in resources.items():
        if role["Type"] == "AWS::IAM::Role":
            attached = [
                one["Properties"]
                for one in resources.values()
                if one["Type"] == "AWS::IAM::Policy" and {"Ref": name} in one["Properties"]["Roles"]
            ]
            entries = role["Properties"].get("Policies", []) + attached
            yield name, [one["PolicyDocument"] for one in entries]


def linted(definition: Definition) -> Iterator[str]:
    """What statelint says of a definition, as far as it knows the language of today."""
    from statelint.linter import Linter

    for problem in Linter.validate(_of_older_days(definition)):
        yield f"statelint: {problem}"


_NEWER = frozenset({"Assign", "Label", "ReaderConfig"})
"""Fields that statelint does not know."""


def _of_older_days(definition: Definition) -> Definition:
    """The definition as a linter reads it that is older than workflow variables.

    A JSONPath state reads them as fields of its input, and assigns none; a whole BackoffRate is a
    number like any other.
    """

    def plain(value: Any, paths: bool) -> Any:
        if isinstance(value, list):
            return [plain(one, paths) for one in value]
        if isinstance(value, dict):
            fields = {name: one for name, one in value.items() if name not in _NEWER}
            return {
                name: float(one) if name == "BackoffRate" else plain(one, paths)
                for name, one in fields.items()
            }
        variable = paths and isinstance(value, str) and re.match(r"\$[A-Za-z_]", value)
        return f"$.{value[1:]}" if variable else value

    states = {
        name: plain(state, language_of(state, definition) == "JSONPath")
        for name, state in states_of(definition)
    }
    return {**definition, "States": states}


_WRONG_TYPE = re.compile(r"'\{%.*%\}' is not of type")
"""cfn-lint's schema takes an object alone for `Arguments`, which may be an expression."""


def _cfn_lint(body: str) -> Iterator[str]:
    from cfnlint.api import lint

    for match in lint(body):
        if match.rule.id == "E3601" and _WRONG_TYPE.match(match.message):
            continue
        place = ".".join(str(part) for part in match.path or ())
        yield f"cfn-lint: {match.rule.id} {place}: {match.message}"


def _import_app(project: Path) -> Any:
    sys.path.insert(0, str(project))
    return importlib.import_module("app").app


@click.command()
@click.option("--stage", help="Only this stage of .chalice/config.json.")
def main(stage: str | None) -> None:
    """Lint what `chalice deploy` would deploy: every stage, with either SPOOL_VIA."""
    wrong = 0
    try:
        for source in sources(PROJECT, functions_of(_import_app(PROJECT)), stage):
            problems = list(findings(source))
            wrong += len(problems)
            click.echo(f"{_about(source)}: {_told(problems, source)}")
            for finding in problems:
                click.echo(f"  {finding}")
    except Malformed as malformed:
        raise click.ClickException(str(malformed)) from None
    if wrong:
        raise click.ClickException(f"{wrong} findings. Fix them before you deploy.")


def _about(source: Source) -> str:
    chosen = source.environment
    example = f", {chosen['STATE_MACHINE']}" if "STATE_MACHINE" in chosen else ""
    return f"{source.prefix}, SPOOL_VIA={chosen['SPOOL_VIA']}{example}"


def _told(problems: list[str], source: Source) -> str:
    if problems:
        return f"{len(problems)} findings"
    size = len(check(source).body.encode())
    if size > TEMPLATE:
        return f"fine; the template has {size} bytes, and goes by {source.environment[SETTING]}"
    return f"fine; the template has {size} of {TEMPLATE} bytes"


if __name__ == "__main__":
    main()
