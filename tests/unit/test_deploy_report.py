from pathlib import Path

import pytest

from chalicelib.names import Names
from chalicelib.settings import Settings
from respool.deploy import report
from respool.deploy.deleting import Deleted
from respool.deploy.deploying import Deployed
from respool.deploy.report import Place
from respool.deploy.retained import Kept
from respool.deploy.steps import Step

NAMES = Names("respool-dev", "aws", "eu-west-1", "123456789012")
PLACE = Place("dev", NAMES, "https://example.com/api/", " --profile ops --region eu-west-1")
OUTPUTS = {
    "StateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:respool-dev",
    "SpoolUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/respool-dev-spool",
}


def said(done: Deployed, settings: Settings | None = None) -> str:
    return "\n".join(report.deployed(PLACE, done, settings or Settings()))


def test_a_deploy_tells_where_everything_is() -> None:
    text = said(Deployed(Step.CREATE, ["Spool", "Claims"], OUTPUTS, trigger=False))
    assert "respool-dev is deployed: the stack is new, with 2 resources." in text
    assert OUTPUTS["StateMachineArn"] in text
    assert OUTPUTS["SpoolUrl"] in text
    assert "https://example.com/api/" in text
    assert (
        "aws secretsmanager get-secret-value --secret-id respool-dev/console"
        " --query SecretString --output text --profile ops --region eu-west-1"
    ) in text
    assert "trigger        disabled" in text
    assert "limit          20 requests per second, 100 at once" in text
    assert "set REPLAY_SCHEDULE to turn the unattended replay on" in text


def test_a_deploy_names_what_it_changed_and_counts_the_rest() -> None:
    changed = [f"R{n}" for n in range(10)]
    text = said(Deployed(Step.UPDATE, changed, OUTPUTS, trigger=False))
    assert "changed in the stack: R0, R1, R2, R3, R4, R5, R6, R7 and 2 more." in text


def test_an_enabled_trigger_and_a_schedule_stand_out() -> None:
    settings = Settings.read(
        {
            "REPLAY_SCHEDULE": "cron(0 2 * * ? *)",
            "REPLAY_TIMEZONE": "Asia/Tokyo",
            "SWEEP_SCHEDULE": "off",
            "ALERT_EMAIL": "team@example.com",
            "WEBHOOK_URL": "https://hooks.example/s3cret",
        }
    )
    text = said(Deployed(Step.UPDATE, [], OUTPUTS, trigger=True), settings)
    assert "nothing in the stack has changed" in text
    assert "ENABLED, as it was before" in text
    assert "cron(0 2 * * ? *) Asia/Tokyo, at most 10 jobs each time" in text
    assert "sweep          off" in text
    assert "team@example.com" in text
    assert "signed by the secret respool-dev/webhook" in text
    assert "s3cret" not in text


def test_a_delete_that_kept_jobs_says_how_to_get_at_them() -> None:
    text = "\n".join(report.deleted(PLACE, Deleted(Step.SHRINK, Kept(1), ["arn:e:job-1"])))
    assert "Ended 1 execution: job-1." in text
    assert "1 job waits there" in text
    assert "chalice deploy --stage dev" in text
    assert "--queue-name respool-dev-spool --output text --profile ops" in text
    assert "update-table" not in text


def test_a_delete_that_kept_messages_says_that_nothing_else_knows_them() -> None:
    text = "\n".join(report.deleted(PLACE, Deleted(Step.SHRINK, Kept(0, 2), [])))
    assert "2 messages lie there that no claim knows of" in text


def test_a_delete_that_kept_nothing_says_just_that() -> None:
    first, then = report.deleted(PLACE, Deleted(Step.DELETE, Kept(), []))
    assert first == "respool-dev is deleted."
    assert "after a minute" in then


@pytest.mark.parametrize("kept", [Kept(protected=True), Kept(3, protected=True)])
def test_a_protected_table_stays_and_the_command_that_unprotects_it_is_told(kept: Kept) -> None:
    text = "\n".join(report.deleted(PLACE, Deleted(Step.DELETE, kept, [])))
    assert "respool-dev is deleted but for" in text
    assert (
        "aws dynamodb update-table --table-name respool-dev-claims"
        " --no-deletion-protection-enabled --profile ops --region eu-west-1"
    ) in text


def test_a_package_says_how_its_companion_is_deployed() -> None:
    text = "\n".join(report.packaged("respool-dev", Path("out/companion.json")))
    assert "--template-file out/companion.json --stack-name respool-dev" in text
    assert "--s3-bucket" not in text
    assert "--s3-bucket ours" in "\n".join(report.packaged("respool-dev", Path("c.json"), "ours"))
