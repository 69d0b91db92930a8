import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib import names
from chalicelib.limits import STORED_TEMPLATE, TEMPLATE
from chalicelib.settings import Settings
from respool.deploy import template
from respool.deploy.checks.findings import Malformed
from respool.deploy.definition import placeholders, spooling_via
from tests.iam.deployed import FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = json.loads((ROOT / "statemachine.json").read_text())
PARTS = template.read_parts(ROOT)


def rendered(definition: dict[str, Any] = DEFINITION, **settings: str) -> dict[str, Any]:
    stage = template.values(Settings.read(settings), "respool-dev")
    return template.companion(PARTS, definition, FUNCTIONS, stage)


def resources(whole: dict[str, Any], kind: str) -> dict[str, Any]:
    return {n: one for n, one in whole["Resources"].items() if one["Type"] == kind}


def properties(whole: dict[str, Any], name: str) -> dict[str, Any]:
    fields: dict[str, Any] = whole["Resources"][name]["Properties"]
    return fields


def test_names_are_those_that_the_product_looks_for() -> None:
    whole = rendered()
    here = names.Names("respool-dev", "aws", "eu-west-1", "123456789012")
    assert properties(whole, "Spool")["QueueName"] == here.spool
    assert properties(whole, "Stuck")["QueueName"] == here.stuck
    assert properties(whole, "Claims")["TableName"] == here.table
    assert properties(whole, "ConsoleToken")["Name"] == here.secret
    assert properties(whole, "Machine")["StateMachineName"] == here.prefix
    assert properties(whole, "Trigger")["FunctionName"] == here.reprocess


