"""Alarms and dashboard, held to the metrics that the code emits."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from chalicelib import metrics
from chalicelib.api.http import refused
from chalicelib.errors import RespoolError
from chalicelib.job.plan import Choice
from chalicelib.limits import RUNS
from chalicelib.parking.waiting import NOTICE
from chalicelib.replaying.requests import Request
from chalicelib.settings import Settings
from chalicelib.telemetry import LambdaTelemetry
from respool.deploy.preflight import Source, check
from tests.fakes.service import TASK
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
    "AWS/Lambda": ({"FunctionName"}, {"Errors", "IteratorAge"}),
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
    matches = [one for one in resources.values() if one["Type"] == f"AWS::{kind}"]
    assert matches
    return [one["Properties"] for one in matches]


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
    for line in widget["properties"].get("metrics", ()):
        words = [word for word in line if isinstance(word, str)]
        if "." in words:
            words = [old if word == "." else word for word, old in zip(words, before, strict=True)]
        before = words
        yield words[0], words[1], dict(zip(words[2::2], words[3::2], strict=True))


def _watched(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics that an alarm looks at."""
    if "MetricName" in alarm:
        return [alarm]
    return [one["MetricStat"]["Metric"] for one in alarm["Metrics"] if "MetricStat" in one]


def _period(alarm: dict[str, Any]) -> int:
    stats = [one["MetricStat"] for one in alarm.get("Metrics", []) if "MetricStat" in one]
    return int(stats[0]["Period"] if stats else alarm["Period"])


def _shown() -> Iterator[Shown]:
    for alarm in _alarms():
        for watched in _watched(alarm):
            dimensions = {one["Name"]: json.dumps(one["Value"]) for one in watched["Dimensions"]}
            yield watched["Namespace"], watched["MetricName"], dimensions
    for widget in _widgets():
        yield from _in_widget(widget)


class Watched(FakeStage):
    """A stage all of whose processes report to one telemetry."""

    def __init__(self, telemetry: Noting, **settings: Any) -> None:
        self._watcher = telemetry
        super().__init__(**settings)

    def process(self, wire: Wire | None = None) -> Process:
        """A new process."""
        process = super().process(wire)
        process.telemetry = self._watcher  # type: ignore[assignment]
        return process


@cache
def _emitted() -> dict[str, set[frozenset[str]]]:
    """What jobs, replays, the rescue and the sweep count when everything happens that can."""
    telemetry = Noting()
    for course in (
        _replayed,
        _killed,
        _stuck,
        _near_the_year,
        _refused,
        _in_line,
        _untold,
        _restored,
    ):
        stage = Watched(telemetry)
        stage.service.broken = True
        course(stage)
    _ramped(Watched(telemetry, RECOVERY="ramp", CLOSE_AFTER="1000"))
    _put_back(Watched(telemetry, MACHINES="orders"))
    refused(telemetry)
    return telemetry.seen


def _start(stage: FakeStage, *keys: str) -> None:
    for key in keys:
        stage.process().workflow.start(f"run-{key}", json.dumps({"key": key}))
        stage.run()
        stage.clock.pause(1)


def _replay(stage: FakeStage, **asked: Any) -> None:
    request = Request(choice=Choice(**asked))
    stage.process().engines.replay(request, 600, attended=False)
    stage.run()


def _replayed(stage: FakeStage) -> None:
    """Resumed; another whose token another replay has used; another is given up."""
    _start(stage, *"abc")
    _replay(stage, key="a")
    stage.process().workflow.resume(stage.claims["job#c"].token)
    _replay(stage, key="c")
    stage.process().engines.give_up.end("b", "nobody wants it")


def _killed(stage: FakeStage) -> None:
    """Dies outside every Catch; the sweep finds it, and a replay restarts it."""
    _start(stage, "c")
    stage.executions.redrives = False
    stage.process().workflow.stop(stage.executions.arn("run-c"), "Killed", "")
    stage.process().engines.sweep.run(600)
    stage.clock.pause(3600)
    _replay(stage)


def _stuck(stage: FakeStage) -> None:
    """Too many failures; a message that nobody can read."""
    stage.settings = replace(stage.settings, max_attempts=1)
    _start(stage, "d")
    stage.process().spool.send("{")
    stage.clock.pause(3600)
    _replay(stage)


def _near_the_year(stage: FakeStage) -> None:
    _start(stage, "e")
    stage.clock.pause((RUNS - NOTICE).total_seconds() + 1)
    stage.process().engines.sweep.run(600)


