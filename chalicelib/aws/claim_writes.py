"""Claims written on DynamoDB while their jobs wait, die, come back or end."""

from collections.abc import Sequence

from chalicelib.aws.claim_changes import AS_SEEN, ENDED, MINE, ending, kept, seen, whole
from chalicelib.aws.entering import MAY_ENTER
from chalicelib.aws.handing_over import move
from chalicelib.aws.items import DEAD, SLOTS, values
from chalicelib.aws.leaving import leave, waits
from chalicelib.aws.table import Table, Update
from chalicelib.job.claim import Claim, State


class ClaimWrites:
    """The writing half of the claims."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def mark_stuck(self, claim: Claim, at: str) -> bool:
        """Mark a job stuck that is parked with this execution and attempt."""
        return self._table.update(
            Update(
                claim.pk,
                "SET #state = :state, queue = :queue, since = :since",
                f"{MINE} AND #state = :parked AND attempt = :attempt",
                waits(claim, State.STUCK, at)
                | values(me=claim.execution, parked=State.PARKED.value, attempt=claim.attempt),
            )
        )

    def mark_noted(self, claim: Claim, at: str) -> bool:
        """Say that its note was sent (again), where it still waits as it did."""
        return self._table.update(
            Update(
                claim.pk,
                "SET noted = :yes, notedAt = :at",
                f"{MINE} AND attempt = :attempt AND attribute_exists(queue)",
                values(me=claim.execution, attempt=claim.attempt, yes="yes", at=at),
            )
        )

    def park_dead(self, claim: Claim, at: str, over: str = "") -> bool:
        """Park a job whose execution died, free its slot or place in line, keep no token.

        False where another execution owns the key, or this very death is written already; with
        `over` also where its `since` is another one and it is not dead: it was redriven meanwhile;
        or where another execution has used the key since: it was restarted.
        """

        def parked(old: Claim | None) -> Update | None:
            if old is None or (old.ended_at and old.execution != claim.execution):
                return None if over else whole(claim, at)
            if old.ended_at or old.execution != claim.execution or old.dead_at == claim.dead_at:
                return None
            if over and not old.dead_at and old.since != over:
                return None
            return whole(kept(old, claim), at)

        return leave(self._table, claim, parked)

    def take_slot(self, claim: Claim, at: str) -> bool:
        """Let a dead job in before its redrive, by TakeSlot's own rules; False where it can't.

        It stays dead until somebody says that it runs again: who looks at the slots sees that.
        """
        return self._table.write(
            Update(
                SLOTS + claim.task,
                "SET owners.#me = :execution REMOVE passes.#me",
                f"attribute_exists(owners.#me) OR ({MAY_ENTER})",
                values(execution=claim.execution, now=at, zero=0),
                {"#me": claim.pk},
            ),
            Update(
                claim.pk,
                "SET #state = :state, since = :since, enteredAt = :since REMOVE queue, #token",
                f"{AS_SEEN} AND attribute_exists(queue)",
                seen(claim) | values(state=State.RUNNING.value, since=at),
            ),
        )

    def join_line(self, claim: Claim, at: str) -> bool:
        """Put a dead job that finds no slot in line; `admit` redrives or restarts it."""
        return self._table.write(
            _one_more_in_line(claim),
            Update(
                claim.pk,
                "SET #state = :state, queue = :queue, since = :since REMOVE #token",
                f"{AS_SEEN} AND attribute_exists(queue) AND queue <> :queue",
                seen(claim) | waits(claim, State.LINE, at),
            ),
        )

    def leave_again(self, claim: Claim, at: str) -> bool:
        """Take back `take_slot` where the redrive was refused: parked and dead as `claim` says."""

        def parked(old: Claim | None) -> Update | None:
            if old is None or old.ended_at or old.execution != claim.execution:
                return None
            if old.dead_at != claim.dead_at or old.state in (State.PARKED, State.STUCK):
                return None
            state = claim.state if claim.state is State.STUCK else State.PARKED
            change = "SET #state = :state, queue = :queue, since = :since REMOVE #token"
            return Update(claim.pk, change, "", waits(old, state, at))

        return leave(self._table, claim, parked)

    def leave_line(self, claim: Claim, at: str) -> bool:
        """Park a job that is in line, and count one less there.

        It keeps its token, with which its execution can be ended; who resumed it would let it in
        without a slot, so the claim says what token that is.
        """

        def parked(old: Claim | None) -> Update | None:
            if old is None or not old.waits or old.execution != claim.execution:
                return None
            if old.state is not State.LINE or old.dead_at:
                return None
            change = "SET #state = :state, queue = :queue, since = :since, leftLine = :token"
            placeholders = waits(old, State.PARKED, at) | values(token=old.token)
            return Update(claim.pk, change, "", placeholders)

        return leave(self._table, claim, parked)

    def rejoin_line(self, claim: Claim, at: str) -> bool:
        """Put a job back in line that had left it; it waits there on its token, as before."""
        return self._table.write(
            _one_more_in_line(claim),
            Update(
                claim.pk,
                "SET #state = :state, queue = :queue, since = :since REMOVE leftLine",
                f"{MINE} AND since = :seen AND leftLine = :left",
                values(me=claim.execution, seen=claim.since, left=claim.token)
                | waits(claim, State.LINE, at),
            ),
        )

    def begin_redrive(self, claim: Claim, at: str) -> bool:
        """Say that a dead job is about to be redriven where it needs no slot; its `since` is `at`.

        It stays parked and dead; whoever saw it before can neither redrive it nor hand it over.
        """
        placeholders = seen(claim) | values(since=at)
        return self._table.update(Update(claim.pk, "SET since = :since", AS_SEEN, placeholders))

    def mark_running(self, claim: Claim) -> bool:
        """Say that a dead job's execution runs again: running, and no longer dead or parked."""
        change = "SET #state = :state REMOVE queue, deadAt, #token"
        placeholders = seen(claim) | values(state=State.RUNNING.value)
        return self._table.update(Update(claim.pk, change, AS_SEEN, placeholders))

    def hand_over(self, claim: Claim, successor: str, pk: str) -> bool:
        """Let the restart own what the dead execution owned, before it starts."""
        if pk != claim.pk:
            return move(self._table, claim, successor, pk)
        change = "SET execution = :successor, predecessor = :me"
        placeholders = seen(claim) | values(successor=successor)
        return self._table.update(Update(pk, change, AS_SEEN, placeholders))

    def end(self, claim: Claim, how: State, at: str, expires: int, as_seen: bool = False) -> bool:
        """End a job and free its slot or its place in line; False where it is not its any more."""

        def ended(old: Claim | None) -> Update | None:
            if old is None or old.ended_at or old.execution != claim.execution:
                return None
            if as_seen and (old.since, old.token) != (claim.since, claim.token):
                return None
            change = f"{ENDED} REMOVE queue, #token, firstFailedAt, predecessor, deadAt"
            return Update(claim.pk, change, "", ending(how, at, expires))

        return leave(self._table, claim, ended, passes=True)

    def tombstones(self, deaths: Sequence[str]) -> dict[str, str]:
        """Which of these deaths were dealt with, and how; a hundred a call."""
        items = self._table.get_batch([DEAD + death for death in deaths])
        return {item["pk"]["S"].removeprefix(DEAD): item["how"]["S"] for item in items}

    def put_tombstone(self, death: str, how: str, expires: int) -> None:
        """Remember until then (seconds since 1970) that this death was dealt with."""
        placeholders = values(how=how, expires=expires)
        self._table.changed(
            Update(DEAD + death, "SET how = :how, expiresAt = :expires", "", placeholders)
        )


def _one_more_in_line(claim: Claim) -> Update:
    return Update(
        SLOTS + claim.task,
        "ADD waiting :one",
        "attribute_not_exists(owners.#me)",
        values(one=1),
        {"#me": claim.pk},
    )
