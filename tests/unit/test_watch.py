"""Alarms and dashboard, held to the metrics that the code emits."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib import metrics
from chalicelib.job.plan import Choice
from chalicelib.parking.sweep import NEAR_YEAR
from chalicelib.settings import Settings
from chalicelib.telemetry import LambdaTelemetry
from respool.deploy.preflight import Source, check
from tests.fakes.stage import FakeStage, Process
from tests.fakes.wire import Fault, Wire
from tests.iam.deployed import FUNCTIONS
from tests.ramp_stage import RampStage

PROJECT = Path(__file__).resolve().parents[2]
STAGE = frozenset({"stage"})
EACH = frozenset({"stage", "task", "error"})
AWS_METRICS = {
    "AWS/SQS": (
        {"QueueName"},
        {
            "ApproximateNumberOfMessagesVisible",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateAgeOfOldestMessage",
        },
    ),
    "AWS/Lambda": ({"FunctionName"}, {"Errors"}),
    "AWS/DynamoDB": ({"TableName"}, {"ReadThrottleEvents", "WriteThrottleEvents"}),
    "AWS/States": (
        {"StateMachineArn"},
        {
            "ExecutionsStarted",
            "ExecutionsSucceeded",
            "ExecutionsFailed",
            "ExecutionsAborted",
            "ExecutionsTimedOut",
        },
    ),
}
"""What AWS's documentation names, each namespace with its dimension."""

Shown = tuple[str, str, dict[str, str]]


class Noting:
    """A telemetry that keeps which metric was counted with which dimensions."""

    def __init__(self) -> None:
        self.seen: dict[str, set[frozenset[str]]] = defaultdict(set)

    def event(self, action: str, **fields: Any) -> None:
        """Nothing."""

    def warning(self, action: str, **fields: Any) -> None:
        """Nothing."""

    def metric(self, name: str, value: float = 1, **dimensions: str) -> None:
        """As LambdaTelemetry does: for the stage, and for all dimensions given."""
        del value
        self.seen[name] |= {STAGE, STAGE | set(dimensions)}


def _template(**environment: str) -> dict[str, Any]:
    checked = check(Source(PROJECT, "dev", environment, FUNCTIONS))
    return dict(checked.template["Resources"])


