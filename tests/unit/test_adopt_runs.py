"""An adopted machine of somebody else's, run in memory: parked, replayed, given up."""

import json
from typing import Any

import pytest

from chalicelib.aws.line_table import DynamoLine
from chalicelib.errors import NotFound
from chalicelib.job.claim import Claim, State
from chalicelib.job.execution import Status
from chalicelib.replaying.replay import Order
from respool.adopt.definition import Choices, adopt
from respool.deploy.definition import Definition, fill
from respool.deploy.definition import State as Fields
from tests.fakes.definition import TABLE, UNCERTAIN_TASK, VALUES, read
from tests.fakes.run import Run
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Died, Fault, Wire

TASK = "orders/Call"
TASKS = {
    "JSONPath": {"Type": "Task", "Resource": UNCERTAIN_TASK},
    "JSONata": {"Type": "Task", "Resource": UNCERTAIN_TASK, "Arguments": "{% $states.input %}"},
}
CATCHERS: dict[str, Any] = {
    "JSONPath": {"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Compensate"},
    "JSONata": {
        "ErrorEquals": ["States.ALL"],
        "Output": "{% $states.input %}",
        "Assign": {"why": "{% $states.errorOutput.Error %}"},
        "Next": "Compensate",
    },
}
KINDS = [("JSONPath", "JSONPath"), ("JSONPath", "JSONata"), ("JSONata", "JSONata")]
"""What the machine speaks, and what the task speaks."""


class Orders:
    """A stage that serves another machine, whose one uncertain task is `Call`."""

    def __init__(self, speaks: str, task: str, *catchers: Any) -> None:
        call: Fields = {**TASKS[task], "QueryLanguage": task, "Next": "Shipped"}
        if catchers:
            call["Catch"] = list(catchers)
        plain: Definition = {
            "QueryLanguage": speaks,
            "StartAt": "Begin",
            "States": {
                "Begin": {"Type": "Pass", "Next": "Call"},
                "Call": call,
                "Shipped": {"Type": "Pass", "End": True},
                "Compensate": {"Type": "Pass", "End": True},
                "Later": {"Type": "Pass", "Next": "Shipped"},
            },
        }
        adopted = adopt(plain, Choices({"Call": ""}, "orders"))
        self.stage = FakeStage(MACHINES="orders")
        self.stage.machine.definition = read(fill(adopted, VALUES))
        line = DynamoLine(self.stage.client(Wire()), TABLE)
        line.apply_settings(TASK, 5, self.stage.settings.close_after)

    def start(self, key: str = "a") -> Run:
        self.input = {"key": key, "n": [1, {"b": None}]}
        executions = self.stage.executions
        run = executions.runs[executions.start(f"run-{key}", json.dumps(self.input))]
        self.stage.run()
        return run

    @property
    def claim(self) -> Claim:
        (claim,) = self.stage.claims.values()
        return claim

    def way(self, run: Run) -> list[str]:
        return [state.partition(":")[0] for _, state, _ in run.history]

    def answer(self, error: str = "") -> None:
        process = self.stage.process()
        if error:
            process.workflow.fail(self.claim.token, error, "cause")
        else:
            process.workflow.resume(self.claim.token)
        self.stage.run()

    def slots(self) -> Any:
        return self.stage.process().line.slots(TASK)


@pytest.mark.parametrize(("speaks", "task"), KINDS)
def test_a_job_that_works_costs_three_transitions_more(speaks: str, task: str) -> None:
    orders = Orders(speaks, task)
    run = orders.start()

    assert run.status is Status.SUCCEEDED
    assert run.value == orders.input
    assert orders.way(run) == ["Begin", "ClaimJob", "TakeSlot", "Call", "Finish", "Shipped"]
    assert orders.claim.pk == "job@orders#a"
    assert (orders.claim.state, orders.slots().owners) == (State.FINISHED, {})


@pytest.mark.parametrize(("speaks", "task"), KINDS)
def test_a_failed_job_is_parked_and_goes_on_with_what_it_was_given(speaks: str, task: str) -> None:
    orders = Orders(speaks, task, CATCHERS[task])
    orders.stage.service.broken = True
    run = orders.start()

    assert (orders.claim.state, orders.claim.task) == (State.PARKED, TASK)
    assert (orders.claim.error, orders.claim.attempt) == ("ConnectionError", 1)
    assert orders.slots().owners == {}
    orders.stage.service.broken = False
    orders.answer()
    assert run.status is Status.SUCCEEDED
    assert run.value == orders.input
    assert orders.way(run)[-3:] == ["Call", "Finish", "Shipped"]
    assert orders.way(run).count("Begin") == 1
    assert (orders.claim.state, orders.slots().owners) == (State.FINISHED, {})


@pytest.mark.parametrize(("speaks", "task"), KINDS)
def test_given_up_its_own_catcher_runs_with_its_own_input(speaks: str, task: str) -> None:
    orders = Orders(speaks, task, CATCHERS[task])
    orders.stage.service.broken = True
    run = orders.start()
    orders.answer("ConnectionError")

    assert orders.way(run)[-2:] == ["Leave", "Compensate"]
    assert run.value == orders.input
    assert run.variables.get("why") == ("ConnectionError" if task == "JSONata" else None)
    assert (orders.claim.state, orders.claim.waits) == (State.GIVEN_UP, False)


