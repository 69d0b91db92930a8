"""Adopted is as plain: definitions by chance, run without a failure and with one at each call."""

import copy
from collections import Counter
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from respool.adopt.definition import Choices, adopt
from respool.deploy.definition import Definition, State, all_states
from tests.integration.machines_at_hand import VALUES, WORK, Call, World

ITEMS = [{"n": 1, "items": [{"n": 3, "items": []}, {"n": 4, "items": []}]}, {"n": 2, "items": []}]
GIVEN = {"key": "k", "n": 0, "items": ITEMS}
KINDS = ("Task", "Task", "Pass", "Wait", "Choice", "Map", "Distributed", "Parallel")


class Drawn:
    """One definition; in a JSONata machine every state is in JSONata."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.count = 0
        self.jsonata = self.any(False, True)
        self.definition = self.machine(2)
        if self.jsonata:
            self.definition = {"QueryLanguage": "JSONata", **self.definition}

    def any(self, *among: Any) -> Any:
        return self.draw(st.sampled_from(among))

    def machine(self, depth: int) -> Definition:
        self.count += 1
        names = [f"{chr(65 + n)}{self.count}" for n in range(self.any(1, 2, 3))]
        states: dict[str, State] = {}
        for name, after in zip(names, [*names[1:], ""], strict=True):
            states |= self.state(name, after, depth)
        return {"StartAt": names[0], "States": states}

    def state(self, name: str, after: str, depth: int) -> dict[str, State]:
        kind = self.any(*(KINDS if depth else KINDS[:4]), *(() if after else ("Succeed",)))
        speaks = self.jsonata or self.any(False, True)
        state: State = {"Type": "Map" if kind == "Distributed" else kind}
        more: dict[str, State] = {}
        if kind == "Succeed":
            return {name: state}
        if kind == "Choice":
            return self.choice(name, after)
        if speaks and not self.jsonata:
            state["QueryLanguage"] = "JSONata"
        if kind == "Wait":
            state["Seconds"] = 1
        if kind == "Pass" and speaks:
            state["Assign"] = {"seen": f"{{% '{name}' & $string($states.input.n) %}}"}
        if kind == "Task":
            more, after = self.task(name, state, speaks, after)
        if kind in ("Map", "Distributed", "Parallel"):
            more = self.scope(kind, name, state, speaks, after, depth)
        if kind in ("Task", "Map", "Distributed", "Parallel"):
            state |= self.kept(name, speaks)
        state |= {"Next": after} if after else {"End": True}
        return {name: state, **more}

    def scope(
        self, kind: str, name: str, state: State, speaks: bool, after: str, depth: int
    ) -> dict[str, State]:
        """Fills in a Map or a Parallel; gives what else it needs."""
        if kind == "Parallel":
            state["Branches"] = [self.machine(depth - 1) for _ in range(2)]
        else:
            state |= {"Items": "{% $states.input.items %}"} if speaks else {"ItemsPath": "$.items"}
            far = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
            inside = self.machine(depth - 1)
            state["ItemProcessor"] = {**(far if kind == "Distributed" else {}), **inside}
        return self.caught(name, state, speaks, after) if self.any(False, True) else {}

    def caught(self, name: str, state: State, speaks: bool, after: str) -> dict[str, State]:
        """Lets it go on where one of its branches or items fails; gives what it goes on to."""
        kept = {"Output": "{% $states.input %}"} if speaks else {"ResultPath": None}
        state["Catch"] = [{"ErrorEquals": ["States.ALL"], **kept, "Next": f"Saved {name}"}]
        return {f"Saved {name}": {"Type": "Pass", **({"Next": after} if after else {"End": True})}}

    def kept(self, name: str, speaks: bool) -> State:
        if speaks:
            return {"Output": f"{{% $merge([$states.input, {{'{name}': $states.result}}]) %}}"}
        return {"ResultPath": self.any(f"$.{name}", None)}

    def loop(self, name: str, after: str) -> dict[str, State]:
        """What leads back to a task, once."""
        rule: State = {"Variable": f"$.again{name}", "IsPresent": True, "Next": f"On {name}"}
        mark: State = {"Type": "Pass", "Result": True, "ResultPath": f"$.again{name}"}
        if self.jsonata:
            rule = {
                "Condition": f"{{% $exists($states.input.again{name}) %}}",
                "Next": f"On {name}",
            }
            output = f"{{% $merge([$states.input, {{'again{name}': true}}]) %}}"
            mark = {"Type": "Pass", "Output": output}
        return {
            f"Again {name}": {"Type": "Choice", "Choices": [rule], "Default": f"Mark {name}"},
            f"Mark {name}": {**mark, "Next": name},
            f"On {name}": {"Type": "Pass", **({"Next": after} if after else {"End": True})},
        }

    def choice(self, name: str, after: str) -> dict[str, State]:
        never = f"Never {name}"
        rule: State = {"Variable": "$.nothing", "IsPresent": True, "Next": never}
        if self.jsonata:
            rule = {"Condition": "{% $exists($states.input.nothing) %}", "Next": never}
        end = {"Type": "Pass", "End": True} if not after else {"Type": "Pass", "Next": after}
        return {
            name: {"Type": "Choice", "Choices": [rule], "Default": f"Else {name}"},
            never: {"Type": "Fail", "Error": "Never"},
            f"Else {name}": end,
        }

    def task(
        self, name: str, state: State, speaks: bool, after: str
    ) -> tuple[dict[str, State], str]:
        """Fills in a task; what else it needs, and what comes next."""
        more = self.call(name, state, speaks)
        if not self.any(False, False, True):
            return more, after
        return more | self.loop(name, after), f"Again {name}"

    def call(self, name: str, state: State, speaks: bool) -> dict[str, State]:
        state["Resource"] = WORK
        if speaks:
            state["Arguments"] = {"task": name, "n": "{% $states.input.n %}"}
            if self.any(False, True):
                state["Assign"] = {"respool": "{% $states.result.did %}"}
        else:
            state["Parameters"] = {"task": name, "n.$": "$.n"}
        if self.any(False, False, True):
            state["Retry"] = [{"ErrorEquals": ["Down"], "IntervalSeconds": 1, "MaxAttempts": 2}]
        if not self.any(False, True):
            return {}
        errors = self.any(["States.ALL"], ["States.TaskFailed"], ["Down"], ["Other"])
        kept = {"ResultPath": "$.error"}
        if speaks:
            kept = {"Output": "{% $merge([$states.input, {'error': $states.errorOutput}]) %}"}
        state["Catch"] = [{"ErrorEquals": errors, **kept, "Next": f"Caught {name}"}]
        ends = self.any({"Type": "Pass", "End": True}, {"Type": "Fail", "Error": "Caught"})
        return {f"Caught {name}": copy.deepcopy(ends)}


@st.composite
def definitions(draw: Any) -> Definition:
    """Definitions with a task."""
    return Drawn(draw).definition


def tasks(definition: Definition) -> list[str]:
    return [name for name, state in all_states(definition) if state["Type"] == "Task"]


def empty(world: World) -> bool:
    """Whether no slot is taken, and no claim is open, but of jobs that were stopped with others;
    those are the sweep's to end, which finds them as we do here."""
    stopped = world.stopped()
    pks = {claim["pk"] for claim in world.claims() if "endedAt" not in claim}
    return not ({*world.owners(), *pks} - stopped)


