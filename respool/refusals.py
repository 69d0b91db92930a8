"""What AWS or its SDK refused before anything was done, and the way out, on one line."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import botocore.session
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    ConnectionError,
    CredentialRetrievalError,
    InvalidRegionError,
    LoginError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_UNKNOWN = ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId")
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized")
_SIGNED = ("SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure")
_SKEWED = ("RequestTimeTooSkewed", "RequestInTheFuture")
_TIMES = re.compile(r"(\d{8}T\d{6}Z)[^(]*\((\d{8}T\d{6}Z)")
"""When the request says that it was signed, and when AWS took it to be."""


@dataclass(frozen=True)
class Advice:
    """One line; `chosen` says that what was chosen is wrong, and AWS was not even asked."""

    text: str
    chosen: bool = False


def explain(problem: BaseException, profile: str = "") -> Advice:
    """What was refused and how to go on; `profile` is the one that was chosen by an option."""
    for each in _causes(problem):
        if advice := _of_sdk(each, f" --profile {shlex.quote(profile)}" if profile else ""):
            way, chosen = advice
            text = " ".join(str(problem).split()).rstrip(".")
            return Advice(f"{text}. {way}", chosen)
    return Advice(str(problem))


def _causes(problem: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = problem
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _of_sdk(problem: BaseException, option: str) -> tuple[str, bool] | None:
    if isinstance(problem, ClientError):
        way = _of_answer(problem.response["Error"], option)
        return (way, False) if way else None
    if isinstance(problem, BotoCoreError):
        for kinds, way, chosen in _WAYS:
            if isinstance(problem, kinds):
                return way.format(option=option, profiles=_profiles()), chosen
    return None


_WAYS: tuple[tuple[tuple[type[BotoCoreError], ...], str, bool], ...] = (
    ((ProfileNotFound,), "Choose one by --profile or AWS_PROFILE; {profiles}.", True),
    ((NoRegionError,), "Name one by AWS_REGION, or in the profile of ~/.aws/config.", True),
    ((InvalidRegionError,), "Name one such as eu-central-1.", True),
    ((ConfigParseError,), "Correct that file.", True),
    (
        (NoCredentialsError,),
        "Give --profile, or set AWS_PROFILE. Log in where it wants that: aws sso login{option}",
        False,
    ),
    ((PartialCredentialsError,), "Set what is missing, or choose others by --profile.", False),
    ((LoginError,), "Log in again: aws login{option}", False),
    ((SSOError, TokenRetrievalError), "Log in again: aws sso login{option}", False),
    ((CredentialRetrievalError,), "Log in again, or choose others by --profile.", False),
    ((ConnectionError,), "Check the network, and whether there is such a region.", False),
)


def _of_answer(error: Mapping[str, Any], option: str) -> str:
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    if code in _SKEWED or (code in _SIGNED and _TIMES.search(message)):
        return f"{_clock(message)} Set it: timedatectl set-ntp true"
    if code in _EXPIRED:
        return f"Log in again: aws sso login{option}"
    if code in _UNKNOWN + _SIGNED:
        return "Check these credentials, or choose others by --profile or AWS_PROFILE."
    if code in _DENIED or "not authorized to perform" in message:
        return (
            "Your credentials may not do this: docs/cli.md lists what each command needs,"
            " docs/permissions.md what a deploy does."
        )
    return ""


def _clock(message: str) -> str:
    """How far off this machine's clock is, where AWS told its own time as well."""
    match = _TIMES.search(message)
    if match is None:
        return "This machine's clock is wrong by more than AWS allows."
    ours, theirs = (datetime.strptime(one, "%Y%m%dT%H%M%SZ") for one in match.groups())
    minutes = round((ours - theirs).total_seconds() / 60)
    side = "ahead of" if minutes > 0 else "behind"
    return f"This machine's clock is {abs(minutes)} minutes {side} AWS's."


def _profiles() -> str:
    try:
        names = sorted(botocore.session.Session().available_profiles)
    except BotoCoreError:
        return "AWS's files can't be read"
    return f"there are {', '.join(names)}" if names else "~/.aws/config has none"
