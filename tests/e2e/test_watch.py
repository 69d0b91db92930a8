"""What a deploy leaves behind to tell people: topic, alarms, dashboard, metrics."""

import json
from collections.abc import Callable

from respool.local.deployment import Deployment

ALARMS = 10


def test_every_alarm_is_deployed_and_tells_the_topic(deployment: Deployment) -> None:
    prefix = deployment.names.prefix
    found = deployment.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{prefix}-")
    alarms = found["MetricAlarms"]
    assert len(alarms) == ALARMS
    for alarm in alarms:
        (begin,), (end,) = alarm["AlarmActions"], alarm["OKActions"]
        assert begin == end
        assert begin.endswith(f":{prefix}-alerts")


def test_the_dashboard_is_deployed_with_its_names_filled_in(deployment: Deployment) -> None:
    prefix = deployment.names.prefix
    found = deployment.client("cloudwatch").get_dashboard(DashboardName=prefix)
    text = found["DashboardBody"]
    assert "${" not in text
    assert f"{prefix}-spool" in text
    assert json.loads(text)["widgets"]


def test_alert_email_subscribes_one_address(deploy: Callable[..., Deployment]) -> None:
    deployment = deploy(settings={"ALERT_EMAIL": "team@example.com"})
    topics = deployment.client("sns").list_topics()["Topics"]
    (topic,) = [one["TopicArn"] for one in topics if "alerts" in one["TopicArn"]]
    found = deployment.client("sns").list_subscriptions_by_topic(TopicArn=topic)
    (mail,) = found["Subscriptions"]
    assert (mail["Protocol"], mail["Endpoint"]) == ("email", "team@example.com")
