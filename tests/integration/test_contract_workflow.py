"""Step Functions in memory and the local AWS, both with the real definition, promise the same.

The local AWS, unlike moto, runs executions, gives out tokens and redrives.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import pytest

from chalicelib.aws.claims_table import DynamoClaims
from chalicelib.aws.line_table import DynamoLine
from chalicelib.aws.step_functions import StepFunctions
from chalicelib.errors import AlreadyStarted, AwsError, NotFound, RedriveRefused, TokenRefused
from chalicelib.job.claim import Claim, State
from chalicelib.job.execution import Status
from chalicelib.job.ports import Workflow
from respool.local.waiting import wait_until
from tests.fakes.definition import deployed_json
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.integration.local_machines import ROLE, LocalMachines, local_machines
from tests.tables import create_claims

WAITS, FAILS = '{"key": "12345"}', '{"key": {}}'
PK = "job#12345"


class Side(Protocol):
    """A state machine whose task fails, so that its executions wait in Park."""

    @property
    def workflow(self) -> Workflow:
        """What is held to the contract."""

    def parked(self, pk: str = PK) -> Claim:
        """The claim of that key, once its job waits."""

    def parked_anew(self, before: Claim) -> Claim:
        """The same claim, once its token is another one."""

    def claim(self) -> Claim:
        """The claim as it is now."""

    def restore(self) -> None:
        """Let the task succeed from now on."""

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

    def parked(self, pk: str = PK) -> Claim:
        self.stage.machine.run()
        return self.stage.claims[pk]

    def parked_anew(self, before: Claim) -> Claim:
        return self.parked(before.pk)

    def claim(self) -> Claim:
        return self.stage.claims[PK]

    def restore(self) -> None:
        self.stage.service.broken = False

    def ended(self, execution: str) -> None:
        self.stage.machine.run()
        assert self.stage.executions.describe(execution).status is not Status.RUNNING


@dataclass
class OnLocalAws:
    local: LocalMachines
    claims: DynamoClaims
    workflow: StepFunctions
    well: Path

    def parked(self, pk: str = PK) -> Claim:
        def waiting() -> Claim | None:
            claim = self.claims.get(pk)
            return claim if claim and claim.waits else None

        return found(wait_until(waiting, f"{pk} parked", 20))

    def parked_anew(self, before: Claim) -> Claim:
        def renewed() -> Claim | None:
            claim = self.claims.get(before.pk)
            return claim if claim and claim.token != before.token else None

        return found(wait_until(renewed, f"{before.pk} parked again", 20))

    def claim(self) -> Claim:
        return found(self.claims.get(PK))

    def restore(self) -> None:
        self.well.touch()

    def ended(self, execution: str) -> None:
        self.local.ended(execution)


def found(claim: Claim | None) -> Claim:
    assert claim is not None
    return claim


WORK = """
if not os.path.exists(os.environ["WELL"]):
    raise ConnectionError("the downstream service does not answer")
