"""The trigger: the event-source mapping from the spool to the reprocess Lambda."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.aws.calling import calling
from chalicelib.aws.items import values
from chalicelib.aws.table import Table, Update
from chalicelib.errors import NotFound
from chalicelib.job.ports import Switched

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

NOTE = "trigger"


class SpoolMapping:
    """Looks the mapping up by the queue and the function that it joins."""

    def __init__(self, client: "LambdaClient", function: str, queue: str, table: Table) -> None:
        self._client = client
        self._function = function
        self._queue = queue
        self._table = table

    def state(self) -> str:
        """`enabled`, `disabled`, on the way there `enabling` or `disabling`, or `missing`."""
        mapping = self._find()
        return str(mapping["State"]).lower() if mapping else "missing"

    def switch(self, enabled: bool) -> str:
        """Let SQS call the function, or no longer; returns the state. Raises NotFound."""
        mapping = self._find()
        if mapping is None:
            raise NotFound(f"no trigger joins {self._queue} and {self._function}: deploy again")
        with calling("UpdateEventSourceMapping", self._queue):
            answer = self._client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)
        return str(answer["State"]).lower()

    def note(self, switched: Switched) -> None:
        """Write down who switched it last; the mapping itself has no place for that."""
        self._table.update(
            Update(
                NOTE,
                "SET enabled = :enabled, changedBy = :by, changedWhy = :why, changedAt = :at",
                values=values(
                    enabled="yes" if switched.enabled else "no",
                    by=switched.by,
                    why=switched.why,
                    at=switched.at,
                ),
            )
        )

    def switched(self) -> Switched | None:
        """Who switched it last, as far as it was written down."""
        item = self._table.get(NOTE)
        if item is None:
            return None
        by, why, at = (str(item[f"changed{name}"]["S"]) for name in ("By", "Why", "At"))
        return Switched(item["enabled"]["S"] == "yes", by, why, at)

    def _find(self) -> Mapping[str, Any] | None:
        with calling("ListEventSourceMappings", self._function):
            answer = self._client.list_event_source_mappings(FunctionName=self._function)
        mappings = answer["EventSourceMappings"]
        own = (each for each in mappings if each["EventSourceArn"].endswith(f":{self._queue}"))
        return next(own, None)
