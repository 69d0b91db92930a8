"""The claims on DynamoDB: `job#<key>`, and `dead#<execution>#<redrives>` for each death."""

from collections.abc import Callable
from typing import Any

from chalicelib.aws.claim_reads import ClaimReads
from chalicelib.aws.claim_writes import ClaimWrites
from chalicelib.aws.table import Table


class DynamoClaims(ClaimReads, ClaimWrites):
    """Who owns which key, and how its job stands."""

    def __init__(self, client: Any, table: str, **timing: Callable[..., Any]) -> None:
        """`timing`: how the table waits between two tries, for tests (see Table)."""
        super().__init__(Table(client, table, **timing))
