"""Shapes of a definition that AWS refuses, whatever its expressions say."""

from collections.abc import Iterator

from respool.deploy.definition import Definition, machines, states_of

TIMED = ("Task",)
"""The types of states that may have a time-out."""
_ENDS = ("Succeed", "Fail")


def findings(definition: Definition) -> Iterator[str]:
    """Time-outs and query languages where there are none, and machines without an end."""
    whole = definition.get("QueryLanguage")
    for place, machine in machines(definition):
        inside = f"{place}: " if place else ""
        if place and "QueryLanguage" in machine:
            yield f"{inside}has a QueryLanguage. Give it to each of its states instead."
        states = states_of(machine)
        if states and not any(s.get("Type") in _ENDS or s.get("End") is True for _, s in states):
            yield f'{inside}no state ends it. Give the last one "End": true.'
        for name, state in states:
            if state.get("Type") not in TIMED and "TimeoutSeconds" in state:
                yield (
                    f"{inside}state {name}: a {state.get('Type')} state has no TimeoutSeconds."
                    " Take it out, or give it to the Task inside."
                )
            if whole == "JSONata" and state.get("QueryLanguage") == "JSONPath":
                yield (
                    f"{inside}state {name}: is JSONPath in a machine that is JSONata. Take the"
                    " QueryLanguage away from the machine, and give it to each JSONata state."
                )
