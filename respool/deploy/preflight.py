"""Reads and checks everything that a stage is made of, before anything is made."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from chalicelib.errors import RespoolError, SettingsError
from chalicelib.names import APP
from chalicelib.settings import Settings, is_function
from respool.deploy import machine, policies, template
from respool.deploy.checks.findings import Malformed, parse_json, read_text
from respool.deploy.definition import Definition
from respool.deploy.schedules import zone_findings

T = TypeVar("T")
CONFIG = ".chalice/config.json"
ASKS = "reprocess"
"""The Lambda that asks the service's health check."""
STAGE = re.compile(r"[a-z][a-z0-9-]{0,23}")


@dataclass(frozen=True)
class Source:
    """What a stage is made from: the project's folder, the stage's variables, the Lambdas."""

    project: Path
    stage: str
    environment: Mapping[str, str]
    functions: tuple[str, ...]

    @property
    def prefix(self) -> str:
        """What every name of the stage begins with."""
        return f"{APP}-{self.stage}"


@dataclass(frozen=True)
class Checked:
    """A stage that has passed every check."""

    settings: Settings
    definition: Definition
    policies: Mapping[str, policies.Policy]
    template: template.Template
    body: str
    remarks: tuple[str, ...] = ()
    """What a job that waits for long may run into in this definition."""


def check(source: Source) -> Checked:
    """Read and check all of it. Raises Malformed with all that it found, each with its remedy."""
    problems: list[str] = []
    settings = _try(lambda: _settings(source), problems)
    parts = _try(lambda: template.read_parts(source.project), problems)
    health = settings.health_url if settings else ""
    machines = settings.machines if settings else ()
    written = _try(lambda: _policies(source, health, machines), problems)
    own = _try(lambda: _machine(source, settings), problems) if settings else None
    if settings is None or parts is None or written is None or own is None:
        raise Malformed.of(problems)
    values = template.values(settings, source.prefix)
    whole = template.companion(parts, own.definition, source.functions, values, machines)
    body = template.body(whole, settings.template_bucket)
    return Checked(settings, own.definition, written, whole, body, own.remarks)


def _machine(source: Source, settings: Settings) -> machine.Machine:
    return machine.read(source.project, settings, template.known_placeholders(source.functions))


def _try(read: Callable[[], T], problems: list[str]) -> T | None:
    try:
        return read()
    except RespoolError as wrong:
        problems.append(str(wrong))
        return None


def _settings(source: Source) -> Settings:
    place = f"{CONFIG}, stage {source.stage}"
    _check_stage(source)
    zone = source.environment.get("REPLAY_TIMEZONE", "").strip() or Settings.replay_timezone
    problems = list(zone_findings("REPLAY_TIMEZONE", zone))
    try:
        settings = Settings.read(source.environment)
    except SettingsError as wrong:
        raise Malformed.of(f"{place}: {one}" for one in (wrong, *problems)) from None
    if source.prefix in settings.machines:
        problems.append(
            f"MACHINES names {source.prefix}, the stage's own state machine, which is always"
            " served. Leave it out."
        )
    for window in settings.hold_windows:
        problems += zone_findings("HOLD_WINDOWS", window.zone)
    if problems:
        raise Malformed.of(f"{place}: {one}" for one in problems)
    return settings


def _check_stage(source: Source) -> None:
    if not STAGE.fullmatch(source.stage):
        raise Malformed(
            f"The stage {source.stage!r} can't be part of AWS's names. Use 1 to 24 small letters,"
            " digits and hyphens, a letter first."
        )
    for function in source.functions:
        if f"-{source.stage}".endswith(f"-{function}"):
            raise Malformed(
                f"The stage {source.stage!r} ends like the Lambda {function}, so that its names"
                " could be those of another stage's Lambda. Take another name."
            )


def _policies(source: Source, health: str, machines: tuple[str, ...]) -> dict[str, policies.Policy]:
    read: dict[str, policies.Policy] = {}
    problems: list[str] = []
    config = parse_json(read_text(source.project / CONFIG, CONFIG), CONFIG)
    for function in source.functions:
        wanted = f"rendered/{function}.json"
        configured = config.get("lambda_functions", {}).get(function, {}).get("iam_policy_file")
        if configured != wanted:
            problems.append(
                f"{CONFIG}: the Lambda {function} has no policy of its own. Add"
                f' "{function}": {{"iam_policy_file": "{wanted}"}} to lambda_functions.'
            )
        elif policy := _try(lambda one=function: policies.read(source.project, one), problems):  # type: ignore[misc]
            read[function] = policy
    if problems:
        raise Malformed.of(problems)
    if is_function(health) and ASKS in read:
        read[ASKS] = policies.may_ask(read[ASKS], health)
    return {name: policies.serving(policy, machines) for name, policy in read.items()}
