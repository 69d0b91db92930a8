"""What `make verify` decides without AWS: its own stage's settings, and how many were inside."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.job.claim import Claim
from respool.verify.free import PROBES, Free, as_fact, shape
from respool.verify.own import NotOurs, OwnStage, own_config, refuse_others
from respool.verify.scenario import most_at_once
from tests.fakes.definition import deployed_json, read
from tests.fakes.stand_in import stand_in
from tests.fakes.state_test import StateTest

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def history(*events: tuple[int, str]) -> list[Mapping[str, Any]]:
    kinds = [(NOON + timedelta(seconds=at), f"LambdaFunction{kind}") for at, kind in events]
    return [{"timestamp": at, "type": kind} for at, kind in kinds]


def test_jobs_whose_work_overlaps_are_counted_as_inside_at_once() -> None:
    first = history((0, "Scheduled"), (4, "Failed"), (5, "Scheduled"), (9, "Succeeded"))
    second = history((8, "Scheduled"), (12, "Succeeded"))
    third = history((12, "Scheduled"), (13, "Succeeded"))

    assert most_at_once([first, second, third]) == 2
    assert most_at_once([first, third]) == 1


def test_the_own_stage_has_the_settings_of_the_other_but_nothing_that_acts_by_itself() -> None:
    settings = {"TASK_LIMIT": "3", "REPLAY_SCHEDULE": "rate(1 hour)", "ALERT_EMAIL": "a@b.example"}
    config = {
        "environment_variables": {"HOLD_WINDOWS": "Mon 08:00-09:00 UTC", "MINE": "1"},
        "stages": {"dev": {"environment_variables": settings}},
    }

    own = own_config(config, OwnStage("dev", Path("anywhere")))

    assert list(own["stages"]) == ["dev-verify"]
    chosen = own["stages"]["dev-verify"]["environment_variables"]
    assert chosen["TASK_LIMIT"] == "3"
    assert chosen["REPLAY_SCHEDULE"] == "off"
    assert "ALERT_EMAIL" not in chosen
    assert own["environment_variables"] == {"MINE": "1"}
    assert config["stages"] == {"dev": {"environment_variables": settings}}


def test_a_stage_that_the_project_does_not_have_is_refused() -> None:
    with pytest.raises(NotOurs, match="'staging' is not in"):
        own_config({"stages": {"dev": {}}}, OwnStage("staging", Path("anywhere")))


def test_a_stage_with_somebody_else_s_job_is_left_alone() -> None:
    ours = Claim("job#verify-1234-a", "arn:ours")
    refuse_others([ours])

    with pytest.raises(NotOurs, match="such as order-1"):
        refuse_others([ours, Claim("job#order-1", "arn:theirs")])


def state_test(definition: dict[str, Any]) -> StateTest:
    return StateTest(read(definition), definition["States"])


def test_every_state_that_is_asked_about_does_as_it_must() -> None:
    definition = json.loads(deployed_json())
    said: list[str] = []
    free = Free(stand_in(state_test(definition)), said.append)

    seen = free.run(definition)

    assert free.wrong == []
    assert [one["id"] for one in seen] == [probe.id for probe in PROBES]
    assert said[0] == "yes: AWS takes the definition, every state of it."
    assert not [line for line in said if line.startswith("NO")]


def test_a_state_that_leads_elsewhere_is_told_with_its_fact() -> None:
    definition = json.loads(deployed_json())
    definition["States"]["ErrorSpool"]["Catch"] = []
    definition["States"]["ClaimJob"]["Assign"]["respool"]["pk"] = "job#1"
    aws = state_test(definition)
    aws.diagnostics = [{"message": "unknown resource", "code": "X", "location": "/States/Park"}]
    free = Free(stand_in(aws), lambda _: None)

    free.run(definition)

    text = "\n".join(free.wrong)
    assert "state Park: AWS refuses it: unknown resource" in text
    assert "broken-spool-parks-all-the-same: it leads to None, not Park" in text
    assert "claim-by-key: $respool.pk is 'job#1', not 'job#12345'" in text


def test_who_may_not_ask_is_told_so_and_nothing_is_wrong() -> None:
    class Refusing:
        def refuse(self, **_: Any) -> None:
            raise ClientError(
                {"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "TestState"
            )

        validate_state_machine_definition = test_state = refuse

    said: list[str] = []
    free = Free(stand_in(Refusing()), said.append)

    assert free.run(json.loads(deployed_json())) == []
    assert free.wrong == []
    assert [line.partition(":")[0] for line in said] == ["not asked", "not asked"]


def test_what_is_recorded_has_names_and_shapes_and_nothing_of_anybody_s() -> None:
    answer = {
        "status": "SUCCEEDED",
        "nextState": "TakeSlot",
        "inspectionData": {"variables": '{"respool": {"pk": "job#12345", "n": 5}, "attempt": "1"}'},
    }
    seen = as_fact(PROBES[0], answer)

    assert seen["leads"] == "TakeSlot"
    assert seen["variables"] == {"respool": {"pk": "text", "n": "number"}, "attempt": "1"}
    assert shape(["a", True, None, 1.5]) == ["text", True, None, "number"]
