"""The tasks of a stage: their slots made whole, and the stage's settings written into them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.gate.gate import Gates
from chalicelib.job.ports import Line
from chalicelib.settings import Settings
from respool.deploy.definition import Definition, all_states


def tasks_in(definition: Definition) -> list[str]:
    """The names by which the definition's states take slots, each once."""
    named = {
        task
        for _, state in all_states(definition)
        for task in _constants(state.get("Assign"))
        if not task.startswith("{%")
    }
    return sorted(named)


def _constants(assigned: Any) -> Iterator[str]:
    """The values of `task` at any depth of an Assign."""
    if isinstance(assigned, dict):
        for name, value in assigned.items():
            if name == "task" and isinstance(value, str):
                yield value
            yield from _constants(value)


@dataclass(frozen=True)
class TaskSlots:
    """Writes one stage's settings into the slots of its tasks; again and again, to the same end.

    A limit that somebody set by hand stays until TASK_LIMIT itself changes.
    """

    line: Line
    gates: Gates
    settings: Settings

    def apply(self, definition: Definition) -> list[str]:
        """Serve the tasks of the definition, and all others that have slots; returns which."""
        tasks = sorted({*tasks_in(definition), *self.line.tasks()})
        for task in tasks:
            slots = self.line.apply_settings(
                task, self.settings.task_limit, self.settings.close_after
            )
            self.gates.refresh(slots)
        return tasks