def _refused(stage: FakeStage) -> None:
    """Throttled with no time left to try it again; a replay and a sweep that AWS refuses."""
    _start(stage, "f")
    for fault in (Fault.THROTTLED, Fault.UNANSWERED):
        for at in range(1, 12):
            wire = Wire()
            wire.break_at(at, fault)
            with suppress(RespoolError):
                stage.process(wire).engines.replay(Request(), 0.01)
            wire = Wire()
            wire.break_at(at, fault)
            with suppress(RespoolError):
                stage.process(wire).engines.sweep.run(600)


def _in_line(stage: FakeStage) -> None:
    """Behind a closed gate, which opens; then somebody counts."""
    gates = stage.process().engines.gates
    gates.close(TASK, None, "kim", "testing")
    _start(stage, "g")
    gates.open(TASK, "kim", "done")
    stage.run()
    stage.process().engines.gauges.tell()


def _untold(stage: FakeStage) -> None:
    """Nobody can be told that jobs fail."""
    stage.posted.dead = {"mail"}
    _start(stage, "k")
    stage.process().tick()


def _restored(stage: FakeStage) -> None:
    """The table is from before the job began, which waits."""
    stage.service.broken = True
    _start(stage, "l")
    del stage.table.items["job#l"]
    stage.clock.pause(3600)
    stage.process().engines.sweep.run(600)


def _put_back(stage: FakeStage) -> None:
    """A listed machine's owner has deployed it as it was before it was adopted."""
    process = stage.process()
    process.engines.world.line.apply_settings("orders/Gone", 5, 5)
    process.engines.sweep.run(600)


def _ramped(fakes: FakeStage) -> None:
    """Probes are refused; later one of some fails alone, and the others come through."""
    stage = RampStage(fakes)
    stage.park(*"ghijklmn")
    for _ in range(3):
        stage.later()
    fakes.service.broken = False
    fakes.service.refuses = {'{"key": "j"}'}
    for _ in range(20):
        stage.later()


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
    names = {name for widget in _widgets() for space, name, _ in _in_widget(widget)
             if space == metrics.NAMESPACE}  # fmt: skip
    assert names == set(metrics.ALL)


def test_every_dimension_names_something_in_the_stack() -> None:
    named = {value for _, _, dimensions in _shown() for value in dimensions.values() if value}
    resources = _template()
    parts = {
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
    assert named <= parts
    assert {"Spool", "Stuck", "Missed", "Claims"} <= set(resources)


def test_every_alarm_tells_begin_and_end_to_the_topic() -> None:
    for alarm in _alarms():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Alerts"}]
        alert = alarm.get("InsufficientDataActions") == [{"Ref": "Alerts"}]
        missing = ("missing",) if alert else ("ignore", "notBreaching")
        assert alarm["TreatMissingData"] in missing
        assert alarm["DatapointsToAlarm"] <= alarm["EvaluationPeriods"]
        most = 86_400 if _period(alarm) < 3600 else 7 * 86_400
        assert _period(alarm) * alarm["EvaluationPeriods"] <= most


def test_the_alarms_are_as_many_as_an_account_has_for_nothing() -> None:
    assert sum(len(_watched(alarm)) for alarm in _alarms()) <= 10


def test_no_alarm_and_no_widget_counts_waiting_jobs_by_a_queue() -> None:
    depths = {
        (name, dimensions["QueueName"]) for space, name, dimensions in _shown()
        if space == "AWS/SQS" and name.startswith("ApproximateNumberOf")
    }  # fmt: skip
    missed = '{"Fn::GetAtt": ["Missed", "QueueName"]}'
    assert depths == {("ApproximateNumberOfMessagesVisible", missed)}


def test_missing_data_of_dynamodb_are_filled_in() -> None:
    """CloudWatch ignores missing data of its namespace, whatever TreatMissingData says."""
    for alarm in _alarms():
        if any(one["Namespace"] == "AWS/DynamoDB" for one in _watched(alarm)):
            (result,) = [one for one in alarm["Metrics"] if one["ReturnData"]]
            (metric,) = [one for one in alarm["Metrics"] if "MetricStat" in one]
            assert result["Expression"] == f"FILL({metric['Id']}, 0)"


def test_a_tick_that_never_comes_is_told() -> None:
    resources = _template()
    blocked = resources["LineBlockedAlarm"]["Properties"]
    assert blocked["TreatMissingData"] == "missing"
    assert blocked["InsufficientDataActions"] == [{"Ref": "Alerts"}]
    ticks = resources["AdmitSchedulePlan"]["Properties"]["ScheduleExpression"]
    assert ticks == f"rate({blocked['Period'] // 60} minutes)"


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
