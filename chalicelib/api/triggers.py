"""The trigger on the spool, as people see it: whether it is enabled, and who said so."""

from collections.abc import Mapping
from typing import Any

from chalicelib.api.audit import audited
from chalicelib.api.stage import Stage
from chalicelib.errors import BadRequest
from chalicelib.job.ports import Switched
from chalicelib.moments import iso
from chalicelib.replaying.requests import only, read_text, shown


def set_trigger(stage: Stage, fields: Mapping[str, Any], who: str) -> dict[str, Any]:
    """Enable the trigger, or disable it; says how it stands. Raises BadRequest and NotFound."""
    only(fields, ("enabled", "reason"))
    reason = read_text(fields, "reason")
    enabled = _enabled(fields)
    mapping = stage.engines.world.mapping
    at = iso(stage.engines.clock.now())
    with audited(stage, who, "enable-trigger" if enabled else "disable-trigger", reason) as line:
        state = mapping.switch(enabled)
        line["count"] = 1
        mapping.note(Switched(enabled, who, reason, at))
    return {"trigger": state, "trigger_by": who, "trigger_why": reason, "trigger_at": at}


def _enabled(fields: Mapping[str, Any]) -> bool:
    value = fields.get("enabled")
    if value is True or value == "true":
        return True
    if value is False or value == "false":
        return False
    raise BadRequest(f"enabled={shown(value)} must be true or false")
