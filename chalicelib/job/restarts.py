"""The name of a restart's execution: it tells the job's first start and its failures. Pure."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chalicelib.job.claim import Claim
from chalicelib.job.deaths import death
from chalicelib.limits import NAME
from chalicelib.moments import iso, read

_DIGEST = 15
_FORM = re.compile(r"-respool-([0-9]{13})-([0-9]{1,7})-[0-9a-f]{15}$")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Origin:
    """What a restart's name tells: when the job's first execution started, and its failures."""

    started_at: str
    attempt: int


def restart_name(claim: Claim, redrives: int = 0) -> str:
    """The name under which a dead job starts again: the same however often it is derived.

    It follows from the death and the claim. ClaimJob reads start and attempt out of it.
    """
    started = read(claim.started_at) or read(claim.claimed_at) or _EPOCH
    millis = (started - _EPOCH) // timedelta(milliseconds=1)
    digest = _digest(death(claim.execution, redrives))
    tail = f"-respool-{millis:013}-{claim.attempt}-{digest}"
    stem = _FORM.sub("", claim.execution.rpartition(":")[2]) or "job"
    return stem[: NAME - len(tail)] + tail


def start_name(message_id: str) -> str:
    """The name under which a job starts that only a message knows: one name for one message."""
    return f"respool-{_digest(message_id)}"


def read_restart_name(name: str) -> Origin | None:
    """Start and attempt out of a restart's name, as ClaimJob reads them; None for other names."""
    match = _FORM.search(name)
    if match is None:
        return None
    started = _EPOCH + timedelta(milliseconds=int(match[1]))
    return Origin(iso(started), int(match[2]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
