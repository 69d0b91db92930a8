"""The time zones that EventBridge Scheduler knows."""

import zoneinfo
from collections.abc import Iterator


def zone_findings(setting: str, zone: str) -> Iterator[str]:
    """Whether this machine's zone data has that zone; says nothing where it has no data at all."""
    zones = zoneinfo.available_timezones()
    if zones and zone not in zones:
        near = sorted(one for one in zones if zone.rpartition("/")[2].lower() in one.lower())
        meant = f" Did you mean {near[0]}?" if near and zone else ""
        yield f"{setting}={zone!r}: there is no such IANA time zone.{meant}"
