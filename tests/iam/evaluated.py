"""The definition's states as they call AWS: placeholders filled, expressions evaluated."""

from typing import Any

from ministack.services import stepfunctions

from respool.deploy.definition import all_states, fill
from tests.iam.deployed import Deployed
from tests.iam.stage import IamStage

VARIABLES: dict[str, Any] = {
    "key": "k",
    "task": "UncertainTask",
    "limit": "5",
    "attempt": 1,
    "failedAt": "2026-11-24T01:00:00.000Z",
    "firstFailedAt": "",
    "failure": {"name": "E", "message": ""},
    "record": {"respool": 1},
}


def tasks(stage: IamStage, deployed: Deployed) -> list[tuple[str, Any]]:
    """Each Task's resource and arguments, as one execution of the stage has them."""
    machine = deployed.resources["Machine"]["Properties"]
    url = stage.session.client("sqs").get_queue_url(QueueName=stage.names.spool)["QueueUrl"]
    own = {"Claims": stage.names.table, "SpoolUrl": url, "TaskLimit": "5"}
    definition = fill(machine["Definition"], {**machine["DefinitionSubstitutions"], **own})
    context = {
        "QueryLanguage": "JSONata",
        "Execution": {"Id": stage.names.execution_arn("one"), "Input": {"key": "k"}, "Name": "one"},
        "State": {"EnteredTime": "2026-11-24T00:00:00.000Z"},
        "Task": {"Token": stage.token()},
        "variables": VARIABLES,
    }
    return [
        (
            state["Resource"],
            stepfunctions._apply_jsonata_template(state["Arguments"], {}, context),
        )
        for _, state in all_states(definition)
        if state["Type"] == "Task"
    ]
