"""What a command says when it has ended well."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chalicelib.names import Names
from chalicelib.settings import OFF, Settings
from respool.deploy.deleting import Deleted
from respool.deploy.deploying import Deployed
from respool.deploy.steps import Step

MOST_NAMED = 8


@dataclass(frozen=True)
class Place:
    """How a person reaches the stage: its names, the API's URL and the words for the AWS CLI."""

    stage: str
    names: Names
    api_url: str
    options: str
    profile: str = ""

    def aws(self, words: str) -> str:
        """A command of the AWS CLI that acts on the same account and region."""
        return f"aws {words}{self.options}"

    def chalice(self, command: str) -> str:
        """A command of Chalice on the same stage, with the same profile; it knows no region."""
        return f"chalice {command} --stage {self.stage}{self.profile}"


def deployed(place: Place, done: Deployed, settings: Settings) -> Iterator[str]:
    """What a deploy made, a line each; where the token is, but never the token."""
    names = place.names
    yield f"{names.prefix} is deployed: {_changes(done)}."
    yield from _row("state machine", done.outputs["StateMachineArn"])
    yield from _row("spool", done.outputs["SpoolUrl"])
    yield from _row("API", place.api_url or "none: app.py has no route")
    if place.api_url:
        yield from _row(
            "limit", f"{settings.api_rate} requests per second, {settings.api_burst} at once"
        )
    yield from _row("token", f"in the secret {names.secret}; read it with")
    yield from _row("", place.aws(_read_secret(names.secret)))
    yield from _row("trigger", _trigger(done.trigger))
    yield from _row("replay", _replay(settings))
    yield from _row("sweep", settings.sweep_schedule or "off: set SWEEP_SCHEDULE to turn it on")
    if settings.recovery != OFF:
        yield from _row("recovery", f"{settings.recovery}, a tick every {settings.ramp_interval} s")
    if settings.alert_email:
        yield from _row("alerts", f"by mail to {settings.alert_email}, who has to confirm it once")
    if settings.webhook_url:
        yield from _row("webhook", f"told of incidents, signed by the secret {names.hook_secret}")


def _row(name: str, text: str) -> Iterator[str]:
    yield f"  {name:14} {text}"


def _changes(done: Deployed) -> str:
    if done.adopted:
        return f"the stack is new, and took in what was left: {', '.join(sorted(done.adopted))}"
    if done.step is not Step.UPDATE:
        return f"the stack is new, with {len(done.changed)} resources"
    if not done.changed:
        return "nothing in the stack has changed"
    named = ", ".join(done.changed[:MOST_NAMED])
    more = len(done.changed) - MOST_NAMED
    return f"changed in the stack: {named}" + (f" and {more} more" if more > 0 else "")


def _read_secret(secret: str) -> str:
    return (
        f"secretsmanager get-secret-value --secret-id {secret} --query SecretString --output text"
    )


def _trigger(enabled: bool) -> str:
    if enabled:
        return "ENABLED, as it was before: jobs are put back as soon as they are spooled"
    return "disabled: jobs wait until somebody replays them"


def _replay(settings: Settings) -> str:
    if not settings.replay_schedule:
        return "by hand only: set REPLAY_SCHEDULE to turn the unattended replay on"
    return (
        f"{settings.replay_schedule} {settings.replay_timezone},"
        f" at most {settings.replay_max} jobs each time"
    )


def packaged(prefix: str, companion: Path, bucket: str = "") -> Iterator[str]:
    """What a package's owner does with the companion template; a large one goes by a bucket."""
    by_way_of = f" --s3-bucket {bucket}" if bucket else ""
    yield f"Wrote {companion}. When Chalice's template is deployed, deploy this one as well:"
    yield (
        f"  aws cloudformation deploy --template-file {companion} --stack-name {prefix}"
        f" --capabilities CAPABILITY_IAM{by_way_of}"
    )


def deleted(place: Place, done: Deleted) -> Iterator[str]:
    """What a delete left, and how to get at it."""
    names = place.names
    if done.step is Step.NOTHING and not done.kept and not done.kept.protected:
        where = f"{names.region} of account {names.account}"
        yield f"{names.prefix} has no stack in {where}, and no jobs: nothing of it is left there."
        return
    if done.stopped:
        yield f"Ended {_many(len(done.stopped), 'execution')}: {_some(done.stopped)}."
    if not done.kept:
        yield f"{names.prefix} is deleted{_but_the_table(place, done)}."
        yield "  SQS frees the queues' names after a minute; deploy it again no sooner."
        if done.kept.protected:
            yield f"  The table {names.table} is protected. To drop it, with what it knows of"
            yield "  jobs that have ended and of people's tokens:"
            yield f"    {place.aws(f'dynamodb update-table --table-name {names.table}{_BARE}')}"
            yield f"    {place.chalice('delete')}"
        return
    yield (
        f"{names.prefix} is deleted but for {names.spool}, {names.stuck} and {names.table}:"
        f" {_still_there(done)}."
    )
    yield f"  To replay them, deploy again: {place.chalice('deploy')}"
    yield "  To drop them for good, and then delete again:"
    if done.kept.protected:
        yield f"    {place.aws(f'dynamodb update-table --table-name {names.table}{_BARE}')}"
    if done.kept.jobs:
        yield f"    {place.aws(f'dynamodb delete-table --table-name {names.table}')}"
    yield f"    {place.aws(f'sqs purge-queue --queue-url $({place.aws(_url(names.spool))})')}"
    yield f"    {place.aws(f'sqs purge-queue --queue-url $({place.aws(_url(names.stuck))})')}"
    yield f"    {place.chalice('delete')}"


_BARE = " --no-deletion-protection-enabled"


def _but_the_table(place: Place, done: Deleted) -> str:
    return f" but for {place.names.table}" if done.kept.protected else ""


def _still_there(done: Deleted) -> str:
    if done.kept.jobs:
        return f"{_many(done.kept.jobs, 'job')} {'waits' if done.kept.jobs == 1 else 'wait'} there"
    verb = "lies" if done.kept.messages == 1 else "lie"
    return f"{_many(done.kept.messages, 'message')} {verb} there that no claim knows of"


def _url(queue: str) -> str:
    return f"sqs get-queue-url --queue-name {queue} --output text"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _some(executions: list[str]) -> str:
    named = ", ".join(one.rpartition(":")[2] for one in executions[:MOST_NAMED])
    return named + (", ..." if len(executions) > MOST_NAMED else "")
