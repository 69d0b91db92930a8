"""The state machine itself, run on a local AWS with hostile inputs: a key is claimed or refused."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.job.key import is_key
from respool.deploy.definition import fill
from respool.local.emulator import PROJECT
from tests.hostile import texts, tries, values
from tests.integration.local_machines import LocalMachines, local_machines

TABLE = "claims"
CASES = 200
CLAIMING = ("ClaimJob", "FindHolder", "AlreadyRunning", "BadInput")


@pytest.fixture(scope="module")
def machines() -> Iterator[LocalMachines]:
    with local_machines() as made:
        made.client("dynamodb").create_table(
            TableName=TABLE,
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield made


@pytest.fixture(scope="module")
def machine(machines: LocalMachines) -> str:
    """The project's own states up to the claim; whoever has it is done."""
    states = json.loads((PROJECT / "statemachine.json").read_text())["States"]
    chosen = {name: states[name] for name in CLAIMING}
    filled: dict[str, Any] = fill(chosen, {"Claims": TABLE, "TaskLimit": "5"})
    return machines.machine("claiming", **filled, TakeSlot={"Type": "Succeed"})


@pytest.mark.soak
def test_a_hostile_input_is_claimed_or_refused_as_bad_input(
    machines: LocalMachines, machine: str
) -> None:
    inputs = st.dictionaries(st.just("key") | texts, values, max_size=3)
    tried: list[Any] = []

    @tries(CASES)
    @given(st.fixed_dictionaries({"key": values}) | inputs)
    def check(job: dict[str, Any]) -> None:
        tried.append(job)
        ended = machines.run(machine, job, f"run-{len(tried)}")
        told = (ended["status"], ended.get("error"))
        if "key" in job and not is_key(job["key"]):
            assert told == ("FAILED", "BadInput")
        else:
            assert told in [
                ("SUCCEEDED", None),
                ("FAILED", "AlreadyRunning"),
                ("FAILED", "BadInput"),
            ]

    check()
