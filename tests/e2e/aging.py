"""Time that passes for an execution on the local AWS, and for nothing else."""

from typing import Any

from respool.local.deployment import Deployment

CALL = "before-call.sfn.StopExecution"
TOO_OLD = 15
"""Days after which Step Functions redrives no execution."""


def let_days_pass(stage: Deployment, execution: str, days: int = TOO_OLD) -> None:
    """Let it have ended so many days earlier."""
    client = stage.client("stepfunctions")

    def renamed(params: dict[str, Any], **_: Any) -> None:
        params["headers"]["X-Amz-Target"] = "AWSStepFunctions.LetDaysPass"

    client.meta.events.register(CALL, renamed)
    try:
        client.stop_execution(executionArn=execution, cause=str(days))
    finally:
        client.meta.events.unregister(CALL, renamed)
