"""What the reprocess Lambda does with each event that it is called with."""

from collections.abc import Callable
from typing import Any

from chalicelib.engines import Engines
from chalicelib.errors import BadRequest
from chalicelib.moments import read
from chalicelib.replaying.requests import read_event


def take(engines: Engines, event: Any, left: Callable[[], float]) -> dict[str, Any]:
    """Replay, sweep, tick or settle a batch. `left` is how many seconds there still are.

    Raises BadRequest for what is none of these.
    """
    if not isinstance(event, dict):
        raise BadRequest(f"reprocess takes a JSON object, not {type(event).__name__}")
    if "Records" in event:
        return engines.take_batch(event, left())
    if event.get("sweep") is True:
        return engines.sweep.run(left()).as_json()
    if event.get("ramp") is True:
        return engines.tick(left(), read(str(event.get("at", ""))))
    request, attended = read_event(event)
    return engines.replay(request, left(), attended).as_json()
