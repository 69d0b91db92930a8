"""How often the ramp calls a service that is down, at most; tests hold the ramp to it."""

from math import log2

from chalicelib.gate.ramp.decide import Policy


def most_probes(outage: float, policy: Policy) -> int:
    """Probes, of one job each, within that many seconds of an outage.

    The wait doubles from RAMP_INTERVAL to RAMP_MAX_INTERVAL, less the twentieth of an interval
    by which a tick may come early. The step that was out when the outage began is not a probe.
    """
    doublings = log2(policy.longest / policy.interval)
    return int(2 + doublings + outage / (policy.longest - policy.interval / 20))