def _of_type(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = [one for one in resources.values() if one["Type"] == f"AWS::{kind}"]
    assert found
    return [one["Properties"] for one in found]


def _alarms() -> list[dict[str, Any]]:
    return _of_type(_template(), "CloudWatch::Alarm")


def _widgets() -> list[dict[str, Any]]:
    (dashboard,) = _of_type(_template(), "CloudWatch::Dashboard")
    text = dashboard["DashboardBody"]["Fn::Sub"]
    for name in ("Region", "Partition", "AccountId"):
        text = text.replace(f"${{AWS::{name}}}", name)
    assert "${" not in text
    return list(json.loads(text)["widgets"])


def _in_widget(widget: dict[str, Any]) -> Iterator[Shown]:
    before: list[str] = []
    for line in widget["properties"]["metrics"]:
        if isinstance(line[0], dict):
            yield from _in_search(line[0]["expression"])
            continue
        words = [word for word in line if isinstance(word, str)]
        if "." in words:
            words = [old if word == "." else word for word, old in zip(words, before, strict=True)]
        before = words
        yield words[0], words[1], dict(zip(words[2::2], words[3::2], strict=True))


def _in_search(expression: str) -> Iterator[Shown]:
    schema = re.search(r"\{(\w+),([\w,]+)\}", expression)
    named = re.search(r'MetricName="(\w+)"', expression)
    assert schema
    assert named
    yield schema[1], named[1], dict.fromkeys(schema[2].split(","), "")


def _shown() -> Iterator[Shown]:
    for alarm in _alarms():
        dimensions = {one["Name"]: json.dumps(one["Value"]) for one in alarm["Dimensions"]}
        yield alarm["Namespace"], alarm["MetricName"], dimensions
    for widget in _widgets():
        yield from _in_widget(widget)


def _emitted() -> dict[str, set[frozenset[str]]]:
    """What jobs, replays, the rescue and the sweep count when everything happens that can."""
    telemetry = Noting()
    for course in (_replayed, _fallen, _moved, _near_the_year, _throttled, _ramped):
        fakes = FakeStage()
        fakes.new_wire = Wire
        process = fakes.process()
        process.__dict__["telemetry"] = telemetry
        fakes.machine.__dict__["_spool_lambda"] = process.spooling.take
        fakes.service.broken = True
        course(fakes, process)
    return telemetry.seen


def _start(fakes: FakeStage, process: Process, key: str) -> str:
    arn = process.workflow.start(f"run-{key}", json.dumps({"key": key}))
    fakes.machine.run()
    fakes.clock.pause(1)
    return arn


def _replayed(fakes: FakeStage, process: Process) -> None:
    """Resumed, and its old message again: stale. Another is given up."""
    _start(fakes, process, "a")
    _start(fakes, process, "b")
    bodies = fakes.spool.bodies
    process.replay(choice=Choice(key="a"))
    for body in bodies:
        process.spool.send(body)
    process.give_up.end("b", "nobody wants it")
    fakes.clock.pause(3600)
    process.replay()


def _fallen(fakes: FakeStage, process: Process) -> None:
    """Dies outside every Catch; the sweep finds it, and a replay starts it anew."""
    arn = _start(fakes, process, "c")
    fakes.executions.redrives = False
    process.workflow.stop(arn, "Killed", "")
    process.claims.take_slot("UncertainTask", "arn:gone", 5)
    process.sweep()
    fakes.clock.pause(1)
    process.replay()


def _moved(fakes: FakeStage, process: Process) -> None:
    """Too many failures; no input; no sense."""
    fakes.max_attempts = 1
    _start(fakes, process, "d")
    process.spool.send("{")
    process.spool.send('{"respool": 1, "execution": "arn:gone", "key": "lost"}')
    fakes.clock.pause(1)
    process.replay()


def _near_the_year(fakes: FakeStage, process: Process) -> None:
    _start(fakes, process, "e")
    fakes.clock.pause(NEAR_YEAR.total_seconds() + 1)
    process.sweep()


def _throttled(fakes: FakeStage, process: Process) -> None:
    """Throttled at SendTaskSuccess with no time left to try it again."""
    _start(fakes, process, "f")
    process.wire.break_at(len(process.wire.calls) + 1, Fault.THROTTLED)
    process.replay(seconds=0.01)


def _ramped(fakes: FakeStage, process: Process) -> None:
    """A probe is refused; later one of four fails alone."""
    stage = RampStage(fakes)
    stage.park(*"ghijklmn")
    for _ in range(3):
        stage.tick_of(process=process)[0].run(600)
        fakes.machine.run()
        fakes.clock.pause(600)
    fakes.service.broken = False
    fakes.service.refuses = {'{"key": "j"}'}
    for _ in range(20):
        stage.tick_of(process=process)[0].run(600)
        fakes.machine.run()
        fakes.clock.pause(600)


def test_every_metric_is_emitted_and_no_other() -> None:
    assert set(_emitted()) == set(metrics.ALL)


def test_every_alarm_and_widget_names_a_metric_that_exists() -> None:
    emitted = _emitted()
    for namespace, name, dimensions in _shown():
        if namespace == metrics.NAMESPACE:
            assert frozenset(dimensions) in emitted[name], name
        else:
            wanted, names = AWS_METRICS[namespace]
            assert (set(dimensions), name in names) == (wanted, True), name


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    shown = {name for widget in _widgets() for space, name, _ in _in_widget(widget)
             if space == metrics.NAMESPACE}  # fmt: skip
    assert shown == set(metrics.ALL)


def test_every_dimension_names_something_in_the_stack() -> None:
    named = {value for _, _, dimensions in _shown() for value in dimensions.values() if value}
    resources = _template()
    known = {
        '{"Fn::GetAtt": ["Spool", "QueueName"]}',
        '{"Fn::GetAtt": ["Stuck", "QueueName"]}',
        '{"Fn::GetAtt": ["Missed", "QueueName"]}',
        '{"Ref": "Claims"}',
        "arn:Partition:states:Region:AccountId:stateMachine:respool-dev",
        *(f"respool-dev-{name}" for name in ("spool", "stuck", "claims")),
        *(f"respool-dev-{function}" for function in FUNCTIONS),
        *(f'"respool-dev-{function}"' for function in FUNCTIONS),
        "respool-dev",
        '"respool-dev"',
    }
    assert named <= known
    assert {"Spool", "Stuck", "Missed", "Claims"} <= set(resources)


def test_every_alarm_tells_begin_and_end_to_the_topic() -> None:
    for alarm in _alarms():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Alerts"}]
        assert alarm["TreatMissingData"] in ("ignore", "notBreaching")
        assert alarm["DatapointsToAlarm"] <= alarm["EvaluationPeriods"]
        most = 86_400 if alarm["Period"] < 3600 else 7 * 86_400
        assert alarm["Period"] * alarm["EvaluationPeriods"] <= most


def test_every_alarm_is_explained() -> None:
    text = (PROJECT / "docs" / "alarms.md").read_text()
    headings = set(re.findall(r"^### `([\w-]+)`$", text, re.MULTILINE))
    assert headings == {alarm["AlarmName"].removeprefix("respool-dev-") for alarm in _alarms()}
    for alarm in _alarms():
        name = alarm["AlarmName"].removeprefix("respool-dev-")
        assert f"See {name} in docs/alarms.md." in alarm["AlarmDescription"]


def test_every_metric_is_explained() -> None:
    text = (PROJECT / "docs" / "alarms.md").read_text()
    assert [name for name in metrics.ALL if f"`{name}`" not in text] == []


def test_cloudwatch_may_publish_and_nobody_without_tls() -> None:
    (policy,) = _of_type(_template(), "SNS::TopicPolicy")
    allowed, denied = policy["PolicyDocument"]["Statement"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    source = allowed["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
    for alarm in _alarms():
        assert alarm["AlarmName"].startswith(source.partition(":alarm:")[2].rstrip("*"))
    assert (denied["Effect"], denied["Condition"]) == (
        "Deny",
        {"Bool": {"aws:SecureTransport": "false"}},
    )
    (topic,) = _of_type(_template(), "SNS::Topic")
    assert "KmsMasterKeyId" not in topic


def test_mail_is_sent_only_where_somebody_is_named() -> None:
    assert "AlertsByMail" not in _template()
    subscribed = _template(ALERT_EMAIL="team@example.com")["AlertsByMail"]["Properties"]
    assert (subscribed["Protocol"], subscribed["Endpoint"]) == ("email", "team@example.com")


@pytest.mark.parametrize("text", ["team", "team@", "@example.com", "a@b", "a@b.c, d@e.f"])
def test_a_malformed_alert_email_stops_the_deploy(text: str) -> None:
    with pytest.raises(Exception, match=r"ALERT_EMAIL=.*must be one mail address"):
        Settings.read({"ALERT_EMAIL": text})


def test_widgets_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in _widgets():
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not taken & cells
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_a_metric_is_written_for_the_stage_and_for_its_task_and_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telemetry = LambdaTelemetry("respool-dev")
    telemetry.metric(metrics.SPOOLED, task="UncertainTask", error="")
    telemetry.metric(metrics.WAITED, 12.5)
    counted, timed = map(json.loads, capsys.readouterr().out.splitlines())
    about = counted["_aws"]["CloudWatchMetrics"][0]
    assert about["Namespace"] == metrics.NAMESPACE
    assert about["Dimensions"] == [["stage"], ["stage", "task", "error"]]
    assert (counted["stage"], counted["error"]) == ("respool-dev", "unknown")
    about = timed["_aws"]["CloudWatchMetrics"][0]
    assert about["Dimensions"] == [["stage"]]
    assert about["Metrics"] == [{"Name": metrics.WAITED, "Unit": "Seconds"}]
