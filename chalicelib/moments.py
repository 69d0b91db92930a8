"""Times as text: ISO 8601, UTC, to the millisecond, so that comparing texts compares times."""

from datetime import UTC, datetime


def read(text: str) -> datetime | None:
    """A time with its zone, in UTC; one that names no zone is UTC. None where it is not a time."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def iso(moment: datetime) -> str:
    """`2026-11-26T00:39:22.123Z`, as Step Functions writes it too."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
