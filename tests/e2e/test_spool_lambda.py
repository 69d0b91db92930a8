"""A job is parked even while the Lambda that sends notes stays broken."""

from chalicelib.job.record import decode
from respool.local.deployment import Deployment


def test_a_job_is_parked_when_the_spool_lambda_stays_broken_and_its_note_comes_later(
    stage: Deployment,
) -> None:
    stage.set_behavior("NG")
    try:
        stage.set_environment("error_spool", TASK_LIMIT="broken")
        execution = stage.start({"key": "12345"})
        stage.wait_until(lambda: stage.jobs("parked") == ["12345"], "the job to be parked")
    finally:
        stage.set_environment("error_spool", TASK_LIMIT="5")
    assert (stage.spool_depth(), stage.claim("12345")["noted"]) == (0, "no")
    events = stage.history(execution)
    errors = [e["taskFailedEventDetails"]["error"] for e in events if e["type"] == "TaskFailed"]
    assert errors.count("SettingsError") == 5  # the first try and its four retries

    swept = stage.invoke("reprocess", {"sweep": True})
    received = stage.client("sqs").receive_message(
        QueueUrl=stage.queue_url(stage.names.spool), VisibilityTimeout=0
    )
    record = decode(received["Messages"][0]["Body"])
    stage.set_behavior("OK")
    result = stage.invoke("reprocess", {})
    stage.wait_until(lambda: stage.status(execution) == "SUCCEEDED", "the job to finish")

    assert swept["noted"] == ["12345"]
    assert (record.key, record.attempt, record.execution) == ("12345", 1, execution)
    assert result["resumed"] == 1
    assert stage.output(execution) == {"key": "12345"}
