"""A variable of a function is changed, and all its others stay."""

from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from chalicelib.errors import AwsError, BadRequest
from respool import variables
from respool.local.environment import variables as there
from respool.local.function import change, read
from tests.fakes.stand_in import stand_in
from tests.integration.local_machines import LocalMachines, local_machines

NAME = "respool-local-uncertain_task"


@pytest.fixture(scope="module")
def machines() -> Iterator[LocalMachines]:
    with local_machines() as machines:
        yield machines


@pytest.fixture
def local(machines: LocalMachines) -> Iterator[LocalMachines]:
    machines.function(NAME, "return 1", SLEEP="0.2", TASK_LIMIT="5")
    yield machines
    machines.client("lambda").delete_function(FunctionName=NAME)


def test_the_others_stay(local: LocalMachines, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in there(local.endpoint).items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(change, ["uncertain_task", "BEHAVIOR=NG", "SLEEP="])
    assert done.exit_code == 0
    assert "has BEHAVIOR=NG, SLEEP= now" in done.output
    found = variables.of(local.client("lambda"), NAME)
    assert found == {"BEHAVIOR": "NG", "SLEEP": "", "TASK_LIMIT": "5"}


def test_a_change_of_somebody_else_in_between_is_not_lost(local: LocalMachines) -> None:
    class Slow:
        """A client between whose look and change somebody else changes the function."""

        def __init__(self) -> None:
            self._real = local.client("lambda")
            self.get_waiter = self._real.get_waiter

        def get_function_configuration(self, **about: str) -> object:
            found = self._real.get_function_configuration(**about)
            variables.change(self._real, NAME, {"THEIRS": "1"})
            return found

        def update_function_configuration(self, **about: Any) -> object:
            return self._real.update_function_configuration(**about)

    with pytest.raises(AwsError, match="PreconditionFailed"):
        variables.change(stand_in(Slow()), NAME, {"OURS": "1"})
    assert "THEIRS" in variables.of(local.client("lambda"), NAME)


def test_nothing_is_changed_on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    done = CliRunner().invoke(change, ["uncertain_task", "BEHAVIOR=NG"])
    assert isinstance(done.exception, BadRequest)
    assert "this is not the local AWS" in str(done.exception)


@pytest.mark.parametrize("word", ["BEHAVIOR", "", "=NG", "A B=1", "1=1"])
def test_what_is_no_variable_is_refused(word: str) -> None:
    with pytest.raises(BadRequest, match="must be NAME=VALUE"):
        read([word])
