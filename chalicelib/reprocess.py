"""What the reprocess Lambda does with each event that it is called with, unattended."""

from collections.abc import Callable
from typing import Any

from chalicelib.engines import Engines
from chalicelib.errors import BadRequest
from chalicelib.replaying.requests import read_unattended

UNATTENDED = "unattended"
"""What schedules add to their events; whoever else calls is taken for one all the same."""


def take(engines: Engines, event: Any, left: Callable[[], float]) -> dict[str, Any]:
    """Replay, sweep, tick or settle a batch. `left` is how many seconds there still are.

    Raises BadRequest for what is none of these.
    """
    if not isinstance(event, dict):
        raise BadRequest(f"reprocess takes a JSON object, not {type(event).__name__}")
    if "Records" in event:
        return engines.take_batch(event, left())
    asked = {name: value for name, value in event.items() if name != UNATTENDED}
    if asked.get("sweep") is True:
        return engines.sweep.run(left()).as_json()
    if asked.get("ramp") is True:
        return engines.tick(left())
    result = engines.replay(read_unattended(asked), left()).as_json()
    engines.sweep.run(left())
    return result
