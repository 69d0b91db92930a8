"""A task's slots and line on DynamoDB: `slots#<task>`, one item for each task."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalicelib.aws.entering import FREE, LET_THROUGH, OPEN
from chalicelib.aws.gate_writes import GateWrites
from chalicelib.aws.items import SLOTS, TASKS, queue, read_slots, values
from chalicelib.aws.table import Table, Update
from chalicelib.job.claim import Claim, Slots, State

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_WAIT = "execution = :execution AND queue = :queue AND since = :since"
"""This very wait in line."""


class DynamoLine(GateWrites):
    """Who is inside a task, who waits for it, and whether it takes jobs."""

    def __init__(self, client: "DynamoDBClient", table: str, **timing: Callable[..., Any]) -> None:
        """`timing`: how the table waits between two tries, for tests (see Table)."""
        super().__init__(Table(client, table, **timing))

    def tasks(self) -> list[str]:
        """Every task that has a slots item, in order of name; a new one may be missing a moment."""
        return [str(item["order"]["S"]) for item in self._table.query(TASKS)]

    def slots(self, task: str) -> Slots:
        """A task's slots, read consistently; incomplete ones where no item is."""
        item = self._table.get(SLOTS + task)
        return read_slots(item) if item else Slots(task, complete=False)

    def admit(self, claim: Claim, now: str, by_pass: bool) -> bool:
        """Hand a free slot to a job in line and end its wait, in one transaction. Raises Conflict.

        The claim keeps `since`, by which the wait is known, and its token, which is still to be
        answered.
        """
        return self._table.write(
            Update(
                SLOTS + claim.task,
                "SET owners.#me = :execution, waking.#me = :since REMOVE passes.#me",
                f"{FREE} AND attribute_not_exists(owners.#me)"
                f" AND attribute_not_exists(waking.#me) AND {LET_THROUGH if by_pass else OPEN}",
                values(execution=claim.execution, since=claim.since, now=now),
                {"#me": claim.pk},
            ),
            Update(
                claim.pk,
                "SET #state = :state, enteredAt = :now REMOVE queue",
                _WAIT,
                _waits(claim) | values(state=State.RUNNING.value, now=now),
            ),
        )

    def woken(self, task: str, pk: str, since: str) -> bool:
        """Count one less in line, whose token was answered or is void; its slot stays as it is.

        False where another has said so already.
        """
        return self._table.update(
            Update(
                SLOTS + task,
                "ADD waiting :less REMOVE waking.#me",
                "waking.#me = :since",
                values(less=-1, since=since),
                {"#me": pk},
            )
        )

    def free_slot(self, task: str, pk: str, execution: str) -> bool:
        """Take a slot from that execution; False where it has none."""
        return self._table.update(
            Update(
                SLOTS + task,
                "REMOVE owners.#me",
                "owners.#me = :execution",
                values(execution=execution),
                {"#me": pk},
            )
        )

    def recount(self, slots: Slots, waiting: int) -> bool:
        """Set the line's length, where it is still what it was and nobody is being woken."""
        return self._table.update(
            Update(
                SLOTS + slots.task,
                "SET waiting = :count",
                "waiting = :was AND size(waking) = :zero",
                values(count=waiting, was=slots.waiting, zero=0),
            )
        )


def _waits(claim: Claim) -> dict[str, Any]:
    """The values of _WAIT."""
    in_line = queue(State.LINE, claim.task)
    return values(execution=claim.execution, queue=in_line, since=claim.since)