return event
"""


@dataclass(frozen=True)
class Functions:
    """The Lambdas of all machines; the task succeeds where the file `well` is."""

    local: LocalMachines
    well: Path
    task: str
    spool: str


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Functions]:
    well = tmp_path_factory.mktemp("service") / "well"
    with local_machines() as local:
        task = local.function("task", WORK, WELL=str(well))
        yield Functions(local, well, task, local.function("spool", "return {}"))


def on_local_aws(functions: Functions) -> OnLocalAws:
    local = functions.local
    functions.well.unlink(missing_ok=True)
    name = f"contract-{uuid4()}"
    dynamodb = local.client("dynamodb")
    create_claims(dynamodb, name)
    DynamoLine(dynamodb, name).complete(TASK, 5, 1_000_000)
    definition = deployed_json(
        Claims=name, UncertainTask=functions.task, ErrorSpool=functions.spool
    )
    made = local.client("stepfunctions").create_state_machine(
        name=name, definition=definition, roleArn=ROLE
    )
    workflow = StepFunctions(local.client("stepfunctions"), made["stateMachineArn"])
    return OnLocalAws(local, DynamoClaims(dynamodb, name), workflow, functions.well)


@pytest.fixture(params=["memory", "local AWS"])
def side(request: pytest.FixtureRequest) -> Side:
    if request.param == "memory":
        return OnFakes()
    return on_local_aws(request.getfixturevalue("functions"))


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
    side.parked()
    assert side.workflow.start("one", WAITS) == execution
    assert list(side.workflow.list(Status.RUNNING)) == [execution]


def test_a_running_name_with_another_input_is_refused(side: Side) -> None:
    side.workflow.start("one", WAITS)
    side.parked()
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
    token = side.parked().token
    side.restore()
    assert [resume(side, token) for _ in range(2)] == ["taken", "refused"]
    side.ended(execution)
    assert side.workflow.describe(execution).status is Status.SUCCEEDED
    assert resume(side, token) == "refused"


def test_of_many_who_use_a_token_at_once_one_succeeds(side: Side) -> None:
    side.workflow.start("one", WAITS)
    token = side.parked().token
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: resume(side, token), range(8)))
    assert sorted(answers) == ["refused"] * 7 + ["taken"]


def test_the_token_of_a_stopped_execution_is_refused(side: Side) -> None:
    execution = side.workflow.start("one", WAITS)
    token = side.parked().token
    side.workflow.stop(execution, "GivenUp", "by hand")
    assert resume(side, token) == "refused"


def test_a_token_that_was_never_given_out_is_refused(side: Side) -> None:
    assert resume(side, "no such token") == "refused"


def test_a_stopped_execution_says_why_and_stopping_again_changes_nothing(side: Side) -> None:
    execution = side.workflow.start("one", WAITS)
    side.parked()
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
        side.parked(f"job#{key}")
    stopped = side.workflow.start("stopped", WAITS)
    side.parked()
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
    side.parked()
    side.workflow.stop(execution, "Aborted", "by hand")
    tail = side.workflow.tail(execution)
    assert (tail.state, tail.in_fail_state) == ("Park", False)
    began = side.workflow.describe(execution).started_at
    assert began is not None
    assert tail.entered_at is not None
    assert tail.entered_at >= began


def test_the_history_of_what_nobody_started_is_not_found(side: Side) -> None:
    with pytest.raises(NotFound):
        side.workflow.tail(side.workflow.arn("nobody"))


def test_what_runs_is_not_redriven(side: Side) -> None:
    execution = side.workflow.start("one", WAITS)
    side.parked()
    with pytest.raises(RedriveRefused):
        side.workflow.redrive(execution)


def test_a_wait_that_is_ended_for_good_ends_the_execution(side: Side) -> None:
    execution = side.workflow.start("one", WAITS)
    token = side.parked().token
    side.workflow.fail(token, "GivenUp", "by hand")
    side.ended(execution)
    found = side.workflow.describe(execution)
    assert (found.status, found.error, found.cause) == (Status.FAILED, "GivenUp", "by hand")
    with pytest.raises(TokenRefused):
        side.workflow.fail(token, "GivenUp", "by hand")


def test_a_wait_that_ends_with_another_error_is_waited_for_anew(side: Side) -> None:
    side.workflow.start("one", WAITS)
    first = side.parked()
    side.workflow.fail(first.token, "Mistaken", "by hand")
    again = side.parked_anew(first)
    assert again == replace(first, token=again.token)
    assert resume(side, first.token) == "refused"


def test_what_respool_has_put_into_the_definition_is_known(side: Side) -> None:
    found = side.workflow.frames()
    assert {"TakeSlot", "WaitInLine", TASK, "Park"} <= found.states
    assert not {"Done", "BadInput"} & found.states
    assert found.tasks == {TASK}


def test_a_job_s_claim_says_the_same_of_each_step(side: Side) -> None:
    execution = side.workflow.start("one", WAITS)
    parked = side.parked()
    assert untimed(parked) == Claim(
        PK,
        execution,
        State.PARKED,
        TASK,
        order=f"{parked.started_at}#12345",
        attempt=1,
        error="ConnectionError",
        cause=parked.cause,
    )
    assert parked.failure.message == "the downstream service does not answer"
    assert parked.noted_at == parked.failed_at == parked.first_failed_at
    assert parked.started_at <= parked.claimed_at <= parked.entered_at <= parked.failed_at
    assert parked.failed_at <= parked.since
    side.restore()
    side.workflow.resume(parked.token)
    side.ended(execution)
    ended = side.claim()
    assert untimed(ended) == replace(untimed(parked), state=State.FINISHED)
    assert ended.entered_at < ended.ended_at
    assert (ended.token, ended.first_failed_at, ended.expires_at > 0) == ("", "", True)


def untimed(claim: Claim) -> Claim:
    """The claim without what no two runs share."""
    times: tuple[str, ...] = (
        "since",
        "claimed_at",
        "entered_at",
        "failed_at",
        "first_failed_at",
        "noted_at",
    )
    gone: dict[str, Any] = dict.fromkeys(times, "")
    return replace(claim, token="", ended_at="", expires_at=0, **gone)


def test_a_name_that_step_functions_does_not_take_is_refused_in_memory() -> None:
    for name in ("n" * 81, "with space", "a/b"):
        with pytest.raises(AwsError):
            OnFakes().workflow.start(name, WAITS)


def test_a_dead_execution_s_history_names_the_claims_that_it_asked_for(side: Side) -> None:
    execution = side.workflow.start("one", WAITS)
    side.parked()
    side.workflow.stop(execution, "Aborted", "by hand")
    side.ended(execution)
    assert side.workflow.asked(execution) == [PK]
    with pytest.raises(NotFound):
        side.workflow.asked(side.workflow.arn("nobody"))


def test_a_redriven_execution_is_parked_again_where_it_was_stopped(side: Side) -> None:
    execution = side.workflow.start("one", WAITS)
    parked = side.parked()
    side.workflow.stop(execution, "Aborted", "by hand")
    side.ended(execution)
    assert side.workflow.describe(execution).redrivable
    side.workflow.redrive(execution)
    again = side.parked_anew(parked)
    found = side.workflow.describe(execution)
    assert (found.status, found.redrives, found.redrivable) == (Status.RUNNING, 1, False)
    assert [token for token, _ in side.workflow.deaths(Status.ABORTED)] == []
    side.restore()
    assert [resume(side, token) for token in (parked.token, again.token)] == ["refused", "taken"]
    side.ended(execution)
    assert side.workflow.describe(execution).status is Status.SUCCEEDED
    with pytest.raises(RedriveRefused):
        side.workflow.redrive(execution)
