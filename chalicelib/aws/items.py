"""The table's items as DynamoDB writes them down, read into claims and slots."""

from collections.abc import Mapping
from typing import Any

from chalicelib.job.claim import WAITING, Claim, Slots, State

Item = dict[str, Any]
SLOTS, DEAD, TASKS = "slots#", "dead#", "tasks"
_MAPS = ("owners", "waking", "passes", "failed")
_WHOLE = (*_MAPS, "waiting", "limit", "closeAfter", "queue", "order")
_STATES = {state.value: state for state in State}


def value(plain: str | int | Mapping[str, str]) -> Item:
    """A text, a number or a map of texts in DynamoDB's own form; half characters are replaced."""
    if isinstance(plain, str):
        return {"S": plain.encode("utf-8", "replace").decode()}
    if isinstance(plain, int):
        return {"N": str(plain)}
    return {"M": {name: value(text) for name, text in plain.items()}}


def values(**plain: str | int | Mapping[str, str]) -> dict[str, Item]:
    """Values by the names that an expression has for them, without the colon."""
    return {f":{name}": value(one) for name, one in plain.items()}


def pk(name: str) -> dict[str, Item]:
    """The key of an item."""
    return {"pk": {"S": name}}


def queue(state: State, task: str) -> str:
    """The partition of the index that lists the jobs which wait so for that task."""
    return f"{state}#{task}"


def read_claim(item: Item) -> Claim:
    """A claim out of its item, or out of what the index holds of it."""
    text = _texts(item)
    noted_at = text("notedAt") or (text("failedAt") if text("noted") == "yes" else "")
    queue_state, _, for_task = text("queue").partition("#")  # the index has neither state nor task
    return Claim(
        pk=text("pk"),
        execution=text("execution"),
        state=_state(text("endedAt"), text("how"), text("state") or queue_state),
        task=text("task") or for_task,
        order=text("order"),
        since=text("since"),
        attempt=_number(item, "attempt"),
        error=text("error"),
        cause=text("cause"),
        failed_at=text("failedAt"),
        first_failed_at=text("firstFailedAt"),
        noted_at=noted_at,
        claimed_at=text("claimedAt"),
        entered_at=text("enteredAt"),
        dead_at=text("deadAt"),
        predecessor=text("predecessor"),
        ended_at=text("endedAt"),
        expires_at=_number(item, "expiresAt"),
        watched=text("watched") == "yes",
        fail_state=bool(text("deadAt")) and text("failState") == text("deadAt"),
        left_line=bool(text("token")) and text("leftLine") == text("token"),
        token=text("token"),
    )


def _state(ended_at: str, how: str, state: str) -> State:
    """An ended claim keeps the state it had last; how it ended says more."""
    if ended_at:
        return _STATES.get(how, State.FINISHED)
    return _STATES.get(state, State.RUNNING)


def in_index(claim: Claim) -> bool:
    """Whether the index lists it."""
    return not claim.ended_at and claim.state in WAITING


def read_slots(item: Item) -> Slots:
    """A task's slots out of their item."""
    text = _texts(item)
    owners, waking, passes, failed = (_map(item, name) for name in _MAPS)
    return Slots(
        task=text("pk").removeprefix(SLOTS),
        owners=owners,
        waking=waking,
        passes=passes,
        failed=failed,
        waiting=_number(item, "waiting"),
        limit=_number(item, "limit"),
        close_after=_number(item, "closeAfter", Slots("").close_after),
        closed_until=text("closedUntil"),
        closed_at=text("closedAt"),
        closed_by=text("closedBy"),
        closed_why=text("closedWhy"),
        named_until=text("namedUntil"),
        opened_at=text("openedAt"),
        told=text("told"),
        window_from=text("windowFrom"),
        window_until=text("windowUntil"),
        window_why=text("windowWhy"),
        limit_set=_number(item, "limitSet") if "limitSet" in item else None,
        limit_by=text("limitBy"),
        limit_why=text("limitWhy"),
        limit_at=text("limitAt"),
        complete=all(name in item for name in _WHOLE),
    )


def _texts(item: Item) -> Any:
    def text(name: str) -> str:
        return str(item[name]["S"]) if name in item and "S" in item[name] else ""

    return text


def _number(item: Item, name: str, absent: int = 0) -> int:
    return int(float(item[name]["N"])) if name in item else absent


def _map(item: Item, name: str) -> dict[str, str]:
    return {key: str(each["S"]) for key, each in item.get(name, {}).get("M", {}).items()}
