"""How AWS is called: the clients' time-outs and retries, and its errors in our words."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from chalicelib.errors import (
    AlreadyStarted,
    AwsError,
    Conflict,
    NotFound,
    RedriveRefused,
    Refused,
    RespoolError,
    Throttled,
    TokenRefused,
    Unanswered,
)

if TYPE_CHECKING:
    import boto3

    from chalicelib.aws.clients import Clients, Session

THREADS = 24
LONG_POLL = 2
"""Seconds that a receive waits for messages; a poll that waits asks every SQS server."""

_CONFIG = Config(
    connect_timeout=3,
    read_timeout=10,
    max_pool_connections=THREADS + 4,
    retries={"mode": "standard", "max_attempts": 4},
)

VARIABLES = {
    "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "profile": ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"),
}
"""Which variables name them. The first one given wins, as for version 2 of the AWS CLI."""
_IN_FILES = {"region": "region", "profile": None}

_QUOTED = re.compile(r"'[^']{100,}'|\"[^\"]{100,}\"")
"""AWS repeats the values that it refuses; one as long as this may be a payload or a token."""

_THROTTLES = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ProvisionedThroughputExceededException",
        "SlowDown",
    }
)
_MEANINGS: dict[str, type[RespoolError]] = {
    "TaskTimedOut": TokenRefused,
    "TaskDoesNotExist": TokenRefused,
    "InvalidToken": TokenRefused,
    "ExecutionAlreadyExists": AlreadyStarted,
    "ExecutionDoesNotExist": NotFound,
    "ExecutionNotRedrivable": RedriveRefused,
    "InvalidAction": RedriveRefused,
    "UnknownOperationException": RedriveRefused,
    "AWS.SimpleQueueService.NonExistentQueue": NotFound,
    "QueueDoesNotExist": NotFound,
    "ResourceNotFound": NotFound,
    "ResourceNotFoundException": NotFound,
    "NotFoundException": NotFound,
    "NoSuchEntity": NotFound,
    "ConflictException": Conflict,
    "TransactionConflictException": Conflict,
    "TransactionInProgressException": Conflict,
}
_CANCELLED: tuple[tuple[str, type[RespoolError]], ...] = (
    ("ThrottlingError", Throttled),
    ("ProvisionedThroughputExceeded", Throttled),
    ("TransactionConflict", Conflict),
    ("ConditionalCheckFailed", Refused),
)
"""What the reasons of a cancelled transaction mean; the first that is among them counts, for
where one item could not be judged, nobody knows whether its condition holds."""


def clients(session: "Session | None" = None, seconds: float | None = None) -> "Clients":
    """What makes clients with our time-outs and retries, in this process's own session by default.

    With `seconds` a client asks once, and gives up after them.

    boto3's clients are botocore's; without boto3 a cold start is shorter by a sixth.
    """
    config = _CONFIG if seconds is None else _CONFIG.merge(_once(seconds))
    make: Callable[..., Any] = session.client if session else _session().create_client
    return once_each(partial(make, config=config))


def once_each(make: Callable[..., Any]) -> "Clients":
    """Makes a client of a service when it is first asked for, and returns that one ever after."""
    clients: Callable[..., Any] = cache(make)
    return clients


def _once(seconds: float) -> Config:
    return Config(
        connect_timeout=seconds / 2, read_timeout=seconds / 2, retries={"total_max_attempts": 1}
    )


@cache
def _session() -> botocore.session.Session:
    """One session for all clients, as each session reads the endpoints of every service."""
    return _new_session()


def _new_session() -> botocore.session.Session:
    variables = {
        name: (_IN_FILES[name], list(names), None, None) for name, names in VARIABLES.items()
    }
    return botocore.session.Session(session_vars=variables)


def sdk_session(profile: str | None = None, region: str | None = None) -> "boto3.Session":
    """A session of boto3's own, which tells account and region; slow, and not needed in Lambda.

    Of that profile and region, or of those that variables and AWS's files name.
    """
    import boto3

    return boto3.Session(profile_name=profile, region_name=region, botocore_session=_new_session())


def forget_session() -> None:
    """Read the credentials again next time, as a new process would."""
    _session.cache_clear()


@contextmanager
def calling(call: str, about: str) -> Iterator[None]:
    """Translate whatever AWS answers to `call` into an error of ours that names `about`."""
    try:
        yield
    except ClientError as refused:
        raise _translate(refused, call, about) from refused
    except HTTPClientError as silent:
        raise Unanswered(f"{call} for {about} got no answer: {silent}") from silent
    except BotoCoreError as broken:
        raise AwsError(f"{call} for {about} failed: {broken}") from broken


def _translate(refused: ClientError, call: str, about: str) -> RespoolError:
    error = refused.response.get("Error", {})
    code = error.get("Code", "")
    message = _QUOTED.sub("'...'", error.get("Message", ""))
    text = f"{call} for {about}: {code}: {message}"
    if code in _THROTTLES:
        return Throttled(text)
    if code == "TransactionCanceledException":
        reasons = {reason.get("Code") for reason in refused.response.get("CancellationReasons", ())}
        return next((kind for name, kind in _CANCELLED if name in reasons), AwsError)(text)
    if code == "ConditionalCheckFailedException":
        answer: Mapping[str, Any] = refused.response  # no stub knows of the item
        return Refused(text, answer.get("Item"))
    return _MEANINGS.get(code, AwsError)(text)
