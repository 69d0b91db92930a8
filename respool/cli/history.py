"""An execution's history in plain words. Pure: events in, sentences out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.job.record import Failure, read_failure

BOOKKEEPING = frozenset(
    {
        "ClaimJob", "FindHolder", "AlreadyRunning", "BadInput", "TakeSlot", "StillRoom",
        "HistoryFull", "EnterTask", "FreeSlot", "NoteFailure", "ParkJob", "ErrorSpool",
        "SpoolDirectly", "ResumeJob", "Finish", "Done",
    }
)  # fmt: skip
"""States that are respool's own; all others are the pipeline's."""
SPOOLING = ("ErrorSpool", "SpoolDirectly")
LONGEST = 300


@dataclass(frozen=True)
class Step:
    """What happened, and when."""

    at: datetime
    what: str


def tell(events: Iterable[dict[str, Any]]) -> list[Step]:
    """What the events of one execution say, in their order."""
    return list(_History().tell(events))


class _History:
    """Reads the events one by one; `_state` is where the execution is."""

    def __init__(self) -> None:
        self._state = ""
        self._tries = 0

    def tell(self, events: Iterable[dict[str, Any]]) -> Iterator[Step]:
        last = None
        for last in events:
            for what in self._words(last):
                yield Step(last["timestamp"], what)
        if last is not None and self._state == "TakeSlot" and self._tries:
            yield Step(last["timestamp"], "It is waiting for a slot in its task.")

    def _words(self, event: dict[str, Any]) -> Iterator[str]:
        kind = event["type"]
        if kind.endswith("StateEntered"):
            self._state = event["stateEnteredEventDetails"]["name"]
            self._tries = 0
            yield from self._entered()
        elif kind.endswith("StateExited"):
            yield from self._exited()
        elif kind.startswith("Execution"):
            yield from _of_execution(kind, event)
        elif kind in ("TaskScheduled", "LambdaFunctionScheduled"):
            yield from self._begun()
        elif kind.endswith(("Failed", "TimedOut")):
            yield from self._failed(kind, _details(event))

    def _entered(self) -> Iterator[str]:
        if self._state == "ResumeJob":
            yield "It was replayed, and goes on."
        elif self._state not in BOOKKEEPING:
            yield f"{self._state} began."

    def _exited(self) -> Iterator[str]:
        if self._state == "TakeSlot" and self._tries:
            yield f"It got its slot in the task after {self._tries} tries."
        state, self._state = self._state, ""
        if state not in BOOKKEEPING and not self._tries:
            yield f"{state} finished."

    def _begun(self) -> Iterator[str]:
        if self._state in SPOOLING:
            yield "It goes to the spool, to wait there for a replay."
        elif self._state not in BOOKKEEPING and self._tries:
            self._tries = 0
            yield f"{self._state} was tried again."

    def _failed(self, kind: str, failure: Failure) -> Iterator[str]:
        self._tries += 1
        if self._state in SPOOLING:
            if kind == "TaskTimedOut":
                yield "Its message was renewed, so that SQS does not drop it."
            else:
                yield f"Setting it aside failed: {_short(failure)}"
        elif self._state == "ClaimJob":
            yield f"It could not take its key: {_short(failure)}"
        elif self._state == "TakeSlot":
            if self._tries == 1:
                yield "Its task was full or held, so it waited for a slot."
        elif kind.endswith("TimedOut"):
            yield f"{self._state} took too long."
        else:
            yield f"{self._state} failed: {_short(failure)}"


def _of_execution(kind: str, event: dict[str, Any]) -> Iterator[str]:
    failure = _details(event)
    if kind == "ExecutionAborted" and failure.name == "GivenUp":
        yield f"It was given up: {_cut(failure.message)}"
        return
    told = {
        "ExecutionStarted": "It was started.",
        "ExecutionSucceeded": "It finished.",
        "ExecutionRedriven": "It was redriven: it goes on where it failed.",
        "ExecutionFailed": f"Its execution failed: {_short(failure)}",
        "ExecutionAborted": f"Its execution was aborted. {_short(failure)}".rstrip(),
        "ExecutionTimedOut": "Its execution timed out as a whole.",
    }
    if kind in told:
        yield told[kind]


def _details(event: dict[str, Any]) -> Failure:
    """The error in whatever field this type of event keeps its details."""
    for name, value in event.items():
        if name.endswith("EventDetails") and isinstance(value, dict):
            return read_failure({"Error": value.get("error", ""), "Cause": value.get("cause", "")})
    return Failure()


def _short(failure: Failure) -> str:
    return _cut(f"{failure.name}: {failure.message}".strip(": "))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
