"""An execution's history in plain words. Pure: events in, sentences out.

A sentence and what is put into it are apart, so that a page can say it in its reader's language.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.job.failure import Failure, read_failure

WAITS = ("WaitInLine", "Rejoin")
"""The states in which a job stands in line."""
BOOKKEEPING = frozenset(
    {
        *WAITS, "ClaimJob", "TakeSlot", "ConfirmClaim", "ErrorSpool", "Park", "Finish",
        "FinishClosed", "Done", "AlreadyRunning", "BadInput", "NoteFailure", "Leave", "GivenUp",
        "NoteItem",
    }
)  # fmt: skip
"""States that are respool's own; all others are the pipeline's."""
LONGEST = 300
"""Characters of an error that a sentence repeats."""

SENTENCES: dict[str, str] = {
    "started": "It was started.",
    "began": "{state} began.",
    "again": "{state} was tried again.",
    "done": "{state} finished.",
    "failed": "{state} failed: {error}",
    "slow": "{state} took too long.",
    "in_line": "Its task was full or closed, or others stood before it: it stood in line.",
    "slot": "It got its slot in the task.",
    "not_noted": "Its note could not be sent to the spool: {error}",
    "parked": "It was parked, to wait for a replay.",
    "not_parked": "Parking it failed: {error}",
    "replayed": "It was put back, and goes on.",
    "already": "Another job holds its key: it did nothing.",
    "bad_input": "Its input has no key that can be used: it did nothing.",
    "given_up": "It was given up: {reason}",
    "finished": "It finished.",
    "redriven": "It was redriven: it goes on where it failed.",
    "ended": "Its execution failed: {error}",
    "aborted": "Its execution was aborted. {error}",
    "timed_out": "Its execution timed out as a whole.",
}
"""The page has them in each language, held to these by a test."""


@dataclass(frozen=True)
class Step:
    """What happened, and when: which sentence, and what is put into it (hostile text)."""

    at: datetime
    code: str
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """The sentence."""
        return SENTENCES[self.code].format_map(self.values).rstrip()


def tell(events: Iterable[Mapping[str, Any]]) -> list[Step]:
    """What the events of one execution say, in their order."""
    return list(_Reader().tell(events))


class _Reader:
    """Reads the events one by one; `_state` is where the execution is."""

    def __init__(self) -> None:
        self._state = ""
        self._tries = 0

    def tell(self, events: Iterable[Mapping[str, Any]]) -> Iterator[Step]:
        for event in events:
            for code, values in self._said(event):
                yield Step(event["timestamp"], code, values)

    def _said(self, event: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
        kind: str = event["type"]
        if kind.endswith("StateEntered"):
            self._state = _plain(event["stateEnteredEventDetails"]["name"])
            self._tries = 0
            yield from self._entered()
        elif kind.endswith("StateExited"):
            yield from self._exited()
        elif kind.startswith("Execution"):
            yield from _of_execution(kind, _details(event))
        elif kind in ("TaskScheduled", "LambdaFunctionScheduled"):
            yield from self._scheduled()
        elif kind.endswith(("Failed", "TimedOut")):
            yield from self._failed(kind, _details(event))

    def _entered(self) -> Iterator[tuple[str, dict[str, str]]]:
        own = {"WaitInLine": "in_line", "AlreadyRunning": "already", "BadInput": "bad_input"}
        if self._state in own:
            yield own[self._state], {}
        elif self._state not in BOOKKEEPING:
            yield "began", {"state": self._state}

    def _exited(self) -> Iterator[tuple[str, dict[str, str]]]:
        state, failed = self._state, self._tries > 0
        self._state, self._tries = "", 0
        if state == "Park":
            yield "replayed", {}
        elif state in WAITS and not failed:
            yield "slot", {}
        elif state and state not in BOOKKEEPING and not failed:
            yield "done", {"state": state}

    def _scheduled(self) -> Iterator[tuple[str, dict[str, str]]]:
        if self._state == "Park":
            yield "parked", {}
        elif self._state not in BOOKKEEPING and self._tries:
            yield "again", {"state": self._state}
        self._tries = 0

    def _failed(self, kind: str, failure: Failure) -> Iterator[tuple[str, dict[str, str]]]:
        self._tries += 1
        if failure.name == "GivenUp":  # the end of the execution says so
            return
        if self._state in ("ErrorSpool", "Park"):
            code = "not_noted" if self._state == "ErrorSpool" else "not_parked"
            yield code, {"error": _short(failure)}
        elif self._state in BOOKKEEPING:
            return
        elif kind.endswith("TimedOut"):
            yield "slow", {"state": self._state}
        else:
            yield "failed", {"state": self._state, "error": _short(failure)}


def _plain(state: str) -> str:
    """The name of one of respool's own states without that of its task, where there are several."""
    own = state.partition(": ")[0]
    return own if own in BOOKKEEPING else state


def _of_execution(kind: str, failure: Failure) -> Iterator[tuple[str, dict[str, str]]]:
    if failure.name == "GivenUp":
        yield "given_up", {"reason": _cut(failure.message)}
        return
    codes = {
        "ExecutionStarted": "started",
        "ExecutionSucceeded": "finished",
        "ExecutionRedriven": "redriven",
        "ExecutionFailed": "ended",
        "ExecutionAborted": "aborted",
        "ExecutionTimedOut": "timed_out",
    }
    if kind in codes:
        values = {"error": _short(failure)} if "{error}" in SENTENCES[codes[kind]] else {}
        yield codes[kind], values


def _details(event: Mapping[str, Any]) -> Failure:
    """The error in whatever field this type of event keeps its details."""
    for name, value in event.items():
        if name.endswith("EventDetails") and isinstance(value, dict):
            return read_failure({"Error": value.get("error", ""), "Cause": value.get("cause", "")})
    return Failure()


def _short(failure: Failure) -> str:
    return _cut(f"{failure.name}: {failure.message}".strip(": "))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
