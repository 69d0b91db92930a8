"""The overview on DynamoDB: the claims table read at once, for people. May be seconds old."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalicelib.aws.calling import calling
from chalicelib.aws.claims_table import JOB, SLOTS, read_claim, read_slots
from chalicelib.aws.ramp_table import RAMP, read_state
from chalicelib.cached import KEPT, Cached
from chalicelib.job.claim import Claim, Slots
from chalicelib.job.overview import View, view
from chalicelib.job.ramp_state import State as RampState

PATIENCE = 8
"""Seconds after which a look at a huge table ends, and says that it is incomplete."""
KINDS = {"job": JOB, "slots": SLOTS, "ramp": RAMP}
"""Which items people see."""


class DynamoOverview:
    """Reads the table at most once every few seconds, a megabyte (some 2,000 jobs) a call."""

    def __init__(
        self, client: Any, table: str, clock: Callable[[], datetime], elapsed: Callable[[], float]
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._elapsed = elapsed
        self._view = Cached(self._read, KEPT, elapsed)

    def read(self, after: datetime | None = None) -> View:
        """All jobs and tasks, as they are or were a moment ago, but not before that time."""
        if after is not None and self._view.get().at < after:
            self._view.forget()
        return self._view.get()

    def forget(self) -> None:
        """Look anew next time: something has just been changed."""
        self._view.forget()

    def _read(self) -> View:
        jobs: list[Claim] = []
        slots: list[Slots] = []
        ramps: list[RampState] = []
        at, began = self._clock(), self._elapsed()
        page: dict[str, Any] = {}
        while True:
            answer = self._scan(page)
            for item in answer["Items"]:
                if item["pk"]["S"].startswith(JOB):
                    jobs.append(read_claim(item))
                elif item["pk"]["S"].startswith(RAMP):
                    ramps.append(read_state(item))
                else:
                    slots.append(read_slots(item))
            if "LastEvaluatedKey" not in answer:
                return view(jobs, slots, at, ramps)
            if self._elapsed() - began > PATIENCE:
                return view(jobs, slots, at, ramps, complete=False)
            page = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _scan(self, page: dict[str, Any]) -> dict[str, Any]:
        """Consistent only in the end, which halves the price: a page shows it moments later."""
        with calling("Scan", self._table):
            answer: dict[str, Any] = self._client.scan(
                TableName=self._table,
                FilterExpression=" OR ".join(f"begins_with(pk, :{name})" for name in KINDS),
                ExpressionAttributeValues={f":{name}": {"S": pk} for name, pk in KINDS.items()},
                **page,
            )
        return answer
