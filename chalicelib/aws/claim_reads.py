"""Claims read from DynamoDB: by their keys consistently, by the index as it lags."""

from collections.abc import Iterator, Sequence

from chalicelib.aws.items import queue, read_claim
from chalicelib.aws.table import Table
from chalicelib.job.claim import Claim, State
from chalicelib.job.ports import Count

ATTRIBUTES = (
    "pk, execution, #state, task, #order, queue, since, attempt, failedAt, firstFailedAt, #error,"
    " cause, noted, notedAt, claimedAt, enteredAt, deadAt, predecessor, endedAt, how, expiresAt,"
    " watched, failState"
)
"""All but the token."""


class ClaimReads:
    """The reading half of the claims."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, pk: str) -> Claim | None:
        """The claim with its token, read consistently."""
        item = self._table.get(pk)
        return read_claim(item) if item else None

    def get_many(self, pks: Sequence[str]) -> dict[str, Claim]:
        """Claims by their keys with their tokens, read consistently, a hundred a call."""
        return {claim.pk: claim for claim in map(read_claim, self._table.get_batch(pks))}

    def look(self, pks: Sequence[str], consistent: bool = False) -> dict[str, Claim]:
        """Claims by their keys without their tokens, a hundred a call."""
        items = self._table.get_batch(pks, consistent, ATTRIBUTES)
        return {claim.pk: claim for claim in map(read_claim, items)}

    def waiting(self, state: State, task: str, after: str = "", limit: int = 0) -> Iterator[Claim]:
        """The jobs that wait so for that task, oldest first, behind the order `after`; no tokens.

        They have no cause, execution or claimed_at either: the index holds only what lists show.
        """
        return map(read_claim, self._table.query(queue(state, task), after, limit))

    def count(self, state: State, task: str, after: str = "", most: int = 0) -> Count:
        """How many wait so behind the order `after`, by at most `most` pages (0: all)."""
        return self._table.count(queue(state, task), after, most)
