"""A job is spooled even while the Lambda that spools jobs stays broken."""

from chalicelib.job.record import decode
from respool.local.deployment import Deployment


def test_a_job_is_spooled_directly_when_the_spool_lambda_stays_broken(stage: Deployment) -> None:
    stage.set_behavior("NG")
    stage.set_environment("error_spool", TASK_LIMIT="broken")
    try:
        execution = stage.start({"key": "12345"})
        stage.wait_until(lambda: stage.spool_depth() == 1, "the state machine to spool it itself")
    finally:
        stage.set_environment("error_spool", TASK_LIMIT="5")
    received = stage.client("sqs").receive_message(
        QueueUrl=stage.queue_url(stage.names.spool), VisibilityTimeout=0
    )
    record = decode(received["Messages"][0]["Body"])
    stage.set_behavior("OK")

    result = stage.invoke("reprocess", {})
    stage.wait_until(lambda: stage.status(execution) == "SUCCEEDED", "the job to finish")

    events = stage.history(execution)
    errors = [e["taskFailedEventDetails"]["error"] for e in events if e["type"] == "TaskFailed"]
    assert errors.count("SettingsError") == 5  # the first try and its four retries
    assert "SpoolDirectly" in stage.entered(execution)
    assert (record.key, record.input) == ("12345", {"key": "12345"})
    assert result["resumed"] == 1
    assert stage.output(execution) == {"key": "12345"}
