"""What is written into a claim, and what must hold then."""

from dataclasses import replace

from chalicelib.aws.items import Item, in_index, values
from chalicelib.aws.leaving import waits
from chalicelib.aws.table import Update
from chalicelib.job.claim import Claim, State

MINE = "execution = :me AND attribute_not_exists(endedAt)"
"""The claim is this execution's, and has not ended for good."""
AS_SEEN = f"{MINE} AND since = :seen AND deadAt = :dead"
"""The claim stands as it was seen, and its execution is dead."""
FREE = "attribute_not_exists(pk) OR attribute_exists(endedAt)"
"""Nobody has the key."""
ENDED = "SET endedAt = :ended, how = :how, expiresAt = :expires"


def kept(old: Claim, new: Claim) -> Claim:
    """The new claim with what an execution's own late write may have put into the old one."""
    return replace(
        new,
        attempt=max(old.attempt, new.attempt),
        first_failed_at=old.first_failed_at or new.first_failed_at,
        claimed_at=old.claimed_at or new.claimed_at,
        predecessor=old.predecessor or new.predecessor,
        entered_at=old.entered_at if old.state is State.RUNNING else "",
    )


def ending(how: State, at: str, expires: int) -> dict[str, Item]:
    """The values of ENDED; `expires` is seconds since 1970."""
    return values(ended=at, how=how.value, expires=expires)


def seen(claim: Claim) -> dict[str, Item]:
    """The values of AS_SEEN: whoever saw the claim earlier, or later, is refused."""
    return values(me=claim.execution, seen=claim.since, dead=claim.dead_at)


def whole(claim: Claim, at: str) -> Update:
    """Everything that a dead job's claim says."""
    state = claim.state if in_index(claim) else State.PARKED
    placeholders = waits(claim, state, at) | values(
        execution=claim.execution,
        task=claim.task,
        order=claim.order or f"{at}#{claim.key[:200]}",
        attempt=claim.attempt,
        failed=claim.failed_at,
        first=claim.first_failed_at or claim.failed_at,
        error=claim.error,
        cause=claim.cause,
        noted="yes" if claim.noted_at else "no",
        claimed=claim.claimed_at,
        dead=claim.dead_at,
    )
    change = (
        "SET #state = :state, queue = :queue, since = :since, execution = :execution,"
        " task = :task, #order = :order, attempt = :attempt, failedAt = :failed,"
        " firstFailedAt = :first, #error = :error, cause = :cause, noted = :noted,"
        " claimedAt = :claimed, deadAt = :dead"
    )
    removals = ["#token", "endedAt", "how", "expiresAt"]
    kept_texts = {
        "notedAt": claim.noted_at,
        "predecessor": claim.predecessor,
        "enteredAt": claim.entered_at,
        "watched": "yes" if claim.watched else "",
        "failState": claim.dead_at if claim.fail_state else "",  # of no other death
    }
    for name, text in kept_texts.items():
        if text:
            change += f", {name} = :{name}"
            placeholders |= values(**{name: text})
        else:
            removals.append(name)
    return Update(claim.pk, f"{change} REMOVE {', '.join(removals)}", "", placeholders)