@pytest.mark.parametrize(("speaks", "task"), KINDS)
def test_given_up_without_a_catcher_it_ends_with_the_tasks_error(speaks: str, task: str) -> None:
    orders = Orders(speaks, task)
    orders.stage.service.broken = True
    run = orders.start()
    orders.answer("ConnectionError")

    assert (run.status, run.error) == (Status.FAILED, "ConnectionError")
    assert orders.claim.state is State.GIVEN_UP


@pytest.mark.parametrize(("speaks", "task"), KINDS)
def test_a_narrow_catcher_runs_at_once_and_leaves_nothing(speaks: str, task: str) -> None:
    narrow = {**CATCHERS[task], "ErrorEquals": ["ConnectionError"], "Next": "Later"}
    orders = Orders(speaks, task, narrow, CATCHERS[task])
    orders.stage.service.broken = True
    run = orders.start()

    assert orders.way(run)[-4:] == ["Call", "Leave", "Later", "Shipped"]
    assert run.value == orders.input
    assert orders.claim.ended_at
    assert orders.slots().owners == {}
    assert orders.slots().failed == {}


@pytest.mark.parametrize(("speaks", "task"), KINDS)
def test_a_held_task_lets_jobs_wait_in_line(speaks: str, task: str) -> None:
    orders = Orders(speaks, task)
    now = orders.stage.clock.iso()
    orders.stage.process().line.close(TASK, "9999-12-31T00:00:00.000Z", "kim", "repair", now)
    run = orders.start()

    assert (run.state, orders.claim.state) == ("WaitInLine", State.LINE)
    orders.stage.process().line.open(TASK, "kim", "well", orders.stage.clock.iso())
    orders.stage.run()
    assert run.status is Status.SUCCEEDED
    assert run.value == orders.input


def test_a_replay_of_the_stage_puts_another_machines_job_back() -> None:
    orders = Orders("JSONPath", "JSONPath")
    orders.stage.service.broken = True
    run = orders.start()
    orders.stage.service.broken = False
    report = orders.stage.process().engines.replayer.replay(Order(1, seconds=60))
    orders.stage.run()

    assert (report.replayed, run.status) == (1, Status.SUCCEEDED)


@pytest.mark.parametrize(("speaks", "task"), KINDS)
def test_giving_up_a_parked_job_lets_its_own_catcher_choose(speaks: str, task: str) -> None:
    orders = Orders(speaks, task, CATCHERS[task])
    orders.stage.service.broken = True
    run = orders.start()
    process = orders.stage.process()
    ending = process.engines.give_up.end("a", "left", "orders")
    orders.stage.run()
    again = orders.stage.process().engines.give_up.end("a", "left", "orders")

    assert (ending.given_up, again.given_up) == (True, True)
    assert orders.way(run)[-2:] == ["Leave", "Compensate"]
    assert (run.status, run.value) == (Status.SUCCEEDED, orders.input)
    assert run.variables.get("why") == ("ConnectionError" if task == "JSONata" else None)
    assert orders.claim.state is State.GIVEN_UP
    assert process.telemetry.counts["JobsGivenUp"] == 1


@pytest.mark.parametrize(("speaks", "task"), KINDS)
@pytest.mark.parametrize("caught", [True, False], ids=["with a catcher", "without one"])
def test_giving_up_a_job_in_line_takes_it_off_the_line(
    speaks: str, task: str, caught: bool
) -> None:
    orders = Orders(speaks, task, *([CATCHERS[task]] if caught else []))
    now = orders.stage.clock.iso()
    orders.stage.process().line.close(TASK, "9999-12-31T00:00:00.000Z", "kim", "repair", now)
    run = orders.start()
    assert orders.slots().waiting == 1
    wire = Wire().break_next("SendTaskFailure", Fault.DIED_BEFORE)
    with pytest.raises(Died):
        orders.stage.process(wire).engines.give_up.end("a", "left", "orders")
    assert (orders.slots().waiting, orders.claim.waits) == (0, True)
    assert orders.stage.process().engines.give_up.end("a", "left", "orders").given_up
    orders.stage.run()

    assert orders.way(run)[-1] == ("Compensate" if caught else "GivenUp")
    assert run.error == ("" if caught else "GivenUp")
    assert (orders.slots().waiting, orders.claim.state) == (0, State.GIVEN_UP)


def test_a_key_of_another_machine_is_not_ours() -> None:
    orders = Orders("JSONPath", "JSONPath")
    orders.stage.service.broken = True
    orders.start()
    with pytest.raises(NotFound, match="no job has the key"):
        orders.stage.process().engines.give_up.end("a", "left")
    with pytest.raises(NotFound, match="no job of bills has the key"):
        orders.stage.process().engines.give_up.end("a", "left", "bills")
