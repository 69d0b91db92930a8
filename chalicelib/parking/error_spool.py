"""The spool Lambda: sends a job's note to the spool, and hands deaths to the rescue.

It swallows no error: whoever called it calls again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from chalicelib import metrics
from chalicelib.errors import BadRequest, RespoolError, Unreadable
from chalicelib.job.execution import DEAD
from chalicelib.job.failure import read_failure
from chalicelib.job.json_text import compact
from chalicelib.job.ports import Spool, Telemetry, Workflow
from chalicelib.job.record import Record, encode, read, read_bare
from chalicelib.limits import PAYLOAD
from chalicelib.parking.note import with_input

STATUS_CHANGE = "Step Functions Execution Status Change"
ERROR = "error-info"
SHAPES = (
    "error_spool takes the state machine's payload (with respool), a"
    f' "{STATUS_CHANGE}" event, or {{"key": ..., "{ERROR}": {{...}}}}'
)


@dataclass(frozen=True)
class Spooling:
    """Takes the state machine's payload, a status-change event, or a plain key with its error.

    `rescue` deals with the end of an execution, `hear` with what a failure says of the service.
    """

    workflow: Workflow
    spool: Spool
    stuck: Spool
    rescue: Callable[[str, int | None], str]
    hear: Callable[[Any], None]
    telemetry: Telemetry

    def take(self, event: Any) -> dict[str, str]:
        """Send one job's note; says which, and what became of it.

        Raises BadRequest for any other shape, and Unreadable for a payload that is none.
        """
        if not isinstance(event, dict):
            raise BadRequest(f"{SHAPES}, not {type(event).__name__}")
        if event.get("detail-type") == STATUS_CHANGE:
            return self._catch(event.get("detail"))
        if "respool" in event:
            record = read(event)
            self._listen(event, record)
            return self._note(record)
        if "key" in event:
            return self._spool_plain(event)
        raise BadRequest(f"{SHAPES}, not an object with {len(event)} other fields")

    def _catch(self, detail: Any) -> dict[str, str]:
        execution = detail.get("executionArn") if isinstance(detail, dict) else None
        if not isinstance(execution, str) or not execution:
            raise BadRequest(f'{SHAPES}; this "{STATUS_CHANGE}" names no execution')
        return {"execution": execution, "result": self.rescue(execution, _redrives(detail))}

    def _listen(self, event: Any, record: Record) -> None:
        """Hear of a failure while the job still has its slot; no error here stops the note."""
        try:
            self.hear(event)
        except RespoolError as refused:
            self.telemetry.warning("word-not-heard", key=record.key, reason=str(refused))

    def _note(self, record: Record) -> dict[str, str]:
        """A parked job's note; its input is what the execution was started with, to the letter."""
        text = self.workflow.describe(record.execution).input
        self.spool.send(with_input(record, text))
        return self._tell(record, "spooled")

    def _spool_plain(self, event: dict[str, Any]) -> dict[str, str]:
        """An older state machine's call: all but the error is a job that only the queue knows.

        One that no execution could be started with goes to the stuck queue, whole: there it is
        seen and kept, and nobody is told that it was put back.
        """
        job = {name: value for name, value in event.items() if name != ERROR}
        try:
            record = _startable(job)
        except Unreadable as wrong:
            self.stuck.send(compact(event))
            self.telemetry.warning("message-stuck", key=_shown(event["key"]), reason=str(wrong))
            self.telemetry.metric(metrics.UNREADABLE)
            return {"key": _shown(event["key"]), "result": "stuck", "reason": str(wrong)}
        self.spool.send(encode(record))
        return self._tell(replace(record, error=read_failure(event.get(ERROR))), "spooled")

    def _tell(self, record: Record, result: str) -> dict[str, str]:
        self.telemetry.event(
            f"job-{result}",
            key=record.key,
            execution=record.execution,
            task=record.task,
            attempt=record.attempt,
            error_name=record.error.name,
        )
        self.telemetry.metric(metrics.SPOOLED, task=record.task)
        return {"key": record.key, "result": result}


def _redrives(detail: dict[str, Any]) -> int | None:
    """How often an execution had been redriven when it ended so; None where that is not told."""
    count = detail.get("redriveCount")
    is_end = isinstance(count, int) and not isinstance(count, bool) and detail.get("status") in DEAD
    return count if is_end else None


def _startable(job: dict[str, Any]) -> Record:
    """A job by its input alone. Raises Unreadable where Step Functions would not start it."""
    record = read_bare(job)
    if (size := len(compact(job).encode())) > PAYLOAD:
        raise Unreadable(f"it has {size:,} bytes, and an execution's input {PAYLOAD:,} at most")
    return record


def _shown(key: Any) -> str:
    """A key that is none, without what it may hold of a payload."""
    if isinstance(key, str):
        return key if len(key) <= 100 else f"{key[:100]}..."
    return f"({type(key).__name__})"
