"""What is shipped adopted is what adopt makes of the plain source that lies beside it."""

import json
from pathlib import Path

import pytest

from respool.adopt.reading import write
from respool.adopt.undo import undo
from respool.cli.context import Context
from respool.cli.run import run
from respool.deploy.definition import placeholders
from tests.frame import Run
from tests.unit.adopted import EVERY, made

PLAIN = Path("docs/pipelines/plain")
MADE = {
    "one-task": ("statemachine.json", ["UncertainTask"]),
    "three-steps": ("docs/pipelines/three-steps.json", ["UncertainTask"]),
    "two-tasks": ("docs/pipelines/two-tasks.json", ["FetchOrders", "SendInvoice"]),
}


def test_each_pipeline_has_its_plain_source() -> None:
    assert sorted(MADE) == sorted(each.stem for each in PLAIN.iterdir())
    adopted = {Path(file) for file, _ in MADE.values()}
    assert set(Path("docs/pipelines").glob("*.json")) == adopted - {Path("statemachine.json")}


@pytest.mark.parametrize("name", MADE)
def test_an_adopted_file_is_to_the_byte_what_adopt_makes(name: str, tmp_path: Path) -> None:
    file, tasks = MADE[name]
    source = PLAIN / f"{name}.json"
    chosen = [word for task in tasks for word in ("--task", task)]
    out = tmp_path / "adopted.json"

    assert run(["adopt", str(source), *chosen, "-o", str(out)], Context()) == 0
    assert out.read_bytes() == Path(file).read_bytes()
    assert json.dumps(undo(json.loads(out.read_text()))) == json.dumps(
        json.loads(source.read_text())
    )


@pytest.mark.parametrize(("error", "cause"), [("E", "x" * 5000), (None, None)])
def test_a_failing_job_of_a_pipeline_is_parked(error: str | None, cause: str | None) -> None:
    run = Run({"key": "k"}, path="docs/pipelines/three-steps.json")
    run.claim()
    failure = run.fail(error, cause)
    run.variables["respoolNoted"] = "yes"
    values = run.parameters("Park")["TransactItems"][1]["Update"]["ExpressionAttributeValues"]

    assert values[":queue"] == {"S": f"parked#{run.task}"}
    assert values[":attempt"] == {"N": "1"}
    assert values[":cause"] == {"S": failure["error"]["Cause"]}
    assert len(failure["error"]["Cause"]) <= 4000


@pytest.mark.parametrize("name", [*EVERY, "orders"])
def test_sam_cdk_and_terraform_find_no_placeholders_but_the_team_s_own(name: str) -> None:
    theirs = json.loads(Path("docs/pipelines/orders/orders.json").read_text())
    plain = EVERY.get(name, theirs)
    values = dict.fromkeys(("Claims", "ErrorSpool", "CloseAfter", "HistorySeconds"), "x")

    text = write(made(plain, values=values))

    assert placeholders(json.loads(text)) == placeholders(plain)
    assert "%{" not in text  # a directive of Terraform's templatefile
