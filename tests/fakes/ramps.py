"""The ramp's states in memory: each write is atomic, and says which version it follows."""

from dataclasses import replace

from chalicelib.job.ramp_state import State, decode, encode
from tests.fakes.claims import Table
from tests.fakes.wire import Wire


class FakeRamps:
    """One process's access to states that all processes share."""

    def __init__(self, table: Table, shared: dict[str, str], wire: Wire) -> None:
        self._table = table
        self._shared = shared
        self._wire = wire

    def get(self, task: str) -> State:
        """The task's state; a new one where there is none."""
        return self._wire.call("GetItem", lambda: self._read(task))

    def put(self, state: State) -> State | None:
        """Write it over the version that it came from; None where that is not there any more."""
        return self._wire.call("UpdateItem", lambda: self._write(state))

    def _read(self, task: str) -> State:
        with self._table.hold:
            text = self._shared.get(task)
        return decode(text) if text else State(task)

    def _write(self, state: State) -> State | None:
        new = replace(state, version=state.version + 1)
        with self._table.hold:
            there = self._read(state.task)
            if there.version != state.version:
                return new if there == new else None
            self._shared[state.task] = encode(new)
            return new
