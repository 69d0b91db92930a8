"""The claims on DynamoDB: `job#<key>`, and `dead#<execution>#<redrives>` for each death."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalicelib.aws.claim_reads import ClaimReads
from chalicelib.aws.claim_writes import ClaimWrites
from chalicelib.aws.table import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoClaims(ClaimReads, ClaimWrites):
    """Who owns which key, and how its job stands."""

    def __init__(self, client: "DynamoDBClient", table: str, **timing: Callable[..., Any]) -> None:
        """`timing`: how the table waits between two tries, for tests (see Table)."""
        super().__init__(Table(client, table, **timing))
