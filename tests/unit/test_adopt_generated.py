"""Definitions by chance: every type of state, nested scopes, both languages, names that collide."""

import copy
import json
from random import Random
from typing import Any

import pytest

from respool.adopt.reading import loads, write
from respool.adopt.undo import undo
from respool.deploy.definition import Definition, State, all_states
from tests.unit.adopted import lost, made, ours, tasks, without_ways

NAMES = ("Park", "ClaimJob", "TakeSlot: Park", "It's", 'A "B"', "x" * 79, "Leave 2", "あ", "50 %}")
ERRORS = (["States.ALL"], ["States.TaskFailed"], ["States.Timeout", "E"], ["Lambda.Busy"])
VARIABLES = ("respool", "respool2", "respoolItem1", "respoolFailure3", "x")


class Generated:
    """One definition; in a JSONata machine every state is in JSONata."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.count = 0
        self.jsonata = self.random.random() < 0.3
        self.definition = self.machine(3)
        if self.jsonata:
            self.definition = {"QueryLanguage": "JSONata", **self.definition}

    def name(self) -> str:
        self.count += 1
        chosen = self.random.choice(NAMES) if self.random.random() < 0.3 else "State"
        return f"{chosen[:75]}{self.count}" if self.count % 3 else chosen[:70] + " " * self.count

    def machine(self, depth: int) -> Definition:
        names = [self.name() for _ in range(self.random.randint(1, 4))]
        states: dict[str, State] = {}
        for name, after in zip(names, [*names[1:], ""], strict=True):
            states[name] = self.state(depth, names, after)
        items = list(states.items())
        self.random.shuffle(items)
        return {"StartAt": names[0], "States": dict(items)}

    def state(self, depth: int, names: list[str], after: str) -> State:
        kinds = ["Task", "Task", "Task", "Pass", "Wait"]
        kinds += ["Map", "Parallel"] if depth else []
        kinds += ["Choice"] if after else ["Succeed", "Fail"]
        kind = self.random.choice(kinds)
        fields: State = {"Type": kind}
        if kind == "Choice":
            other = {"Condition": "{% true %}", "Next": self.random.choice(names)}
            plain = {"Variable": "$.a", "IsPresent": True, "Next": self.random.choice(names)}
            return {**fields, "Choices": [other if self.jsonata else plain], "Default": after}
        if kind in ("Succeed", "Fail"):
            return fields
        if kind == "Map":
            fields[self.random.choice(["ItemProcessor", "Iterator"])] = self.items(depth)
        if kind == "Parallel":
            fields["Branches"] = [self.machine(depth - 1) for _ in range(2)]
        if kind == "Wait":
            fields["Seconds"] = 1
        if kind == "Task":
            fields |= self.task(names)
        way: State = {"Next": after} if after else {"End": True}
        return {**way, **fields} if self.random.random() < 0.3 else {**fields, **way}

    def items(self, depth: int) -> Definition:
        far = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
        return {**(far if self.random.random() < 0.3 else {}), **self.machine(depth - 1)}

    def task(self, names: list[str]) -> State:
        speaks = self.jsonata or self.random.random() < 0.4
        fields: State = {"Resource": self.random.choice(["arn:f", "${F}", "\ue000${G}\ue001"])}
        if speaks and not self.jsonata:
            fields["QueryLanguage"] = "JSONata"
        if self.random.random() < 0.5:
            assigned = self.random.choice(VARIABLES)
            fields["Assign"] = {assigned if speaks else f"{assigned}.$": "$"}
        if self.random.random() < 0.5:
            fields["Retry"] = [{"ErrorEquals": ["States.ALL"], "BackoffRate": 1.5}]
        if self.random.random() < 0.6:
            fields["Catch"] = [self.catcher(names, speaks) for _ in range(2)]
        return fields

    def catcher(self, names: list[str], speaks: bool) -> Any:
        kept = {"Output": "{% $states.errorOutput %}"} if speaks else {"ResultPath": "$.e"}
        errors = self.random.choice(ERRORS)
        return {"ErrorEquals": errors, **kept, "Next": self.random.choice(names)}


@pytest.mark.parametrize("seed", range(60))
def test_any_definition_is_adopted_whole_and_comes_back(seed: int) -> None:
    plain = Generated(seed).definition
    before = json.dumps(plain)
    uncertain = tasks(plain)
    if not uncertain:
        return
    chance = Random(seed)
    chosen = chance.sample(uncertain, chance.randint(1, len(uncertain)))
    machine = chance.choice(["orders", ""])
    adopted = made(copy.deepcopy(plain), *chosen, machine=machine)
    names = [name for name, _ in all_states(adopted)]

    assert json.dumps(plain) == before
    assert lost(adopted) == lost(plain)
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 80
    assert json.dumps(undo(adopted)) == before
    text = write(adopted)
    assert write(made(loads(text), *chosen, machine=machine)) == text
    states = dict(all_states(adopted))
    for name, state in all_states(plain):
        if name not in chosen:
            assert without_ways(states[name]) == without_ways(state)
    claims = [one for one in ours(adopted).values() if " Undo: " in one["Comment"]]
    assert len(claims) == len(chosen)
