"""What a job that waits for long may run into: told where it is so, and nowhere else."""

from typing import Any

import pytest

from respool.adopt.refusals import warnings
from respool.deploy.definition import Definition, State
from tests.unit.adopted import path_task

OF_EVERY = "An EXPRESS machine can't wait for a token"


def service(action: str, **fields: Any) -> State:
    """A task that has a service do something."""
    return {"Type": "Task", "Resource": f"arn:aws:states:::{action}", **fields}


def row(*states: tuple[str, State], **fields: Any) -> Definition:
    """A machine of these states, one after the other."""
    names = [name for name, _ in states]
    following = [{"Next": name} for name in names[1:]] + [{"End": True}]
    chain = {name: {**state, **then} for (name, state), then in zip(states, following, strict=True)}
    return {"StartAt": names[0], "States": chain, **fields}


def around(machine: Definition, **fields: Any) -> State:
    """A Map over a machine."""
    return {"Type": "Map", "ItemProcessor": machine, **fields}


def said(definition: Definition, *chosen: str, own: bool = False) -> list[str]:
    """The warnings, without the one that every machine in a file gets."""
    return [each for each in warnings(definition, list(chosen), own) if OF_EVERY not in each]


def test_nothing_is_said_of_a_row_of_tasks() -> None:
    assert said(row(("A", path_task()), ("Call", path_task())), "Call") == []


def test_a_file_does_not_say_that_its_machine_is_standard() -> None:
    plain = row(("Call", path_task()))
    assert [OF_EVERY in each for each in warnings(plain, ["Call"])] == [True]
    assert list(warnings(plain, ["Call"], own=True)) == []


@pytest.mark.parametrize(
    ("seconds", "phrase"), [(3600, "3600"), ("${T}", "Remove it"), (31_536_000, ""), (None, "")]
)
def test_a_time_limit_of_the_machine_is_named(seconds: Any, phrase: str) -> None:
    lines = said(row(("Call", path_task()), TimeoutSeconds=seconds), "Call")
    assert [phrase in each for each in lines] == ([True] if phrase else [])


def test_a_parked_item_holds_its_place_in_each_map_around_it() -> None:
    inner = row(("Both", {"Type": "Parallel", "Branches": [row(("Call", path_task()))]}))
    lines = said(row(("Each", around(inner, MaxConcurrency=3))), "Call")
    assert [each.partition(": ")[2].split()[0] for each in lines] == ["parked", "the", "an"]
    assert "the 3 of MaxConcurrency" in lines[0]
    assert "their Parallel waits" in lines[1]
    assert "25,000 events" in lines[2]


def test_children_have_events_of_their_own() -> None:
    child = row(("Call", path_task()), ProcessorConfig={"Mode": "DISTRIBUTED"})
    assert said(row(("Each", around(child))), "Call") == []


@pytest.mark.parametrize(
    ("action", "opens"),
    [
        ("elasticmapreduce:createCluster.sync", True),
        ("emr-serverless:startApplication.sync", True),
        ("eks:createCluster.sync", True),
        ("aws-sdk:rds:startDBInstance", True),
        ("aws-sdk:ec2:runInstances", True),
        ("elasticmapreduce:terminateCluster.sync", False),
        ("states:startExecution.sync:2", False),
        ("glue:startJobRun.sync", False),
        ("lambda:invoke", False),
    ],
)
def test_what_an_earlier_state_has_opened_stays_open(action: str, opens: bool) -> None:
    plain = row(("Open", service(action)), ("Call", path_task()), ("Behind", path_task()))
    assert [each.startswith("Open: what it opens") for each in said(plain, "Call")] == [
        True
    ] * opens


def test_what_is_opened_later_or_elsewhere_is_not_open_yet() -> None:
    opening = service("elasticmapreduce:createCluster.sync")
    assert said(row(("Call", path_task()), ("Open", opening)), "Call") == []
    each = around(row(("Call", path_task())))
    assert "Open" in "".join(said(row(("Open", opening), ("Each", each)), "Call"))
    assert "Open" not in "".join(said(row(("Each", each), ("Open", opening)), "Call"))
