"""The claims table as the stack makes it, for tests on moto and the like."""

import json
from pathlib import Path
from typing import Any

_SPOOL = Path(__file__).resolve().parents[1] / ".chalice" / "stack" / "spool.json"
_GIVEN = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


def create_claims(client: Any, name: str) -> None:
    """Make the table under that name, with its index and its stream."""
    table = json.loads(_SPOOL.read_text())["Resources"]["Claims"]["Properties"]
    stream = {**table["StreamSpecification"], "StreamEnabled": True}
    asked = {one: table[one] for one in _GIVEN}
    client.create_table(TableName=name, StreamSpecification=stream, **asked)