@pytest.mark.parametrize("queue", ["Spool", "Stuck"])
def test_queues_keep_jobs_as_long_as_sqs_can(queue: str) -> None:
    whole = rendered()
    config = json.loads((ROOT / ".chalice/config.json").read_text())
    timeout = config["lambda_functions"]["reprocess"]["lambda_timeout"]
    about = properties(whole, queue)
    assert about["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert about["MaximumMessageSize"] == 1024 * 1024, "a note may be longer than an input"
    assert about["SqsManagedSseEnabled"] is True
    assert about["VisibilityTimeout"] >= 6 * timeout
    assert "RedrivePolicy" not in about
    assert whole["Resources"][queue]["DeletionPolicy"] == "Retain"
    assert whole["Resources"][queue]["UpdateReplacePolicy"] == "Retain"


def test_queues_and_topic_refuse_plain_http() -> None:
    whole = rendered()
    policies = resources(whole, "AWS::SQS::QueuePolicy") | resources(whole, "AWS::SNS::TopicPolicy")
    for policy in policies.values():
        denials = [
            one
            for one in policy["Properties"]["PolicyDocument"]["Statement"]
            if one["Effect"] == "Deny"
        ]
        assert denials[0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_every_queue_and_topic_has_a_policy() -> None:
    whole = rendered()
    policies = resources(whole, "AWS::SQS::QueuePolicy").values()
    covered = {one["Ref"] for policy in policies for one in policy["Properties"]["Queues"]}
    assert covered == set(resources(whole, "AWS::SQS::Queue"))


def test_the_trigger_is_disabled_and_reports_failures_one_by_one() -> None:
    trigger = properties(rendered(), "Trigger")
    assert trigger["Enabled"] is False
    assert trigger["BatchSize"] == 10
    assert trigger["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


INDEXED = {"since", "attempt", "failedAt", "firstFailedAt", "error", "noted", "notedAt", "deadAt"}


def test_the_index_lists_waiting_jobs_and_has_no_token() -> None:
    table = properties(rendered(), "Claims")
    (index,) = table["GlobalSecondaryIndexes"]
    keys = {one["KeyType"]: one["AttributeName"] for one in index["KeySchema"]}
    assert (index["IndexName"], keys) == ("waiting", {"HASH": "queue", "RANGE": "order"})
    assert index["Projection"]["ProjectionType"] == "INCLUDE"
    assert set(index["Projection"]["NonKeyAttributes"]) == INDEXED
    defined = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    assert defined == {"pk": "S", "queue": "S", "order": "S"}


def test_what_is_over_goes_by_itself_and_what_is_lost_can_be_restored() -> None:
    table = properties(rendered(), "Claims")
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize(
    ("stage", "protected"), [("prod", True), ("dev", False), ("local", False), ("preprod", False)]
)
def test_the_table_of_prod_is_not_deleted_by_mistake(stage: str, protected: bool) -> None:
    prefix = f"respool-{stage}"
    whole = template.companion(PARTS, DEFINITION, FUNCTIONS, template.values(Settings(), prefix))
    assert properties(whole, "Claims")["DeletionProtectionEnabled"] is protected
    kept = template.remains(PARTS, prefix)["Resources"]["Claims"]
    assert kept == whole["Resources"]["Claims"]


def test_admit_is_called_by_the_stream_only_while_somebody_is_in_line() -> None:
    (pattern,) = properties(rendered(), "Admission")["FilterCriteria"]["Filters"]
    assert json.loads(pattern["Pattern"]) == {
        "dynamodb": {
            "Keys": {"pk": {"S": [{"prefix": "slots#"}]}},
            "NewImage": {"waiting": {"N": [{"anything-but": ["0"]}]}},
        }
    }


def test_without_a_spool_lambda_admit_hears_of_parked_jobs_too() -> None:
    whole = rendered(spooling_via(DEFINITION, "sqs"))
    mapping = properties(whole, "Admission")
    assert properties(whole, "Claims")["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["Claims", "StreamArn"]}
    assert mapping["FunctionName"] == "respool-dev-admit"
    parked, _ = mapping["FilterCriteria"]["Filters"]
    assert json.loads(parked["Pattern"]) == {
        "dynamodb": {
            "Keys": {"pk": {"S": [{"prefix": "job"}]}},
            "NewImage": {
                "queue": {"S": [{"prefix": "parked#"}]},
                "cause": {"S": [{"exists": True}]},
            },
        }
    }


def test_no_batch_of_the_stream_is_ever_given_up() -> None:
    mapping = properties(rendered(), "Admission")
    assert (mapping["MaximumRetryAttempts"], mapping["MaximumRecordAgeInSeconds"]) == (-1, -1)
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert (mapping["BatchSize"], mapping["ParallelizationFactor"]) == (100, 1)
    assert "DestinationConfig" not in mapping
    assert "MaximumBatchingWindowInSeconds" not in mapping


def test_admit_is_called_every_five_minutes_whatever_the_stream_tells() -> None:
    plan = properties(rendered(), "AdmitSchedulePlan")
    assert (plan["State"], plan["ScheduleExpression"]) == ("ENABLED", "rate(5 minutes)")
    assert plan["Target"]["Input"] == "{}"
    assert plan["Target"]["Arn"]["Fn::Sub"].endswith(":function:respool-dev-admit")


@pytest.mark.parametrize(
    ("settings", "close_after", "seconds"),
    [
        ({}, "0", str(30 * 86_400)),
        ({"CLOSE_AFTER": "7", "HISTORY_DAYS": "1"}, "7", "86400"),
        ({"RECOVERY": "ramp"}, "5", str(30 * 86_400)),
        ({"RECOVERY": "ramp", "CLOSE_AFTER": "off"}, "0", str(30 * 86_400)),
    ],
)
def test_the_definition_gets_its_settings_as_digits(
    settings: dict[str, str], close_after: str, seconds: str
) -> None:
    machine = properties(rendered(DEFINITION, **settings), "Machine")
    values = machine["DefinitionSubstitutions"]
    assert (values["CloseAfter"], values["HistorySeconds"]) == (close_after, seconds)


@pytest.mark.parametrize("via", ["lambda", "sqs"])
def test_the_machine_may_spool_only_where_its_definition_does(via: str) -> None:
    definition = spooling_via(DEFINITION, via)
    assert ("MachineMaySpool" in rendered(definition)["Resources"]) == (via == "sqs")


def test_the_machine_logs_errors_without_the_jobs_data() -> None:
    logging = properties(rendered(), "Machine")["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)


def test_every_placeholder_of_the_definition_has_a_value() -> None:
    for via in ("lambda", "sqs"):
        definition = spooling_via(DEFINITION, via)
        machine = properties(rendered(definition), "Machine")
        assert machine["Definition"] == definition
        assert set(machine["DefinitionSubstitutions"]) == placeholders(definition)


def test_the_machine_may_invoke_what_its_definition_names_and_nothing_else() -> None:
    invoked = properties(rendered(spooling_via(DEFINITION, "sqs")), "MachineMayInvoke")
    (statement,) = invoked["PolicyDocument"]["Statement"]
    (resource,) = statement["Resource"]
    assert resource["Fn::Sub"].endswith(":function:respool-dev-uncertain_task")


def test_a_machine_without_lambdas_may_invoke_none() -> None:
    definition = {"States": {"ErrorSpool": {"Arguments": {"QueueUrl": "${SpoolUrl}"}}}}
    whole = rendered(definition)
    assert "MachineMayInvoke" not in whole["Resources"]
    assert "MachineMayWrite" not in whole["Resources"]
    assert whole["Resources"]["Machine"]["DependsOn"] == ["MachineMaySpool"]


def written(definition: dict[str, Any]) -> list[str]:
    (statement,) = properties(rendered(definition), "MachineMayWrite")["PolicyDocument"][
        "Statement"
    ]
    assert statement["Action"] == "dynamodb:UpdateItem"
    keys: list[str] = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    return keys


def test_the_machine_may_write_what_its_definition_writes_and_nothing_else() -> None:
    assert written(DEFINITION) == ["job#*", "slots#*"]
    steps = json.loads((ROOT / "docs/pipelines/three-steps.json").read_text())
    assert written(steps) == ["example#*", "job#*", "slots#*"]


@pytest.mark.parametrize(
    "key",
    [
        {"S": "token#abc"},
        {"S.$": "States.Format('token#{}', $.name)"},
        {"S": "{% 'token#' & $states.input.name %}"},
    ],
)
def test_a_definition_that_would_let_people_in_is_refused(key: dict[str, str]) -> None:
    state = {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:updateItem"}
    task = {**state, "Parameters": {"Key": {"pk": key}}}
    with pytest.raises(Malformed, match="token#"):
        rendered({"States": {**DEFINITION["States"], "LetIn": task}})


def test_no_role_has_a_star_where_aws_knows_names() -> None:
    for role in resources(rendered(), "AWS::IAM::Role").values():
        for policy in role["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement["Resource"] == "*":
                    assert {action.partition(":")[0] for action in statement["Action"]} == {"logs"}


def test_roles_are_assumed_only_for_this_account() -> None:
    for role in resources(rendered(), "AWS::IAM::Role").values():
        (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Condition"] == {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        }


def test_schedules_are_there_but_off_until_they_are_set() -> None:
    whole = rendered(SWEEP_SCHEDULE="off")
    for name in ("ReplaySchedulePlan", "SweepSchedulePlan"):
        assert properties(whole, name)["State"] == "DISABLED"
        assert properties(whole, name)["ScheduleExpression"] == "rate(1 day)"


def test_a_nightly_replay_runs_in_its_time_zone_and_takes_so_many() -> None:
    whole = rendered(
        REPLAY_SCHEDULE="cron(0 2 * * ? *)", REPLAY_TIMEZONE="Asia/Tokyo", REPLAY_MAX="25"
    )
    plan = properties(whole, "ReplaySchedulePlan")
    assert plan["State"] == "ENABLED"
    assert plan["ScheduleExpression"] == "cron(0 2 * * ? *)"
    assert plan["ScheduleExpressionTimezone"] == "Asia/Tokyo"
    assert json.loads(plan["Target"]["Input"]) == {"max": 25, "unattended": True}


def test_mail_goes_out_only_where_somebody_wants_it() -> None:
    assert "AlertsByMail" not in rendered()["Resources"]
    mail = rendered(ALERT_EMAIL="team@example.com")["Resources"]["AlertsByMail"]
    assert mail["Properties"]["Endpoint"] == "team@example.com"
    assert "Condition" not in mail


def test_nothing_is_left_of_the_parameters() -> None:
    whole = rendered()
    values = set(template.values(Settings(), "respool-dev"))
    assert "Parameters" not in whole
    definition = properties(whole, "Machine").pop("Definition")
    assert not values & placeholders(whole)
    assert "Prefix" not in placeholders(definition)
    assert '{"Ref": "Prefix"}' not in json.dumps(whole)


def test_every_function_has_a_log_group_that_ends() -> None:
    groups = resources(rendered(), "AWS::Logs::LogGroup").values()
    log_names = {group["Properties"]["LogGroupName"] for group in groups}
    assert {"/aws/lambda/respool-dev", "/aws/lambda/respool-dev-error_spool"} <= log_names
    assert all(group["Properties"]["RetentionInDays"] == 90 for group in groups)


def test_what_remains_while_jobs_are_parked_is_queues_and_table_alone() -> None:
    remains = template.remains(PARTS, "respool-dev")
    assert set(remains["Resources"]) == {"Spool", "Stuck", "QueuesOverTls", "Claims"}
    assert set(remains["Outputs"]) == {"SpoolUrl", "StuckUrl", "ClaimsTable"}
    whole = rendered()
    for name, resource in remains["Resources"].items():
        assert resource == whole["Resources"][name]


def test_a_body_that_no_request_takes_needs_a_bucket_and_no_comment_is_dropped() -> None:
    large = _machine_of({"Type": "Succeed", "Comment": "x" * TEMPLATE})
    with pytest.raises(Malformed, match="51200 in a request"):
        template.body(large)

    assert json.loads(template.body(large, "templates")) == large


def test_a_body_that_no_bucket_takes_is_refused() -> None:
    with pytest.raises(Malformed, match="Choose fewer tasks"):
        template.body(_machine_of({"Type": "Fail", "Cause": "x" * STORED_TEMPLATE}), "templates")


def _machine_of(state: dict[str, Any]) -> dict[str, Any]:
    definition = {"StartAt": "Only", "States": {"Only": state}}
    return {"Resources": {"Machine": {"Properties": {"Definition": definition}}}}


def test_two_parts_with_one_name_are_refused() -> None:
    with pytest.raises(Malformed, match=r"b\.json: Resources has Spool"):
        template.join(
            [("a.json", {"Resources": {"Spool": {}}}), ("b.json", {"Resources": {"Spool": {}}})]
        )


def test_a_lambda_is_known_by_its_name_in_camel_case() -> None:
    assert template.known_placeholders(["step_a"]) == {
        "Claims",
        "SpoolUrl",
        "CloseAfter",
        "HistorySeconds",
        "StepA",
    }
