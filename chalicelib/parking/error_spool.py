"""Parks jobs: what the spool Lambda does with whatever it is called with."""

from dataclasses import dataclass
from typing import Any

from chalicelib import metrics
from chalicelib.errors import BadRequest
from chalicelib.job.key import key_in
from chalicelib.job.ports import Spool, Telemetry, Workflow
from chalicelib.job.record import ABSENT, VERSION, Record, encode, parse, read, read_failure
from chalicelib.parking.rescue import Rescue

STATUS_CHANGE = "Step Functions Execution Status Change"


@dataclass(frozen=True)
class Spooling:
    """Takes the state machine's payload, a status-change event, or a plain key with its error.

    It swallows no error: whoever called it calls again.
    """

    workflow: Workflow
    spool: Spool
    rescue: Rescue
    telemetry: Telemetry

    def take(self, event: Any) -> dict[str, str]:
        """Spool one job; says which, and how. Raises BadRequest for any other shape."""
        if not isinstance(event, dict):
            raise BadRequest(f"{SHAPES}, not {type(event).__name__}")
        if event.get("detail-type") == STATUS_CHANGE:
            return self._catch(event.get("detail"))
        if "respool" in event or ("token" in event and "error-info" not in event):
            return self._park(read({"respool": VERSION, **event}))
        if "key" in event:
            return self._spool(_plain(event))
        raise BadRequest(f"{SHAPES}, not an object with {len(event)} other fields")

    def _catch(self, detail: Any) -> dict[str, str]:
        execution = detail.get("executionArn") if isinstance(detail, dict) else None
        if not isinstance(execution, str) or not execution:
            raise BadRequest(f'{SHAPES}; this "{STATUS_CHANGE}" names no execution')
        return {"execution": execution, "result": self.rescue.catch(execution)}

    def _park(self, record: Record) -> dict[str, str]:
        """A parked job waits on its token; a large input comes by reference and is fetched."""
        if record.input is ABSENT:
            record = self._with_input(record)
        return self._spool(record)

    def _with_input(self, record: Record) -> Record:
        text = self.workflow.describe(record.execution).input
        try:
            return record.with_input(parse(text)) if text else record
        except (ValueError, RecursionError):
            return record  # a restart reads it, to the letter, off the execution

    def _spool(self, record: Record) -> dict[str, str]:
        self.spool.send(encode(record))
        self.telemetry.event(
            "job-spooled",
            key=record.key,
            execution=record.execution,
            task=record.task,
            attempt=record.attempt,
            error_name=record.error.name,
        )
        self.telemetry.metric(metrics.SPOOLED, task=record.task, error=record.error.name)
        return {"key": record.key, "result": "spooled"}


SHAPES = (
    "error_spool takes the state machine's payload (with a token), a"
    f' "{STATUS_CHANGE}" event, or {{"key": ..., "error-info": {{...}}}}'
)


def _plain(event: dict[str, Any]) -> Record:
    """An older state machine's call: everything but the error is the job's input."""
    job = {name: value for name, value in event.items() if name != "error-info"}
    error = read_failure(event.get("error-info"))
    return Record(key=key_in(job) or "", error=error, attempt=1, input=job)
