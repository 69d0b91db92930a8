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
    known: dict[int, tuple[str, int]] = {}
    latest: dict[str, int] = {}
    failed: set[int] = set()
    for event in events:
        id = event["id"]
        known[id] = (event["type"], event.get("previousEventId", 0))
        latest |= dict.fromkeys(keys_in(event), id)
        if event["type"] in ("ParallelStateFailed", "MapStateFailed"):
            failed |= set(_around(known, id, closed=True)[:1])
    return {pk for pk, id in latest.items() if failed.intersection(_around(known, id))}


def _around(known: Mapping[int, tuple[str, int]], id: int, closed: bool = False) -> list[int]:
    """The beginnings of all that an event is inside of, the innermost first.

    Of a closing event (`closed`) the first is its own. What has closed on the way was beside it.
    """
    found, shut = [], []
    while id in known:
        type, before = known[id]
        kind, ends, begins = _scope(type)
        if ends:
            shut.append(kind)
        elif begins and shut and shut[-1] == kind:
            shut.pop()
            if closed and not shut:
                return [id]
        elif begins and not shut:
            found.append(id)
        id = before
    return found


def _scope(type: str) -> tuple[str, bool, bool]:
    """What of which kind an event closes, or begins."""
    kind = next((one for one in _KINDS if type.startswith(one)), "")
    rest = type.removeprefix(kind).removeprefix("State")
    return kind, bool(kind) and rest in _ENDS, bool(kind) and rest == "Started"
