"""Which jobs' branches or items were stopped because another one failed, by a history. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.job.asked import keys_in

_KINDS = ("Parallel", "MapIteration", "Map")
_ENDS = ("Succeeded", "Failed", "Aborted")


def left_behind(events: Iterable[Mapping[str, Any]]) -> set[str]:
    """The keys of the claims that states have asked for inside a Parallel or a Map which failed
    afterwards, caught or not.

    Each event names the one before it in its own branch; so the way back from a state goes through
    whatever it is inside of. Of several attempts at a Parallel only the last one counts.
    """
    steps: dict[int, tuple[str, int]] = {}
    latest: dict[str, int] = {}
    failures: set[int] = set()
    for event in events:
        id = event["id"]
        steps[id] = (event["type"], event.get("previousEventId", 0))
        latest |= dict.fromkeys(keys_in(event), id)
        if event["type"] in ("ParallelStateFailed", "MapStateFailed"):
            failures |= set(_around(steps, id, closed=True)[:1])
    return {pk for pk, id in latest.items() if failures.intersection(_around(steps, id))}


def _around(steps: Mapping[int, tuple[str, int]], id: int, closed: bool = False) -> list[int]:
    """The beginnings of all that an event is inside of, the innermost first.

    Of a closing event (`closed`) the first is its own. What has closed on the way was beside it.
    """
    beginnings, closed_kinds = [], []
    while id in steps:
        type, before = steps[id]
        kind, ends, begins = _scope(type)
        if ends:
            closed_kinds.append(kind)
        elif begins and closed_kinds and closed_kinds[-1] == kind:
            closed_kinds.pop()
            if closed and not closed_kinds:
                return [id]
        elif begins and not closed_kinds:
            beginnings.append(id)
        id = before
    return beginnings


def _scope(type: str) -> tuple[str, bool, bool]:
    """What of which kind an event closes, or begins."""
    kind = next((one for one in _KINDS if type.startswith(one)), "")
    rest = type.removeprefix(kind).removeprefix("State")
    return kind, bool(kind) and rest in _ENDS, bool(kind) and rest == "Started"
