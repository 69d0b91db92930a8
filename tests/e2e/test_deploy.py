"""`chalice deploy`, `delete` and `package` as a user types them, on the local AWS."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from respool.deploy import bundle
from respool.local.deployment import Deployment
from respool.local.emulator import LocalAws
from respool.local.environment import variables, without_aws
from respool.local.project import ProjectCopy, project_copy
from tests.e2e.conftest import Copy, Deploy

BROKEN_PART = {
    "Resources": {
        "Broken": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "DependsOn": ["Machine", "ConsoleToken", "Rescue"],
            "Properties": {
                "FunctionName": {"Fn::Sub": "${Prefix}-nowhere"},
                "EventSourceArn": {"Fn::GetAtt": ["Machine", "Nowhere"]},
            },
        }
    }
}


def mapping(deployment: Deployment) -> Any:
    found = deployment.client("lambda").list_event_source_mappings(
        FunctionName=deployment.names.reprocess
    )
    (one,) = found["EventSourceMappings"]
    return one


def queues(deployment: Deployment) -> list[str]:
    urls = deployment.client("sqs").list_queues().get("QueueUrls", [])
    return sorted(url.rpartition("/")[2] for url in urls)


def is_empty(deployment: Deployment) -> bool:
    functions = deployment.client("lambda").list_functions()["Functions"]
    machines = deployment.client("stepfunctions").list_state_machines()["stateMachines"]
    secrets = deployment.client("secretsmanager").list_secrets()["SecretList"]
    roles = deployment.client("iam").list_roles()["Roles"]
    rules = deployment.client("events").list_rules()["Rules"]
    schedules = deployment.client("scheduler").list_schedules()["Schedules"]
    groups = deployment.client("logs").describe_log_groups(logGroupNamePrefix="/aws/vendedlogs")
    return (
        not (functions or machines or secrets or roles or rules or schedules)
        and not groups["logGroups"]
    )


def everything_readable(deployment: Deployment) -> str:
    """The stack's template and outputs, and the functions with their environments."""
    stacks = deployment.client("cloudformation")
    name = deployment.names.prefix
    template = stacks.get_template(StackName=name)["TemplateBody"]
    about = stacks.describe_stacks(StackName=name)["Stacks"]
    functions = deployment.client("lambda").list_functions()["Functions"]
    assert any("TASK_LIMIT" in str(one.get("Environment")) for one in functions)
    return f"{template} {about} {functions}"


def printed_token(deployment: Deployment, said: str) -> str:
    """What the command prints that a deploy tells: the AWS CLI's text of one field."""
    (line,) = (one for one in said.splitlines() if "aws secretsmanager" in one)
    words = line.split()
    assert words[1:3] == ["secretsmanager", "get-secret-value"]
    assert words[words.index("--output") + 1] == "text"
    found: Mapping[str, Any] = deployment.client("secretsmanager").get_secret_value(
        SecretId=words[words.index("--secret-id") + 1]
    )
    return str(found[words[words.index("--query") + 1]])


