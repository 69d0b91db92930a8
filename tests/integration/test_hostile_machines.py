"""The state machine itself, run on a local AWS with hostile inputs: a key is claimed or refused."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.job.key import is_key
from respool.deploy.definition import fill
from tests.frame import VALUES, read
from tests.hostile import texts, tries, values
from tests.integration.local_machines import LocalMachines, local_machines

CASES = 200
REFUSALS = [("FAILED", "BadInput"), ("FAILED", "States.QueryEvaluationError")]
"""The second is a key with half a character, which has no bytes to be counted."""
CLAIMING = ("ClaimJob", "BadInput")


@pytest.fixture(scope="module")
def machines() -> Iterator[LocalMachines]:
    with local_machines() as made:
        yield made


@pytest.fixture(scope="module")
def machine(machines: LocalMachines) -> str:
    """The project's own states up to the claim; whoever comes to it is done."""
    states = read()["States"]
    chosen = fill({name: states[name] for name in CLAIMING}, VALUES)
    done = {"Type": "Succeed", "QueryLanguage": "JSONPath"}
    return machines.machine("claiming", "JSONPath", **chosen, TakeSlot=done)


@pytest.mark.soak
def test_a_hostile_input_comes_to_its_claim_or_is_refused(
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
            assert told in REFUSALS
        else:
            assert told in [("SUCCEEDED", None), *REFUSALS]

    check()