def check(plain: Definition, draw: Any, most: int) -> None:
    """Without a failure, and with one at each of so many calls: replayed, given up, or caught."""
    chosen = tasks(plain)
    adopted = adopt(plain, Choices(dict.fromkeys(chosen, ""), "orders", values=VALUES))
    slots = {f"orders/{name}": "" for name in chosen}

    world = World(slots)
    expected = world.ended(world.start(plain, GIVEN))
    calls = dict(world.calls)
    steps = world.entered
    assert expected[0] == "SUCCEEDED"

    world = World(slots)
    assert world.ended(world.start(adopted, GIVEN)) == expected
    assert (dict(world.calls), empty(world)) == (calls, True)
    if all(steps[name] for name in chosen):  # the local AWS tells no events of an item
        assert three_each(world.entered, steps, sum(calls.values()))

    for call in draw(st.permutations(sorted(calls)))[:most]:
        world = World(slots)
        world.failing = call
        failed = world.ended(world.start(plain, GIVEN))
        tries = world.calls[call]

        for given_up in (False, True):
            world = World(slots)
            world.failing = call
            execution = world.start(adopted, GIVEN)
            if not world.parks(execution):
                assert world.ended(execution) == failed  # by a narrow catcher of theirs
                assert nothing_left(world, call, failed)
                continue
            others = {one: n for one, n in calls.items() if one[0] == call[0] and one != call}
            world.until(partial(all_called, world, others))
            (claim,) = world.claims("parked")
            assert claim["pk"].endswith(f"/{call[0]}") or len(chosen) == 1
            assert claim["pk"] not in world.owners()
            if given_up:
                world.answer(claim["token"], claim["error"], claim["cause"])
                assert world.ended(execution) == failed
                assert nothing_left(world, call, failed)
                continue
            world.failing = None
            world.answer(claim["token"])
            assert world.ended(execution) == expected
            again = {one: n + tries * (one == call) for one, n in calls.items()}
            assert (dict(world.calls), empty(world)) == (again, True)


def all_called(world: World, calls: dict[Call, int]) -> bool:
    """Whether the service was called for all of these, as often as that."""
    return all(world.calls[one] == n for one, n in calls.items())


def three_each(adopted: Counter[str], plain: Counter[str], calls: int) -> bool:
    """Whether each call cost claim, slot and finish more, and no other state anything.

    A Map around a Map notes its item's number.
    """
    more: Counter[str] = Counter()
    for name, n in (adopted - plain).items():
        more[name.partition(": ")[0]] += n
    del more["NoteItem"]
    return not plain - adopted and more == dict.fromkeys(("ClaimJob", "TakeSlot", "Finish"), calls)


def nothing_left(world: World, call: Call, ended: tuple[Any, ...]) -> bool:
    """Whether the failed job has neither slot nor open claim; nor any other, if all went well.

    The first failure of an execution stops what runs beside it: that is the rescue's to settle.
    """
    if ended[0] == "SUCCEEDED":
        return empty(world)
    task = f"orders/{call[0]}"
    mine = [claim for claim in world.claims() if claim["task"] == task]
    return any(one.get("how") in ("given-up", "finished", "failed") for one in mine)


FAST: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}


@settings(max_examples=12, **FAST)
@given(definitions().filter(tasks), st.data())
def test_an_adopted_machine_does_what_the_plain_one_does(plain: Definition, data: Any) -> None:
    check(plain, data.draw, 3)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(max_examples=150, **FAST)
@given(definitions().filter(tasks), st.data())
def test_and_so_with_a_failure_at_every_call(plain: Definition, data: Any) -> None:
    check(plain, data.draw, 1000)
