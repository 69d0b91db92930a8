"""A stage's settings: its `environment_variables`, read once, checked all together."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.errors import SettingsError
from chalicelib.limits import MAX_HIDDEN

if TYPE_CHECKING:
    from chalicelib.schedules import Window

OFF = "off"
RAMP = "ramp"
"""What RECOVERY says to have the backlog drain by itself."""
NEVER = 1_000_000
"""Failures in a row that no task ever sees: its gate stays open however many jobs fail."""
RAMP_CLOSE_AFTER = 5
"""The failures in a row that close a gate which the ramp can open again."""
MAX_REPLAY = 10_000
LANGUAGES = ("en", "ja")
"""Languages of messages to people."""


@dataclass(frozen=True)
class Settings:
    """What a stage may choose. Times are seconds unless named otherwise; an empty schedule means
    that there is none. `close_after` failures in a row close a task's gate."""

    max_reprocess: int = 10
    max_attempts: int = 5
    cool_down: int = 900
    task_limit: int = 5
    spool_via: str = "lambda"
    state_machine: str = "statemachine.json"
    uncertain_tasks: tuple[str, ...] = ()
    template_bucket: str = ""
    machines: tuple[str, ...] = ()
    rescue_fail_states: tuple[str, ...] = ()
    replay_schedule: str = ""
    replay_timezone: str = "UTC"
    replay_max: int = 10
    sweep_schedule: str = "rate(1 hour)"
    alert_email: str = ""
    webhook_url: str = ""
    language: str = "en"
    recovery: str = OFF
    close_after: int = NEVER
    history_days: int = 30
    ramp_interval: int = 600
    ramp_max_interval: int = 7200
    ramp_max: int = 100
    healthy_after: int = 300
    health_url: str = ""
    closed_until: str = ""
    closed_until_max: int = 86_400
    hold_windows: "tuple[Window, ...]" = ()
    api_rate: int = 20
    api_burst: int = 100

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and check every setting at once.

        Raises SettingsError, which names each wrong variable, its value and what would do.
        """
        values: dict[str, Any] = {}
        wrong = []
        for name, check in CHECKS.items():
            if name not in environ:
                continue
            text = environ[name].strip()
            try:
                values[name.lower()] = check(_given(text))
            except ValueError as problem:
                wrong.append(f"{name}={text!r}: {problem}")
        served = values.get("machines", ())
        for name in values.get("rescue_fail_states", ()):
            if name not in served and "MACHINES" not in (each.partition("=")[0] for each in wrong):
                wrong.append(f"RESCUE_FAIL_STATES={name!r}: is none of the machines in MACHINES")
        if wrong:
            raise SettingsError(
                "; ".join(wrong) + ". Correct it in the stage's environment_variables"
                " in .chalice/config.json."
            )
        values.setdefault("replay_max", values.get("max_reprocess", cls.max_reprocess))
        if values.get("recovery") == RAMP:
            values.setdefault("close_after", RAMP_CLOSE_AFTER)
        return cls(**values)


def _given(text: str) -> str:
    if not text:
        raise ValueError("is empty; leave it out to have the default")
    return text


def _whole(low: int, high: int) -> Callable[[str], int]:
    def check(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 12 and low <= int(text) <= high):
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return check


def _failures(text: str) -> int:
    if text == OFF:
        return NEVER
    try:
        return _whole(1, 1000)(text)
    except ValueError:
        raise ValueError("must be off or a whole number from 1 to 1000") from None


def _one_of(*choices: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text

    return check


def _schedule(text: str) -> str:
    from chalicelib.schedules import read_schedule  # a cold start is shorter without it

    return "" if text == OFF else read_schedule(text)


def _timezone(text: str) -> str:
    # Whether the zone exists is checked at deploy: Lambda's image has no zone data.
    if not all(part and part.replace("_", "").isascii() for part in text.split("/")):
        raise ValueError("is not an IANA time zone such as Asia/Tokyo")
    return text


def _email(text: str) -> str:
    name, _, domain = text.rpartition("@")
    plain = text.isascii() and text.isprintable() and not set(text) & set(" ,;<>")
    if not (name and "." in domain.strip(".") and plain and len(text) <= 254):
        raise ValueError("must be one mail address such as team@example.com")
    return text


def _project_file(text: str) -> str:
    inside = not text.startswith("/") and ".." not in text.split("/")
    if not inside or not text.endswith((".json", ".yaml", ".yml")):
        raise ValueError("must be the path of a .json, .yaml or .yml file inside the project")
    return text


def _tasks(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise ValueError("must be states with commas between them, such as ChargeCard,SaveOrder")
    return names


def _bucket(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", text):
        raise ValueError("must be the name of an S3 bucket, such as my-templates")
    return text


def is_machine(name: str) -> bool:
    """Whether this may be the name of a state machine that a stage serves."""
    return re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name) is not None


def _machines(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if not is_machine(name):
            raise ValueError(
                f"{name!r} is not a state machine's name: give names, not ARNs, with commas between"
                " them; of letters, digits, - and _, at most 80 characters"
            )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"names {twice[0]} twice")
    return names


def is_function(health_url: str) -> bool:
    """Whether HEALTH_URL names a Lambda."""
    return health_url.startswith("arn:")


def _health(text: str) -> str:
    if not is_function(text):
        return _url(text)
    parts = text.split(":")
    is_arn = len(parts) in (7, 8) and parts[2] == "lambda" and parts[5] == "function"
    if not is_arn or not all(part.replace("-", "").replace("_", "").isalnum() for part in parts):
        raise ValueError(
            "must be a Lambda's ARN such as arn:aws:lambda:eu-west-1:123456789012:function:health"
        )
    return text


def _url(text: str) -> str:
    plain = text.isascii() and text.isprintable() and not set(text) & set(' "<>')
    scheme, _, rest = text.partition("://")
    if scheme not in ("http", "https") or not rest.strip("/") or not plain or len(text) > 2000:
        raise ValueError(
            "must be an address such as https://service.example/health, or a Lambda's ARN"
        )
    return text


def _webhook(text: str) -> str:
    """HTTPS; without it only to this very machine, as tests do."""
    plain = text.isascii() and text.isprintable() and not set(text) & set(' "<>')
    scheme, _, rest = text.partition("://")
    host = rest.partition("/")[0]
    near = host.partition(":")[0] in ("localhost", "127.0.0.1")
    if not (scheme == "https" or (scheme == "http" and near)) or not (plain and host):
        raise ValueError("must be an address such as https://hooks.example/T0/B0")
    if len(text) > 1000:
        raise ValueError("has more than 1,000 characters")
    return text


def _language(text: str) -> str:
    """`en` or `ja`. Under `chalice local` a shell may have its own LANGUAGE, such as de_DE:de."""
    languages = [
        each for each in text.split(":") if each[:2] in LANGUAGES and not each[2:3].isalpha()
    ]
    if text not in LANGUAGES and not set(text) & set(":_"):
        raise ValueError(f"must be one of {', '.join(LANGUAGES)}")
    return languages[0][:2] if languages else LANGUAGES[0]


def _pattern(text: str) -> str:
    before, place, after = text.partition("{time}")
    if not place or len(before) < 3 or "{time}" in after or len(text) > 200:
        raise ValueError(
            "must be the text that stands before the time, at least 3 letters, and {time}, such as"
            " closed until {time}"
        )
    return text


def _windows(text: str) -> "tuple[Window, ...]":
    from chalicelib.schedules import read_windows  # a cold start is shorter without it

    return read_windows(text)


CHECKS: dict[str, Callable[[str], Any]] = {
    "MAX_REPROCESS": _whole(1, MAX_REPLAY),
    "MAX_ATTEMPTS": _whole(1, 1000),
    "COOL_DOWN": _whole(0, MAX_HIDDEN),
    "TASK_LIMIT": _whole(0, 1000),
    "SPOOL_VIA": _one_of("lambda", "sqs"),
    "STATE_MACHINE": _project_file,
    "UNCERTAIN_TASKS": _tasks,
    "TEMPLATE_BUCKET": _bucket,
    "MACHINES": _machines,
    "RESCUE_FAIL_STATES": _machines,
    "REPLAY_SCHEDULE": _schedule,
    "REPLAY_TIMEZONE": _timezone,
    "REPLAY_MAX": _whole(1, MAX_REPLAY),
    "SWEEP_SCHEDULE": _schedule,
    "ALERT_EMAIL": _email,
    "WEBHOOK_URL": _webhook,
    "LANGUAGE": _language,
    "RECOVERY": _one_of(OFF, RAMP),
    "CLOSE_AFTER": _failures,
    "HISTORY_DAYS": _whole(1, 3650),
    "RAMP_INTERVAL": _whole(1, 86_400),
    "RAMP_MAX_INTERVAL": _whole(1, 604_800),
    "RAMP_MAX": _whole(1, 200),
    "HEALTHY_AFTER": _whole(1, 86_400),
    "HEALTH_URL": _health,
    "CLOSED_UNTIL": _pattern,
    "CLOSED_UNTIL_MAX": _whole(0, 604_800),
    "HOLD_WINDOWS": _windows,
    "API_RATE": _whole(1, 10_000),
    "API_BURST": _whole(1, 5000),
}
