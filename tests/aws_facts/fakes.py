"""The same of the fakes, and of the deploy's own checks, where they have the notion."""

from typing import Any

import pytest

from chalicelib.errors import AlreadyStarted, TokenRefused
from chalicelib.job.execution import Status
from respool.deploy.checks.expressions import findings
from tests.aws_facts.fact import on_fakes
from tests.fakes.stage import FakeStage
from tests.unit.fake_cloudformation import FakeCloudFormation

JOB = '{"key": "a"}'
FLOCI = "floci-io/floci, issues #2668 to #2786, 2026"


def _parked() -> tuple[FakeStage, str]:
    """A stage with a parked job, and its execution."""
    stage = FakeStage()
    stage.service.broken = True
    arn = stage.executions.start("one", JOB)
    stage.machine.run()
    return stage, arn


def _odd(expression: str) -> list[str]:
    return list(findings("Odd", {"Type": "Pass", "Output": expression, "End": True}, set()))


@on_fakes("start-running-again")
def _running() -> None:
    workflow = FakeStage().process().workflow
    assert workflow.start("one", JOB) == workflow.start("one", JOB)


@on_fakes("start-taken-name")
def _taken() -> None:
    stage = FakeStage()
    workflow = stage.process().workflow
    workflow.start("one", JOB)
    with pytest.raises(AlreadyStarted):
        workflow.start("one", '{"key": "b"}')
    stage.machine.run()
    with pytest.raises(AlreadyStarted):
        workflow.start("one", JOB)


@on_fakes("stop-is-final")
def _stopped() -> None:
    stage, arn = _parked()
    workflow = stage.process().workflow
    workflow.stop(arn, "Stopped", "by hand")
    workflow.stop(arn, "Again", "")
    found = workflow.describe(arn)
    assert (found.status, found.error, found.cause) == (Status.ABORTED, "Stopped", "by hand")


@on_fakes("token-works-once")
def _once() -> None:
    stage, _ = _parked()
    workflow, token = stage.process().workflow, stage.claims["job#a"].token
    workflow.resume(token)
    with pytest.raises(TokenRefused, match="TaskTimedOut"):
        workflow.resume(token)


@on_fakes("token-is-the-attempts")
def _attempts() -> None:
    stage, _ = _parked()
    before = stage.claims["job#a"].token
    stage.process().workflow.resume(before)
    stage.machine.run()
    assert stage.claims["job#a"].token not in ("", before)
    with pytest.raises(TokenRefused, match="TaskTimedOut"):
        stage.process().workflow.resume(before)


@on_fakes("token-ends-with-its-execution")
def _ended() -> None:
    stage, arn = _parked()
    stage.process().workflow.stop(arn, "", "")
    with pytest.raises(TokenRefused, match="TaskTimedOut"):
        stage.process().workflow.resume(stage.claims["job#a"].token)


@on_fakes("token-unknown")
def _unknown() -> None:
    with pytest.raises(TokenRefused, match="InvalidToken"):
        FakeStage().process().workflow.resume("no token")


@on_fakes("sent-failure-is-the-error")
def _failure() -> None:
    stage, arn = _parked()
    stage.process().workflow.fail(stage.claims["job#a"].token, "GivenUp", "nobody wants it")
    stage.machine.run()
    found = stage.executions.describe(arn)
    assert (found.error, found.cause) == ("GivenUp", "nobody wants it")


@on_fakes("deleted-after-its-time")
def _late() -> None:
    spool = FakeStage().process().spool
    spool.send(JOB)
    (message,) = spool.receive(1, 1)
    spool.delete([message])
    assert spool.depth() == 0


@on_fakes("cancelled-transaction-tells-its-reasons")
def _transaction() -> None:
    stage, _ = _parked()
    before = stage.table.copy_items()
    second = stage.executions.start("two", JOB)  # the key is another execution's
    stage.machine.run()
    assert stage.executions.describe(second).error == "AlreadyRunning"
    assert stage.table.copy_items() == before


@on_fakes(
    "describe-lags",
    "DescribeExecution may show an execution as it was some time ago.",
    "docs.aws.amazon.com/step-functions, DescribeExecution",
    "documented",
)
def _lag() -> None:
    stage, arn = _parked()
    stage.executions.lag()
    stage.executions.stop(arn, "Stopped", "")
    assert stage.process().workflow.describe(arn).status is Status.RUNNING
    stage.executions.catch_up()
    assert stage.process().workflow.describe(arn).status is Status.ABORTED


@on_fakes(
    "stack-status-lags",
    "DescribeStacks may answer with the earlier status after ExecuteChangeSet and DeleteStack.",
    "aws/aws-cdk-cli, issues #1802 and #1848",
    "measured",
)
def _stack() -> None:
    stacks = FakeCloudFormation("CREATE_COMPLETE", stale=2)
    stacks.delete_stack(StackName=stacks.stack_id, ClientRequestToken="ours")

    def status() -> Any:
        return stacks.describe_stacks(stacks.stack_id)["Stacks"][0]["StackStatus"]

    assert [status(), status()] == ["CREATE_COMPLETE"] * 2


@on_fakes(
    "odd-definitions-are-refused",
    "A machine is refused for a bare name at an expression's top level, for $$, and for"
    " $states.errorOutput outside a Catch.",
    FLOCI,
    "measured",
)
def _odd_names() -> None:
    for expression in ("{% key %}", "{% $$.key %}", "{% $states.errorOutput.Error %}"):
        assert _odd(expression), expression
    assert not _odd("{% $states.input.key %}")


@on_fakes(
    "deep-expressions-are-refused",
    "An expression that is nested deeper than some hundred levels is refused.",
    FLOCI,
    "measured",
)
def _deep() -> None:
    assert _odd("{% " + "(" * 150 + "1" + ")" * 150 + " %}")
    assert not _odd("{% " + "(" * 20 + "1" + ")" * 20 + " %}")
