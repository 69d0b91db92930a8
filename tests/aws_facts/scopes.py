"""The machines inside a Parallel and a Map: their variables, tokens, failures and executions."""

import json
from typing import Any

from respool.local.waiting import wait_until
from tests.aws_facts.fact import on_local
from tests.aws_facts.tokens import answer, waiting
from tests.integration.local_machines import LocalMachines

DOCS = "docs.aws.amazon.com/step-functions, "
VARIABLES = f"{DOCS}passing data with variables, scopes"
DISTRIBUTED = f"{DOCS}Map state in Distributed mode"
SCOPES = ("branches_and_items_have_scopes", "events_follow_those_of_their_branch")
CHILDREN = ("children_are_executions",)


def inside(*states: tuple[str, dict[str, Any]], **config: Any) -> dict[str, Any]:
    """The machine inside a branch or a Map."""
    return {**config, "StartAt": states[0][0], "States": dict(states)}


def far(*states: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """The machine inside a distributed Map."""
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    return inside(*states, ProcessorConfig=config)


def children(local: LocalMachines, parent: str, status: str = "") -> list[str]:
    """The executions that a distributed Map has started."""
    steps = local.client("stepfunctions")
    (run,) = steps.list_map_runs(executionArn=parent)["mapRuns"]
    found = steps.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    return [one["executionArn"] for one in found if status in ("", one["status"])]


@on_local(
    "branch-variables-stay-inside",
    "A branch or item sees the variables around it; what it assigns is unknown outside.",
    VARIABLES,
    "documented",
    SCOPES,
)
def _variables(local: LocalMachines) -> None:
    def branch(name: str) -> dict[str, Any]:
        assign = {"Type": "Pass", "Assign": {"own": name}, "Next": f"Wait{name}"}
        wait = {"Type": "Wait", "Seconds": 1, "Next": f"Tell{name}"}
        tell = {"Type": "Pass", "Output": "{% $around & $own %}", "End": True}
        return inside((f"Assign{name}", assign), (f"Wait{name}", wait), (f"Tell{name}", tell))

    begin = {"Type": "Pass", "Assign": {"around": "x", "own": "outer"}, "Next": "Both"}
    both = {"Type": "Parallel", "Branches": [branch("a"), branch("b")], "Next": "Each"}
    item = {"Type": "Pass", "Assign": {"own": "{% $states.input %}"}, "End": True}
    each = {"Type": "Map", "ItemProcessor": inside(("Item", item)), "Next": "Tell"}
    tell = {"Type": "Pass", "Output": "{% [$states.input, $own] %}", "End": True}
    machine = local.machine("inside", Begin=begin, Both=both, Each=each, Tell=tell)
    assert json.loads(local.run(machine)["output"]) == ["xa", "xb", "outer"]


@on_local(
    "branches-have-tokens-of-their-own",
    "Branches that wait side by side have each a token of its own.",
    VARIABLES,
    "documented",
    SCOPES,
)
def _tokens(local: LocalMachines) -> None:
    queues = [local.queue(f"branch-{n}") for n in range(2)]
    branches = [inside((f"Wait{n}", waiting(queue))) for n, queue in enumerate(queues)]
    machine = local.machine("both", Both={"Type": "Parallel", "Branches": branches, "End": True})
    execution = local.start(machine)
    for number in (1, 0):
        token = local.next_message(queues[number])["token"]
        assert answer(local, token, json.dumps(number)) == "taken"
    assert json.loads(local.ended(execution)["output"]) == [0, 1]


@on_local(
    "parallel-speaks-jsonata",
    "A Parallel in JSONata gives its branches Arguments and has an Output; a Succeed has one too.",
    f"{DOCS}transforming data with JSONata",
    "documented",
    (*SCOPES, "succeed_states_have_an_output"),
)
def _jsonata(local: LocalMachines) -> None:
    both = {
        "Type": "Parallel",
        "Arguments": {"n": "{% $states.input.n + 1 %}"},
        "Branches": [inside(("A", {"Type": "Succeed", "Output": "{% $states.input.n * 10 %}"}))],
        "Output": "{% {'result': $states.result, 'given': $states.input.n} %}",
        "Assign": {"kept": "{% $states.result[0] %}"},
        "Next": "End",
    }
    end = {"Type": "Succeed", "Output": "{% $merge([$states.input, {'kept': $kept}]) %}"}
    machine = local.machine("jsonata-parallel", Both=both, End=end)
    found = json.loads(local.run(machine, {"n": 1})["output"])
    assert found == {"result": [20], "given": 1, "kept": 20}


@on_local(
    "first-failure-stops-the-others",
    "When a branch or item fails, the others are stopped, and the state goes by its Catch.",
    f"{DOCS}Parallel state, error handling",
    "documented",
    SCOPES,
)
def _failure(local: LocalMachines) -> None:
    queue = local.queue("stopped-branch")
    fail = {"Type": "Fail", "Error": "E", "Cause": "c"}
    wait = {"Type": "Wait", "Seconds": 60, "Next": "Fail"}
    both = {
        "Type": "Parallel",
        "Branches": [inside(("Park", waiting(queue))), inside(("Late", wait), ("Fail", fail))],
        "Catch": [{"ErrorEquals": ["E"], "Next": "Caught"}],
        "End": True,
    }
    execution = local.start(local.machine("first", Both=both, Caught={"Type": "Succeed"}))
    token = local.next_message(queue)["token"]
    assert json.loads(local.ended(execution)["output"]) == {"Error": "E", "Cause": "c"}
    assert answer(local, token) == "TaskTimedOut"


@on_local(
    "a-failed-scope-stands-in-the-history",
    "A Parallel or Map that fails has an event for it, caught or not, and the way back from that by"
    " previousEventId leads through the branch that failed to where the attempt began.",
    f"{DOCS}API: HistoryEvent",
    "documented",
    SCOPES,
)
def _told(local: LocalMachines) -> None:
    fail = {"Type": "Fail", "Error": "E", "Cause": "c"}
    caught = {"Catch": [{"ErrorEquals": ["E"], "Next": "Each"}]}
    both = {"Type": "Parallel", "Branches": [inside(("Fail", fail))], **caught, "End": True}
    each = {"Type": "Map", "Items": [1], "ItemProcessor": inside(("Bad", fail)), "End": True}
    execution = local.start(local.machine("told", Both=both, Each=each))
    local.ended(execution)
    told = local.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    events = {event["id"]: event for event in told}
    failed = [event for event in told if event["type"].endswith("StateFailed")]
    assert [event["type"] for event in failed] == ["ParallelStateFailed", "MapStateFailed"]
    for event in failed:
        began = f"{event['type'].removesuffix('Failed')}Started"
        while event["type"] != began:
            event = events[event["previousEventId"]]


@on_local(
    "distributed-items",
    "A distributed Map takes Items and ItemSelector, and ItemBatcher puts items together.",
    f"{DOCS}ItemBatcher",
    "documented",
    CHILDREN,
)
def _items(local: LocalMachines) -> None:
    each = {
        "Type": "Map",
        "Items": "{% $states.input.rows %}",
        "ItemSelector": {"row": "{% $states.context.Map.Item.Value %}"},
        "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"for": "{% $states.input.who %}"}},
        "ItemProcessor": far(("Item", {"Type": "Succeed"})),
        "Output": "{% {'all': $states.result} %}",
        "End": True,
    }
    given = {"rows": [1, 2, 3], "who": "w"}
    found = json.loads(local.run(local.machine("items", Each=each), given)["output"])
    batches = [[{"row": 1}, {"row": 2}], [{"row": 3}]]
    assert found == {"all": [{"BatchInput": {"for": "w"}, "Items": each} for each in batches]}


@on_local(
    "child-is-an-execution",
    "A distributed Map's child has ARN, name and input of its own in its context object; its start"
    " and end are announced.",
    DISTRIBUTED,
    "documented",
    CHILDREN,
)
def _child(local: LocalMachines) -> None:
    queue, events = local.queue("children"), local.client("events")
    tell = {"Type": "Pass", "Output": "{% $states.context.Execution %}", "End": True}
    each = {"Type": "Map", "ItemProcessor": far(("Tell", tell)), "Label": "Far", "End": True}
    machine = local.machine("parent", Each=each)
    prefix = [{"prefix": machine.replace(":stateMachine:", ":execution:") + "/"}]
    pattern = {"source": ["aws.states"], "detail": {"executionArn": prefix}}
    events.put_rule(Name="children", EventPattern=json.dumps(pattern))
    arn = local.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    target = arn["Attributes"]["QueueArn"]
    events.put_targets(Rule="children", Targets=[{"Id": "queue", "Arn": target}])

    parent = local.start(machine, [7])
    (seen,) = json.loads(local.ended(parent)["output"])
    assert seen["Id"] in children(local, parent)
    assert seen["Id"].endswith(f"parent/Far:{seen['Name']}")
    assert seen["Input"] == 7
    told = [local.next_message(queue)["detail"] for _ in range(2)]
    assert {one["status"] for one in told} == {"RUNNING", "SUCCEEDED"}
    assert {one["executionArn"] for one in told} == {seen["Id"]}


@on_local(
    "stopped-child-is-a-failure",
    "A child that was stopped is a failed item of its Map; a stopped parent stops its children.",
    DISTRIBUTED,
    "documented",
    CHILDREN,
)
def _stopped(local: LocalMachines) -> None:
    queue, steps = local.queue("far"), local.client("stepfunctions")
    each = {
        "Type": "Map",
        "ItemProcessor": far(("Wait", waiting(queue))),
        "Catch": [
            {"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}
        ],
        "End": True,
    }
    machine = local.machine("stopped-children", Each=each, Caught={"Type": "Succeed"})

    parent = local.start(machine, [1], "one")
    local.next_message(queue)
    steps.stop_execution(executionArn=children(local, parent)[0])
    error = json.loads(local.ended(parent)["output"])["Error"]
    assert error == "States.ExceedToleratedFailureThreshold"

    parent = local.start(machine, [1], "two")
    token = local.next_message(queue)["token"]
    steps.stop_execution(executionArn=parent)
    wait_until(lambda: children(local, parent, "ABORTED"), "the child to be stopped", 20)
    assert answer(local, token) == "TaskTimedOut"
