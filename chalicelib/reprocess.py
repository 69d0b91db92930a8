"""What the reprocess Lambda does with each event that it is called with."""

from collections.abc import Callable
from typing import Any

from chalicelib.engines import Engines
from chalicelib.errors import BadRequest
from chalicelib.job.replay import Kind
from chalicelib.moments import read
from chalicelib.replaying.keeping import Provenance
from chalicelib.replaying.requests import UNATTENDED, read_event, shown


def take(engines: Engines, event: Any, seconds_left: Callable[[], float]) -> dict[str, Any]:
    """Replay, carry a replay on, sweep, tick or settle a batch, in the seconds that are left.

    Raises BadRequest for what is none of these.
    """
    if not isinstance(event, dict):
        raise BadRequest(f"reprocess takes a JSON object, not {type(event).__name__}")
    if "Records" in event:
        return engines.take_batch(event, seconds_left())
    if event.get("sweep") is True:
        return engines.sweep.run(seconds_left()).as_json()
    if event.get("ramp") is True:
        return engines.tick(seconds_left(), read(str(event.get("at", ""))))
    if "replay" in event:
        return engines.keeping.carry_on(_id(event), seconds_left())
    return _replay(engines, event, seconds_left())


def _replay(engines: Engines, event: dict[str, Any], seconds: float) -> dict[str, Any]:
    request, attended = read_event(event)
    if request.dry_run:
        return engines.replay(request, seconds, attended).as_json()
    fields = {name: value for name, value in event.items() if name not in (UNATTENDED, "reason")}
    kind, by = (Kind.PRESS, "reprocess") if attended else (Kind.SCHEDULE, "schedule")
    report, replay = engines.put_back(
        request, seconds, Provenance(kind, by, request.reason, fields)
    )
    return report.as_json() | ({"id": replay.id} if replay.version else {})


def _id(event: dict[str, Any]) -> str:
    id = event["replay"]
    if set(event) != {"replay"} or not isinstance(id, str) or not id:
        raise BadRequest(f'{shown(event)!r} must be {{"replay": ID}}, with the id of a replay')
    return id
