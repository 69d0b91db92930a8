"""Every error that respool raises on purpose: what happened, to what, and what to do next."""

from typing import Any


class RespoolError(Exception):
    """The root of them all; its text is fit for a person to read."""


class SettingsError(RespoolError):
    """One or more settings are missing or malformed; the text names each, and how to fix it."""


class BadRequest(RespoolError):
    """What a caller sent can't be used; the text names the value and what would do."""


class Unreadable(RespoolError):
    """A spooled message's body is not a job; the body itself is kept, unchanged."""


class NotFound(RespoolError):
    """What was asked for by name does not exist."""


class AwsError(RespoolError):
    """AWS refused a call or did not answer; the text names the call and AWS's own words."""


class Throttled(AwsError):
    """AWS asked to slow down, also after the SDK's own retries."""


class Unanswered(AwsError):
    """The call may or may not have taken effect: it timed out or the connection broke."""


class Lagging(AwsError):
    """AWS shows how something was a moment ago; whoever called is to call again."""


class TokenRefused(AwsError):
    """A task token is spent, timed out or unknown; says nothing about how the job ended."""


class AlreadyStarted(AwsError):
    """An execution of that name exists already, so the job was started before."""


class RedriveRefused(AwsError):
    """Step Functions will not redrive that execution."""


class Refused(AwsError):
    """A conditional write did not find what it asked for; `item` is what it found, if any."""

    def __init__(self, text: str, item: dict[str, Any] | None = None) -> None:
        super().__init__(text)
        self.item = item


class Conflict(RespoolError):
    """What was asked for can't be done as things stand now; the text says how they stand."""


class LineStalled(RespoolError):
    """Jobs are in line that can't be served just now; whoever called is to call again."""


class NotSent(RespoolError):
    """A message to people did not go out; the text says why, and never to which address."""