def test_first_deploy_says_what_it_made_and_never_the_token(deploy: Deploy, copy: Copy) -> None:
    project = copy()
    said = project.deploy()
    deployment = Deployment(project)
    assert deployment.names.state_machine_arn in said
    assert "respool-local-spool" in said
    assert deployment.api_url in said
    assert deployment.api("GET", "/status", printed_token(deployment, said)).status == 200
    assert deployment.token not in said
    assert deployment.token not in everything_readable(deployment)
    assert "trigger        disabled" in said
    assert mapping(deployment)["State"] == "Disabled"
    assert mapping(deployment)["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_deploying_again_changes_nothing(copy: Copy) -> None:
    project = copy()
    project.deploy()
    token = Deployment(project).token
    assert "nothing in the stack has changed" in project.deploy()
    assert Deployment(project).token == token


def test_deploying_a_changed_setting_changes_what_depends_on_it(copy: Copy) -> None:
    project = copy()
    project.deploy()
    project.change_settings(
        {
            "REPLAY_SCHEDULE": "cron(0 2 * * ? *)",
            "REPLAY_TIMEZONE": "Asia/Tokyo",
            "REPLAY_MAX": "7",
        }
    )
    said = project.deploy()
    assert "changed in the stack: ReplaySchedulePlan, SweepSchedulePlan." in said
    assert "cron(0 2 * * ? *) Asia/Tokyo, at most 7 jobs each time" in said
    plan = Deployment(project).client("scheduler").get_schedule(Name="respool-local-replay")
    assert plan["State"] == "ENABLED"
    assert json.loads(plan["Target"]["Input"]) == {"max": 7, "unattended": True}


def test_a_trigger_enabled_on_purpose_stays_enabled(copy: Copy) -> None:
    project = copy()
    project.deploy()
    deployment = Deployment(project)
    deployment.client("lambda").update_event_source_mapping(
        UUID=mapping(deployment)["UUID"], Enabled=True
    )
    assert "trigger        ENABLED" in project.deploy()
    assert mapping(deployment)["State"] == "Enabled"


def test_a_deploy_that_fails_half_way_says_why_and_the_next_one_succeeds(copy: Copy) -> None:
    part = ".chalice/stack/zz-broken.json"
    project = copy(files={part: json.dumps(BROKEN_PART)})
    failed = project.chalice("deploy")
    assert failed.returncode == 1
    assert "Broken (AWS::Lambda::EventSourceMapping): " in failed.stdout
    assert "Traceback" not in failed.stdout
    assert queues(Deployment(project)) == []
    (project.folder / part).unlink()
    assert "the stack is new" in project.deploy()


def test_an_update_that_fails_leaves_what_worked(copy: Copy) -> None:
    project = copy()
    project.deploy()
    project.write({".chalice/stack/zz-broken.json": json.dumps(BROKEN_PART)})
    failed = project.chalice("deploy")
    assert failed.returncode == 1
    assert "Broken (AWS::Lambda::EventSourceMapping): " in failed.stdout
    deployment = Deployment(project)
    execution = deployment.start({"key": "12345"})
    deployment.wait_until(lambda: deployment.status(execution) == "SUCCEEDED", "the job's end")


def test_a_malformed_definition_stops_the_deploy_before_anything_is_made(copy: Copy) -> None:
    project = copy()
    path = project.folder / "statemachine.json"
    text = path.read_text()
    path.write_text(text.replace('"StartAt"', 'StartAt"'))
    stopped = project.chalice("deploy")
    assert stopped.returncode == 1
    assert "Error: statemachine.json, line 3, column 3: not JSON" in stopped.stdout
    assert_nothing_was_made(project, stopped.stdout)


def test_malformed_settings_stop_the_deploy_before_anything_is_made(copy: Copy) -> None:
    project = copy({"TASK_LIMIT": "many", "SPOOL_VIA": "pigeon"})
    stopped = project.chalice("deploy")
    assert stopped.returncode == 1
    assert "TASK_LIMIT='many'" in stopped.stdout
    assert "SPOOL_VIA='pigeon'" in stopped.stdout
    assert ".chalice/config.json" in stopped.stdout
    assert_nothing_was_made(project, stopped.stdout)


def test_a_wrong_schedule_or_zone_stops_the_deploy_before_anything_is_made(copy: Copy) -> None:
    project = copy({"REPLAY_SCHEDULE": "cron(0 2 * * * *)", "REPLAY_TIMEZONE": "Asia/Tokio"})
    stopped = project.chalice("deploy")
    assert stopped.returncode == 1
    assert "REPLAY_SCHEDULE='cron(0 2 * * * *)'" in stopped.stdout
    assert "REPLAY_TIMEZONE='Asia/Tokio'" in stopped.stdout
    assert_nothing_was_made(project, stopped.stdout)


def assert_nothing_was_made(project: ProjectCopy, said: str) -> None:
    deployment = Deployment(project)
    assert "Traceback" not in said
    assert is_empty(deployment)
    assert deployment.client("cloudformation").list_stacks()["StackSummaries"] == []


def test_delete_removes_everything_where_no_job_is_parked(copy: Copy) -> None:
    project = copy()
    project.deploy()
    deleted = project.chalice("delete")
    assert deleted.returncode == 0
    assert "respool-local is deleted.\n" in deleted.stdout
    deployment = Deployment(project)
    assert is_empty(deployment)
    assert queues(deployment) == []
    assert deployment.client("dynamodb").list_tables()["TableNames"] == []


def apis(deployment: Deployment) -> int:
    return len(deployment.client("apigateway").get_rest_apis()["items"])


def test_a_checkout_without_the_record_changes_nothing_until_it_takes_the_stage_over(
    copy: Copy, aws: LocalAws
) -> None:
    project = copy()
    project.deploy()
    deployment = Deployment(project)
    with project_copy(aws.endpoint, project.account) as other:
        for command in ("deploy", "delete"):
            refused = other.chalice(command)
            assert refused.returncode == 1
            assert "make record STAGE=local" in refused.stdout
            assert "Traceback" not in refused.stdout
        assert apis(deployment) == 1
        assert not is_empty(deployment)

        written = subprocess.run(
            [sys.executable, "-m", "respool.deploy.recording", "--stage", "local"],
            cwd=other.folder,
            env={**without_aws(os.environ), **variables(aws.endpoint, project.account)},
            capture_output=True,
            text=True,
        )
        assert written.returncode == 0, written.stderr
        names = {one["name"]: one for one in other.deployed()}
        assert names == {one["name"]: one for one in project.deployed()}
        other.change_settings({"SLEEP": "0"})
        assert "nothing in the stack has changed" in other.deploy()
        assert apis(deployment) == 1
        assert "respool-local is deleted.\n" in other.chalice("delete").stdout
    assert is_empty(deployment)
    assert apis(deployment) == 0
    assert "nothing of it is left there" in project.chalice("delete").stdout


def test_delete_keeps_parked_jobs_and_a_later_deploy_replays_them(copy: Copy) -> None:
    project = copy()
    project.deploy()
    deployment = Deployment(project)
    deployment.set_behavior("NG")
    jobs = [{"key": f"job-{n}", "load": n} for n in range(3)]
    for job in jobs:
        deployment.start(job)
    deployment.wait_until(lambda: deployment.spool_depth() == 3, "three spooled jobs")

    deleted = project.chalice("delete")
    assert deleted.returncode == 0
    assert "3 jobs wait there" in deleted.stdout
    assert is_empty(deployment)
    assert queues(deployment) == ["respool-local-spool", "respool-local-stuck"]
    assert "3 jobs wait there" in project.chalice("delete").stdout

    project.deploy()
    done = deployment.invoke("reprocess", {})
    assert (done["restarted"], done["remaining"]) == (3, 0)
    deployment.wait_until(lambda: outputs(deployment) == jobs, "three finished jobs")
    assert deployment.spool_depth() == 0


def test_a_large_job_spooled_by_reference_outlives_its_execution(copy: Copy) -> None:
    project = copy({"SPOOL_VIA": "sqs"})
    project.deploy()
    deployment = Deployment(project)
    deployment.set_behavior("NG")
    job = {"key": "large", "load": "x" * 100_000}
    deployment.start(job)
    deployment.wait_until(lambda: deployment.spool_depth() == 1, "a spooled job")
    assert "1 job waits there" in project.chalice("delete").stdout
    project.deploy()
    assert deployment.invoke("reprocess", {})["restarted"] == 1
    deployment.wait_until(lambda: outputs(deployment) == [job], "the job's end")


def test_delete_parks_jobs_that_are_still_running(copy: Copy) -> None:
    project = copy({"SLEEP": "30"})
    project.deploy()
    deployment = Deployment(project)
    execution = deployment.start({"key": "slow"})
    deployment.wait_until(
        lambda: "UncertainTask" in deployment.entered(execution), "a job inside the task"
    )
    deleted = project.chalice("delete")
    assert "Ended 1 execution" in deleted.stdout
    assert "1 job waits there" in deleted.stdout
    assert deployment.spool_depth() == 1


def test_an_emptied_spool_goes_with_the_next_delete(copy: Copy) -> None:
    project = copy()
    project.deploy()
    deployment = Deployment(project)
    deployment.client("sqs").send_message(
        QueueUrl=deployment.queue_url(deployment.names.spool), MessageBody='{"key": "12345"}'
    )
    assert "1 message lies there" in project.chalice("delete").stdout
    deployment.client("sqs").purge_queue(QueueUrl=deployment.queue_url(deployment.names.spool))
    assert "respool-local is deleted.\n" in project.chalice("delete").stdout
    assert queues(deployment) == []


def test_jobs_of_a_stack_that_was_deleted_by_hand_are_taken_in_again(copy: Copy) -> None:
    project = copy()
    project.deploy()
    deployment = Deployment(project)
    deployment.client("sqs").send_message(
        QueueUrl=deployment.queue_url(deployment.names.spool), MessageBody='{"key": "12345"}'
    )
    stacks = deployment.client("cloudformation")
    stacks.delete_stack(StackName=deployment.names.prefix)
    stacks.get_waiter("stack_delete_complete").wait(
        StackName=deployment.names.prefix, WaiterConfig={"Delay": 1}
    )
    assert "took in what was left: Claims, Spool, Stuck" in project.deploy()
    found = stacks.describe_stack_resources(StackName=deployment.names.prefix)["StackResources"]
    assert {"Spool", "Stuck", "Claims"} <= {one["LogicalResourceId"] for one in found}
    assert deployment.spool_depth() == 1


def outputs(deployment: Deployment) -> list[Any]:
    found = deployment.client("stepfunctions").list_executions(
        stateMachineArn=deployment.names.state_machine_arn, statusFilter="SUCCEEDED"
    )
    ends = [deployment.output(one["executionArn"]) for one in found["executions"]]
    return sorted(ends, key=lambda end: str(end["key"]))


def test_package_writes_a_companion_that_stands_alone(copy: Copy) -> None:
    project = copy()
    packaged = project.chalice("package", "out")
    assert packaged.returncode == 0
    text = (project.folder / "out" / "companion.json").read_text()
    assert len(text.encode()) <= 51_200
    companion = json.loads(text)
    assert "Parameters" not in companion
    sam = json.loads((project.folder / "out" / "sam.json").read_text())
    names = {
        resource["Properties"]["FunctionName"]
        for resource in sam["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert "respool-local" in names
    assert "respool-local-error_spool" in names
    spool = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:respool-local-spool"
    assert spool in json.dumps(sam)
    assert list(bundle.sizes(project.folder / "out" / bundle.ZIP))
