"""What a machine would lose that is only watched: failures that no redrive can recover. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from respool.adopt.places import places
from respool.deploy.definition import Definition

TOLERATES = (
    "ToleratedFailureCount",
    "ToleratedFailurePercentage",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentagePath",
)


def unrecoverable(definition: Definition) -> list[str]:
    """One line for each failure that a redrive can't recover while the machine is only watched."""
    if str(definition.get("Type", "STANDARD")).upper() == "EXPRESS":
        return ["The machine is EXPRESS: Step Functions redrives none of its executions."]
    lines: list[str] = []
    for place in places(definition):
        for end in sorted(set(_fails(place.state, dict(place.scope.states)))):
            lines.append(
                f"{place.address}: what it catches ends in {end}, a Fail state, which a redrive"
                " only enters again; it is left alone, or listed where RESCUE_FAIL_STATES names"
                " the machine."
            )
        if any(place.state.get(name) for name in TOLERATES):
            lines.append(
                f"{place.address}: the items whose failure it tolerates are in no failed execution."
            )
    return lines


def _fails(state: Mapping[str, Any], siblings: Mapping[str, Any]) -> Iterator[str]:
    """The Fail states to which its catchers lead, whatever happens on the way."""
    for catcher in state.get("Catch", ()):
        name, passed = catcher.get("Next"), set[str]()
        while name in siblings and name not in passed:
            passed.add(name)
            if siblings[name].get("Type") == "Fail":
                yield name
            name = siblings[name].get("Next")
