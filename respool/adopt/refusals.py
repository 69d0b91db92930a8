"""What can't be adopted, in one line with the way out; and what is worth a warning."""

import re
from collections.abc import Iterator

from chalicelib.errors import RespoolError
from respool.adopt.places import BRANCH, Place, meant, places
from respool.adopt.scopes import Scope, leads, scopes
from respool.deploy.definition import Definition, State

DAY = 86_400
TASKS = ("dynamodb:", "sqs:", "sns:", "events:", "eventbridge:")
_OPENS = re.compile(
    r"(?:create|start|run|resume|restore)(?:\w*)"
    r"(?:Cluster|Instances?|Application|Endpoint|Nodegroup|Session|Workgroup|Fleet|Server|Stack)"
)
"""Actions that leave something running which a later state would have to close."""


class Refused(RespoolError):
    """A definition, or a choice, that can't be adopted; the text says why, and what would do."""


def check(definition: Definition, chosen: list[str]) -> list[Place]:
    """The places of these states, if they can be adopted. Raises Refused."""
    if not chosen:
        raise Refused("No task was chosen. Name each with --task STATE.")
    kind = str(definition.get("Type", "STANDARD")).upper()
    if kind == "EXPRESS":
        raise Refused("The machine is EXPRESS, which can't wait for a token. Make it STANDARD.")
    tasks: list[Place] = []
    for name in chosen:
        place = _meant(definition, name)
        if place.spot in [each.spot for each in tasks]:
            raise Refused(f"{name!r} was chosen already. Name each state once.")
        _check(place, definition)
        tasks.append(place)
    return tasks


def _meant(definition: Definition, name: str) -> Place:
    matches = meant(places(definition), name)
    if not matches:
        raise Refused(f"There is no state {name!r}. {_candidates(definition)}")
    if len(matches) > 1:
        ways = ", ".join(each.address for each in matches)
        raise Refused(f"{name!r} is the name of {len(matches)} states. Say which: {ways}.")
    return matches[0]


def _check(place: Place, definition: Definition) -> None:
    name, state, scope = place.address, place.state, place.scope
    if state.get("Type") != "Task":
        raise Refused(f"{name!r} is a {state.get('Type')}, not a Task. {_candidates(definition)}")
    if scope.express:
        raise Refused(
            f"{name!r} is in a Map whose children are EXPRESS, which can't wait for a token."
            ' Set "ExecutionType": "STANDARD" in its ProcessorConfig.'
        )
    if "Next" not in state and state.get("End") is not True:
        raise Refused(f'{name!r} has neither "Next" nor "End". Say what comes after it.')


def candidates(definition: Definition) -> list[str]:
    """All Tasks, those that call something outside first, those that only write data last."""
    tasks = [each for each in places(definition) if each.state.get("Type") == "Task"]
    inside = [each.address for each in tasks if _stays(str(each.state.get("Resource", "")))]
    return [each.address for each in tasks if each.address not in inside] + inside


def _stays(resource: str) -> bool:
    service = resource.partition(":states:::")[2].removeprefix("aws-sdk:")
    return service.startswith(TASKS)


def _candidates(definition: Definition) -> str:
    names = candidates(definition)
    return f"Its tasks are: {', '.join(names)}." if names else "It has no Task."


def warnings(definition: Definition, chosen: list[str], own: bool = False) -> Iterator[str]:
    """What a job that waits for long may run into, one line each."""
    within = definition.get("TimeoutSeconds")
    if isinstance(within, (int, float)) and within < 365 * DAY:
        yield (
            f'"TimeoutSeconds": {within} at the top ends an execution while it waits. Remove it, or'
            " replay within that time."
        )
    elif within is not None and not isinstance(within, (int, float)):
        yield '"TimeoutSeconds" at the top ends an execution while it waits. Remove it.'
    if not own:
        yield "An EXPRESS machine can't wait for a token: make sure that this one is STANDARD."
    spots = [each.spot for name in chosen for each in meant(places(definition), name)]
    for scope in scopes(definition):
        here = [name for name, _ in scope.states if (id(scope.machine), name) in spots]
        if here:
            yield from _of_scope(scope, here)


def _of_scope(scope: Scope, here: list[str]) -> Iterator[str]:
    names = ", ".join(here)
    around = (*scope.holders, scope)
    for one in around:
        if one.most:
            yield f"{names}: parked items hold their place among the {one.most} of MaxConcurrency."
    if any(one.kind == "branch" for one in around):
        yield f"{names}: the other branches end, and their Parallel waits for the parked one."
    if scope.maps:
        yield (
            f"{names}: an execution has 25,000 events at most; an item that is parked and replayed"
            " takes about 25 more."
        )
    if states := _opened(around, here):
        yield f"{', '.join(states)}: what it opens stays open, and is paid for, while a job waits."


def _opened(around: tuple[Scope, ...], here: list[str]) -> list[str]:
    """The states that open something and lead to a chosen one, here or around its Map."""
    warnings: list[str] = []
    for one, inner in zip(around, (*around[1:], None), strict=True):
        behind = [BRANCH.sub("", inner.within)] if inner else here
        warnings += [
            name
            for name, state in one.states
            if _OPENS.fullmatch(_action(state))
            and any(target != name and leads(one.machine, name, target) for target in behind)
        ]
    return warnings


def _action(state: State) -> str:
    """What a Task has a service do, such as `createCluster`."""
    resource = str(state.get("Resource", "")).removesuffix(":2")
    return resource.partition(":states:::")[2].rpartition(":")[2].partition(".")[0]
