"""The metrics that respool counts, by the names that alarms and dashboard use."""

NAMESPACE = "respool"

SPOOLED = "JobsSpooled"
RESUMED = "JobsResumed"
RESTARTED = "JobsRestarted"
STALE = "JobsStale"
STUCK = "JobsStuck"
NOT_REPLAYED = "JobsNotReplayed"
UNREADABLE = "MessagesUnreadable"
THROTTLED = "CallsThrottled"
CAUGHT = "DeathsCaught"
SWEPT = "RepairsSwept"
NEAR_YEAR = "JobsNearTheYear"
UNCLAIMED = "JobsWithoutClaim"
UNADOPTED = "TasksNotAdopted"
GIVEN_UP = "JobsGivenUp"
ADMITTED = "JobsAdmitted"
"""Jobs in line that were given a slot."""
REFUSED = "SweepsRefused"
"""Steps of a sweep that AWS refused."""
CALLERS_REFUSED = "CallersRefused"
"""Calls of the API with a token that is nobody's; API Gateway remembers a no for 45 seconds."""
WAITED = "SecondsToReplay"
"""Seconds from a job's first failure until a replay let it go on."""

PARKED_NOW = "JobsParked"
LINE_NOW = "JobsInLine"
STUCK_NOW = "JobsStuckNow"
UNUSABLE_NOW = "MessagesUnusable"
"""Messages on the stuck queue, about; no claim tells of them."""
BLOCKED_NOW = "LinesBlocked"
"""Tasks with a free slot for somebody in line, whom nobody has let in, and those of CLOSED_NOW."""

CLOSED_NOW = "GatesClosedNow"
"""Tasks whose gate failures, the ramp or the service's own word keep closed."""

GATE_CLOSED = "GatesClosed"
GATE_OPENED = "GatesOpened"

RAMP_STEP = "RampStep"
"""How many jobs a tick of the ramp let go on."""
RAMP_PROBES = "RampProbes"
RAMP_HEALTHY = "RampHealthy"
RAMP_ALONE = "RampAlone"
RAMP_REFUSED = "RampRefused"
MESSAGES_NOT_SENT = "MessagesNotSent"

SECONDS = frozenset({WAITED})
"""Metrics in seconds; the others are counts."""

ALL = (
    SPOOLED,
    RESUMED,
    RESTARTED,
    STALE,
    STUCK,
    NOT_REPLAYED,
    UNREADABLE,
    THROTTLED,
    CAUGHT,
    SWEPT,
    NEAR_YEAR,
    UNCLAIMED,
    UNADOPTED,
    GIVEN_UP,
    ADMITTED,
    REFUSED,
    CALLERS_REFUSED,
    WAITED,
    PARKED_NOW,
    LINE_NOW,
    STUCK_NOW,
    UNUSABLE_NOW,
    BLOCKED_NOW,
    CLOSED_NOW,
    GATE_CLOSED,
    GATE_OPENED,
    RAMP_STEP,
    RAMP_PROBES,
    RAMP_HEALTHY,
    RAMP_ALONE,
    RAMP_REFUSED,
    MESSAGES_NOT_SENT,
)
