"""A stage's settings are read once, and every wrong one is named at once."""

import pytest

from chalicelib.errors import SettingsError
from chalicelib.settings import CHECKS, NEVER, Settings


def test_without_variables_there_are_defaults() -> None:
    settings = Settings.read({})

    assert settings.max_reprocess == 10
    assert settings.task_limit == 5
    assert settings.spool_via == "lambda"
    assert settings.replay_schedule == ""
    assert settings.history_days == 30


def test_every_wrong_variable_is_named_with_its_value_and_remedy() -> None:
    with pytest.raises(SettingsError) as wrong:
        Settings.read({"MAX_REPROCESS": "0", "SPOOL_VIA": "pigeon", "TASK_LIMIT": "5"})

    text = str(wrong.value)
    assert "MAX_REPROCESS='0': must be a whole number from 1 to 10000" in text
    assert "SPOOL_VIA='pigeon': must be one of lambda, sqs" in text
    assert "TASK_LIMIT" not in text
    assert ".chalice/config.json" in text


WRONG = [
    ("MAX_REPROCESS", "10001"),
    ("MAX_REPROCESS", "ten"),
    ("MAX_REPROCESS", "-1"),
    ("MAX_REPROCESS", "\u0661"),
    ("MAX_ATTEMPTS", "0"),
    ("MAX_ATTEMPTS", "1001"),
    ("COOL_DOWN", "43201"),
    ("COOL_DOWN", "15m"),
    ("TASK_LIMIT", "1001"),
    ("TASK_LIMIT", "-1"),
    ("TASK_LIMIT", "1.5"),
    ("TASK_LIMIT", "0" * 20 + "5000"),
    ("SPOOL_VIA", "SQS"),
    ("STATE_MACHINE", "/etc/passwd.json"),
    ("STATE_MACHINE", "../other.json"),
    ("STATE_MACHINE", "machine.txt"),
    ("UNCERTAIN_TASKS", "ChargeCard,,SaveOrder"),
    ("TEMPLATE_BUCKET", "s3://templates"),
    ("TEMPLATE_BUCKET", "Templates"),
    ("MACHINES", "orders;billing"),
    ("RESCUE_FAIL_STATES", "orders;billing"),
    ("RESCUE_FAIL_STATES", "orders"),
    ("REPLAY_SCHEDULE", "at night"),
    ("REPLAY_SCHEDULE", "cron(0 3 * * *)"),
    ("REPLAY_SCHEDULE", "rate(0 hours)"),
    ("REPLAY_SCHEDULE", "rate(\u0663 hours)"),
    ("REPLAY_SCHEDULE", "rate(1 fortnight)"),
    ("REPLAY_MAX", "0"),
    ("REPLAY_MAX", "10001"),
    ("REPLAY_TIMEZONE", "//"),
    ("SWEEP_SCHEDULE", "hourly"),
    ("ALERT_EMAIL", "nobody"),
    ("RECOVERY", "on"),
    ("RAMP_INTERVAL", "0"),
    ("RAMP_MAX_INTERVAL", "604801"),
    ("RAMP_MAX", "201"),
    ("HEALTHY_AFTER", "never"),
    ("CLOSE_AFTER", "0"),
    ("CLOSE_AFTER", "1001"),
    ("CLOSE_AFTER", "never"),
    ("HISTORY_DAYS", "0"),
    ("HISTORY_DAYS", "3651"),
    ("HEALTH_URL", "service.example/health"),
    ("HEALTH_URL", "ftp://service.example"),
    ("HEALTH_URL", "arn:aws:sqs:eu-west-1:123456789012:health"),
    ("HEALTH_URL", "arn:aws:lambda:eu-west-1:123456789012:function:*"),
    ("WEBHOOK_URL", "hooks.example/T0"),
    ("WEBHOOK_URL", "http://hooks.example/T0"),
    ("WEBHOOK_URL", "https://hooks.example/" + 1000 * "T"),
    ("LANGUAGE", "de"),
    ("HOLD_WINDOWS", "at night"),
    ("CLOSED_UNTIL", "closed until six"),
    ("CLOSED_UNTIL", "{time}"),
    ("CLOSED_UNTIL", "from {time} until {time}"),
    ("CLOSED_UNTIL_MAX", "604801"),
    ("API_RATE", "0"),
    ("API_BURST", "5001"),
]


def test_each_setting_is_tried_with_a_wrong_value() -> None:
    assert {name for name, _ in WRONG} == set(CHECKS)


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.read({name: value})


@pytest.mark.parametrize(
    ("schedule", "read"),
    [
        ("cron(0 3 * * ? *)", "cron(0 3 * * ? *)"),
        ("rate(12 hours)", "rate(12 hours)"),
        ("off", ""),
    ],
)
def test_a_schedule_is_an_expression_or_off(schedule: str, read: str) -> None:
    assert Settings.read({"REPLAY_SCHEDULE": schedule}).replay_schedule == read


def test_a_limit_of_zero_is_a_hold_and_legal() -> None:
    assert Settings.read({"TASK_LIMIT": "0"}).task_limit == 0


def test_a_nightly_replay_takes_as_many_as_any_other_unless_told() -> None:
    assert Settings.read({"MAX_REPROCESS": "50"}).replay_max == 50
    assert Settings.read({"MAX_REPROCESS": "50", "REPLAY_MAX": "7"}).replay_max == 7


@pytest.mark.parametrize("name", list(CHECKS))
@pytest.mark.parametrize("value", ["", "  "])
def test_a_value_that_is_given_and_empty_is_not_a_default(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}='': is empty; leave it out"):
        Settings.read({name: value})


@pytest.mark.parametrize(
    ("variables", "close_after"),
    [
        ({}, NEVER),
        ({"RECOVERY": "off"}, NEVER),
        ({"RECOVERY": "ramp"}, 5),
        ({"RECOVERY": "ramp", "CLOSE_AFTER": "3"}, 3),
        ({"RECOVERY": "ramp", "CLOSE_AFTER": "off"}, NEVER),
        ({"CLOSE_AFTER": "7"}, 7),
    ],
)
def test_failures_close_a_gate_where_asked_to_or_where_the_ramp_opens_it(
    variables: dict[str, str], close_after: int
) -> None:
    assert Settings.read(variables).close_after == close_after


@pytest.mark.parametrize(
    ("text", "language"),
    [("ja", "ja"), ("en", "en"), ("ja_JP:ja", "ja"), ("de_DE:de:ja", "ja"), ("de_DE:de", "en")],
)
def test_a_shell_s_own_language_is_read_and_stops_nothing(text: str, language: str) -> None:
    assert Settings.read({"LANGUAGE": text}).language == language


def test_machines_are_names_with_commas_between_them() -> None:
    assert Settings.read({"MACHINES": "orders, billing_2"}).machines == ("orders", "billing_2")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("orders,", "''"),
        ("arn:aws:states:eu-west-1:123456789012:stateMachine:orders", "names, not ARNs"),
        ("orders,orders", "names orders twice"),
        ("a" * 81, "at most 80"),
    ],
)
def test_a_machine_that_is_none_is_named(text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        Settings.read({"MACHINES": text})
