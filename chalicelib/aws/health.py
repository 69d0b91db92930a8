"""Asks the downstream service's own health check, over HTTP or by a Lambda of yours."""

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

PATIENCE = 5
"""Seconds that an answer may take."""


class _Still(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: only what HEALTH_URL names is asked."""

    def redirect_request(self, *_: object) -> None:
        """Leave the answer as it is."""


def is_well(url: str) -> bool:
    """Whether the address answers with success (200 to 299) in time; whatever else is a no."""
    asker = urllib.request.build_opener(_Still)
    try:
        with asker.open(url, timeout=PATIENCE) as answer:
            return 200 <= int(answer.status) < 300
    except (OSError, ValueError):  # refused, too late, an error's status, no HTTP at all
        return False


def function_is_well(client: "LambdaClient", arn: str) -> bool:
    """Whether the Lambda returns in time, without an error and without saying no.

    It says no by `false`, or by a `statusCode` that is not a success. `client` waits no longer than
    PATIENCE and asks once.
    """
    try:
        answer = client.invoke(FunctionName=arn, Payload=b"{}")
        result = json.loads(answer["Payload"].read() or b"null")
    except (BotoCoreError, ClientError, OSError, ValueError):
        return False
    if answer.get("FunctionError") or result is False:
        return False
    status = result.get("statusCode", 200) if isinstance(result, dict) else 200
    return isinstance(status, int) and 200 <= status < 300
