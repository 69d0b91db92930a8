"""What else goes on around a process that meets a fault: queue, stream, index and looks."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from chalicelib.errors import RespoolError
from tests.fakes.spool import Delivery
from tests.fakes.stage import FakeStage

Record = Mapping[str, Any]
TRIES = 4
"""How often a batch of the stream is handed over again here; on AWS for a whole day."""
MOST_ROUNDS = 200


class Condition(StrEnum):
    """One thing that AWS may do meanwhile. RIVAL: a second process acts right before the fault."""

    CALM = "nothing else"
    TWICE = "messages are delivered twice"
    RIVAL = "a second process at the same time"
    EVENTS_LOST = "the stream's events are lost"
    EVENTS_TWICE = "the stream's events come twice"
    EVENTS_LATE = "the stream's events come late and in reverse"
    INDEX_LAGS = "the index lags"
    LOOKS_LAG = "DescribeExecution lags"

    @property
    def delivery(self) -> Delivery:
        """What the queues do under it."""
        if self is Condition.TWICE:
            return Delivery.TWICE
        return Delivery.CONCURRENTLY if self is Condition.RIVAL else Delivery.ONCE


class Surroundings:
    """A stage's stream, index and looks under one condition, until it clears up."""

    def __init__(self, stage: FakeStage, condition: Condition) -> None:
        self._stage = stage
        self._condition = condition
        self._late: list[Record] = []

    def begin(self) -> None:
        """The situation has come about: from now on things lag."""
        if self._condition is Condition.INDEX_LAGS:
            self._stage.table.index.lagging = True
        if self._condition is Condition.LOOKS_LAG:
            self._stage.executions.lag()

    def clear_up(self) -> None:
        """Nothing lags any more."""
        index = self._stage.table.index
        index.lagging = False
        index.catch_up()
        self._stage.executions.catch_up()

    def go_on(self) -> None:
        """Let executions, and `admit` behind the stream, go on until nothing moves."""
        for _ in range(MOST_ROUNDS):
            self._stage.machine.run()
            batches = self._batches()
            if not batches:
                return
            for batch in batches:
                self._hand_over(batch)
        raise AssertionError("the stream never ends")

    def hear_late(self) -> None:
        """Hand over what was kept back, long after all is done."""
        late, self._late = self._late, []
        for record in late:
            self._hand_over([record])
        self.go_on()

    def _batches(self) -> list[list[Record]]:
        stream = self._stage.table.stream
        records: list[Record] = list(stream)
        stream.clear()
        if not records or self._condition is Condition.EVENTS_LOST:
            return []
        if self._condition is Condition.EVENTS_TWICE:
            return [records, records]
        if self._condition is Condition.EVENTS_LATE:
            self._late += records[:1]
            return [[record] for record in reversed(records)]
        return [records]

    def _hand_over(self, batch: list[Record]) -> None:
        for _ in range(TRIES):
            try:
                self._stage.admit(*batch)
                return
            except (RespoolError, ExceptionGroup):
                self._stage.clock.pause(1)
