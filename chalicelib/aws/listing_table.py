"""Since when a stage serves which other state machines: one item, `stage#machines`."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.items import values
from chalicelib.aws.table import Table, Update
from chalicelib.moments import iso, read

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MACHINES = "stage#machines"


class DynamoListing:
    """The machines that MACHINES names, on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str, **timing: Any) -> None:
        self._table = Table(client, table, **timing)

    def since(self, machines: Sequence[str], now: datetime) -> dict[str, datetime]:
        """Since when each is listed: one that was not is from now on; any other is forgotten.

        Of two who write at once the first one counts; the other tells what it would have written.
        """
        item = self._table.get(MACHINES)
        was = dict(item["listed"]["M"]) if item else {}
        earlier = {name: str(was[name]["S"]) for name in machines if name in was}
        times = {name: earlier.get(name, iso(now)) for name in machines}
        if times.keys() != was.keys():
            condition = "listed = :was" if item else "attribute_not_exists(pk)"
            placeholders = values(listed=times) | ({":was": {"M": was}} if item else {})
            self._table.update(Update(MACHINES, "SET listed = :listed", condition, placeholders))
        return {name: read(at) or now for name, at in times.items()}
