"""The stage's own definition: read as STATE_MACHINE names it, and adopted on the way."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from chalicelib.job.frames import frames_in
from chalicelib.settings import Settings
from respool.adopt import reading
from respool.adopt.changed import changed
from respool.adopt.choosing import chosen
from respool.adopt.definition import Choices, adopt
from respool.adopt.refusals import Refused, candidates, warnings
from respool.adopt.undo import undo
from respool.deploy.checks import frames, rules
from respool.deploy.checks.findings import Malformed, parse_json, read_text
from respool.deploy.checks.placing import placed
from respool.deploy.definition import Definition, spooling_via

SETTING = "UNCERTAIN_TASKS"


@dataclass(frozen=True)
class Machine:
    """The definition as it is deployed, and what is worth a word about it."""

    definition: Definition
    remarks: tuple[str, ...] = ()


def read(project: Path, settings: Settings, names: Collection[str]) -> Machine:
    """Read it, adopt it where the settings name its tasks, and check it.

    `names` are those of the placeholders that it may use. Raises Malformed, and Refused.
    """
    name = settings.state_machine
    text = read_text(project / name, name)
    definition = _parsed(text, name)
    remarks: tuple[str, ...] = ()
    if settings.uncertain_tasks:
        definition, remarks = _adopted(definition, settings)
    elif not frames_in(definition).tasks and isinstance(definition.get("States"), dict):
        raise Malformed(_no_task(name, definition))
    if wrong := [*rules.findings(definition, names), *_changed(definition)]:
        raise Malformed.of(placed(name, text, definition, one) for one in wrong)
    return Machine(spooling_via(definition, settings.spool_via), remarks)


def _changed(definition: Definition) -> Iterator[str]:
    for name in changed(definition):
        yield (
            f"state {name}: does not lead, or take, as respool adopt has it. A job could get in"
            f" without its key, go on with it, or be given something else. {frames.ADOPT}"
        )


def _parsed(text: str, name: str) -> Definition:
    if reading.is_yaml(name):
        return reading.quoted(reading.read(text, name))
    return parse_json(text, name)


def _adopted(plain: Definition, settings: Settings) -> tuple[Definition, tuple[str, ...]]:
    named = chosen(settings.uncertain_tasks, SETTING)
    try:
        adopted = adopt(plain, Choices(named))
    except Refused as refused:
        raise Malformed(f"{settings.state_machine}: {refused}") from None
    return adopted, tuple(warnings(undo(plain), list(named), own=True))


def _no_task(name: str, plain: Definition) -> str:
    tasks = candidates(plain)
    such = f", such as {SETTING}={tasks[0]}" if tasks else ""
    return (
        f"{name}: none of its tasks is one whose failures are parked. Name them in the stage's"
        f" {SETTING}{such}, and the deploy adopts the definition."
    )
