"""Step Functions in memory and the adapter on the local AWS keep the same promises.

The local AWS, unlike moto, runs executions and gives out tokens; what it lacks, Redrive, is held
by test_adapters.py with the SDK's own stubs.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

import pytest

from chalicelib.aws.step_functions import StepFunctions
from chalicelib.errors import AlreadyStarted, AwsError, NotFound, RedriveRefused, TokenRefused
from chalicelib.job.execution import Status
from chalicelib.job.ports import Workflow
from chalicelib.job.record import decode
from tests.fakes.stage import FakeStage
from tests.integration.local_machines import LocalMachines, local_machines

WAITS, FAILS = '{"key": "12345"}', '{"key": {}}'


class Side(Protocol):
    """A state machine whose executions wait in ErrorSpool, or fail in BadInput."""

    @property
    def workflow(self) -> Workflow:
        """What is held to the contract."""

    def token(self) -> str:
        """The token of the execution that was started last, once it waits."""

    def ended(self, execution: str) -> None:
        """Let it run to its end."""


@dataclass
class OnFakes:
    stage: FakeStage = field(default_factory=FakeStage)

    def __post_init__(self) -> None:
        self.stage.service.broken = True

    @property
    def workflow(self) -> Workflow:
        return self.stage.process().workflow

    def token(self) -> str:
        self.stage.machine.run()
        return decode(self.stage.spool.bodies[-1]).token

    def ended(self, execution: str) -> None:
        self.stage.service.broken = False
        self.stage.machine.run()
        assert self.stage.executions.describe(execution).status is not Status.RUNNING


@dataclass
class OnLocalAws:
    local: LocalMachines
    queue: str
    workflow: StepFunctions

    def token(self) -> str:
        return str(self.local.next_message(self.queue)["token"])

    def ended(self, execution: str) -> None:
        self.local.ended(execution)


def states(queue: str) -> dict[str, dict[str, Any]]:
    """As much of the way of a job as the contract is about."""
    bad = {"Condition": "{% $type($states.input.key) = 'object' %}", "Next": "BadInput"}
    return {
        "Which": {"Type": "Choice", "Choices": [bad], "Default": "ErrorSpool"},
        "BadInput": {"Type": "Fail", "Error": "BadInput", "Cause": "no key"},
        "ErrorSpool": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Arguments": {
                "QueueUrl": queue,
                "MessageBody": {"token": "{% $states.context.Task.Token %}"},
            },
            "End": True,
        },
    }


@pytest.fixture(scope="module")
def local() -> Iterator[LocalMachines]:
    with local_machines() as machines:
        yield machines


@pytest.fixture(params=["fakes", "local AWS"])
def side(request: pytest.FixtureRequest) -> Side:
    if request.param == "fakes":
        return OnFakes()
    local, name = request.getfixturevalue("local"), f"contract-{uuid4()}"
    queue = local.queue(name)
    machine = local.machine(name, **states(queue))
    return OnLocalAws(local, queue, StepFunctions(local.client("stepfunctions"), machine))


def resume(side: Side, token: str) -> str:
    try:
        side.workflow.resume(token)
    except TokenRefused:
        return "refused"
    return "taken"


def test_an_execution_has_the_arn_that_its_name_tells(side: Side) -> None:
    assert side.workflow.start("one", WAITS) == side.workflow.arn("one")


def test_an_execution_is_described_with_its_input_to_the_letter(side: Side) -> None:
    execution = side.workflow.start("one", '{"key":  "\u3042", "n": 1.0}')
    found = side.workflow.describe(execution)
    assert (found.arn, found.status) == (execution, Status.RUNNING)
    assert found.input == '{"key":  "\u3042", "n": 1.0}'
    assert found.started_at is not None
    assert (found.stopped_at, found.redrives, found.redrivable) == (None, 0, False)


def test_an_execution_that_nobody_started_is_missing(side: Side) -> None:
    assert side.workflow.describe(side.workflow.arn("nobody")).status is Status.MISSING


def test_a_running_name_with_the_same_input_is_that_execution(side: Side) -> None:
    execution = side.workflow.start("one", WAITS)
    side.token()
    assert side.workflow.start("one", WAITS) == execution
    assert list(side.workflow.list(Status.RUNNING)) == [execution]


def test_a_running_name_with_another_input_is_refused(side: Side) -> None:
    side.workflow.start("one", WAITS)
    side.token()
    with pytest.raises(AlreadyStarted):
        side.workflow.start("one", '{"key": "another"}')


def test_the_name_of_a_closed_execution_is_refused_with_the_same_input_too(side: Side) -> None:
    execution = side.workflow.start("one", FAILS)
    side.ended(execution)
    with pytest.raises(AlreadyStarted):
        side.workflow.start("one", FAILS)


def test_an_input_over_the_limit_starts_nothing(side: Side) -> None:
    with pytest.raises(AwsError):
        side.workflow.start("one", f'"{"x" * 262_143}"')
    assert side.workflow.describe(side.workflow.arn("one")).status is Status.MISSING


def test_a_token_is_taken_once(side: Side) -> None:
    execution = side.workflow.start("one", WAITS)
    token = side.token()
    assert [resume(side, token) for _ in range(2)] == ["taken", "refused"]
    side.ended(execution)
    assert side.workflow.describe(execution).status is Status.SUCCEEDED
    assert resume(side, token) == "refused"


def test_of_many_who_use_a_token_at_once_one_succeeds(side: Side) -> None:
    side.workflow.start("one", WAITS)
    token = side.token()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: resume(side, token), range(8)))
    assert sorted(answers) == ["refused"] * 7 + ["taken"]


def test_the_token_of_a_stopped_execution_is_refused(side: Side) -> None:
    execution = side.workflow.start("one", WAITS)
    token = side.token()
    side.workflow.stop(execution, "GivenUp", "by hand")
    assert resume(side, token) == "refused"


def test_a_token_that_was_never_given_out_is_refused(side: Side) -> None:
    assert resume(side, "no such token") == "refused"


def test_a_stopped_execution_says_why_and_stopping_again_changes_nothing(side: Side) -> None:
    execution = side.workflow.start("one", WAITS)
    side.token()
    side.workflow.stop(execution, "GivenUp", "by hand")
    side.workflow.stop(execution, "Other", "again")
    found = side.workflow.describe(execution)
    assert (found.status, found.error, found.cause) == (Status.ABORTED, "GivenUp", "by hand")
    assert found.stopped_at is not None


def test_stopping_what_nobody_started_is_not_found(side: Side) -> None:
    with pytest.raises(NotFound):
        side.workflow.stop(side.workflow.arn("nobody"), "GivenUp", "")


def test_executions_are_listed_by_status(side: Side) -> None:
    waiting = []
    for key in ("1", "2"):
        waiting.append(side.workflow.start(f"job-{key}", f'{{"key": "{key}"}}'))
        side.token()
    stopped = side.workflow.start("stopped", WAITS)
    side.token()
    side.workflow.stop(stopped, "Aborted", "by hand")
    assert set(side.workflow.list(Status.RUNNING)) == set(waiting)
    assert list(side.workflow.list(Status.ABORTED)) == [stopped]
    assert list(side.workflow.list(Status.TIMED_OUT)) == []


def test_the_end_of_a_history_tells_a_fail_state(side: Side) -> None:
    execution = side.workflow.start("one", FAILS)
    side.ended(execution)
    found, tail = side.workflow.describe(execution), side.workflow.tail(execution)
    assert (found.status, found.error) == (Status.FAILED, "BadInput")
    assert (tail.state, tail.in_fail_state) == ("BadInput", True)
    assert 0 < tail.events < 20


def test_the_end_of_a_history_tells_the_state_in_which_it_was_stopped(side: Side) -> None:
    execution = side.workflow.start("one", WAITS)
    side.token()
    side.workflow.stop(execution, "Aborted", "by hand")
    tail = side.workflow.tail(execution)
    assert (tail.state, tail.in_fail_state) == ("ErrorSpool", False)


def test_the_history_of_what_nobody_started_is_not_found(side: Side) -> None:
    with pytest.raises(NotFound):
        side.workflow.tail(side.workflow.arn("nobody"))


def test_what_runs_is_not_redriven(side: Side) -> None:
    execution = side.workflow.start("one", WAITS)
    side.token()
    with pytest.raises(RedriveRefused):
        side.workflow.redrive(execution)


def test_a_name_that_step_functions_does_not_take_is_refused_in_memory() -> None:
    for name in ("n" * 81, "with space", "a/b"):
        with pytest.raises(AwsError):
            OnFakes().workflow.start(name, WAITS)
