"""The engines of the deployed stage that this process serves, built once."""

import os
import time
from datetime import UTC, datetime
from functools import cache

from chalicelib.aws.calling import forget_session
from chalicelib.aws.world import AwsWorld
from chalicelib.engines import Engines
from chalicelib.settings import Settings


class SystemTime:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The time of day, UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """Seconds since some moment in the past."""
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        """Sleep for that many seconds."""
        time.sleep(seconds)


class Deployed(Engines):
    """The engines of a stage in AWS, with what only its API and command line need besides."""

    world: AwsWorld


def engines_of(arn: str) -> Deployed:
    """The engines of the stage that this process serves; `arn` tells its account and region.

    Under `chalice local` there is no such ARN, but a prefix in the environment: then the
    credentials tell. Raises SettingsError.
    """
    account = ":".join(arn.split(":")[:5])  # a request's ARN differs from path to path
    return _engines_in(account)


@cache
def _engines_in(account: str) -> Deployed:
    world = AwsWorld.of_process(os.environ, account)
    return Deployed(world=world, settings=Settings.read(os.environ), clock=SystemTime())


def forget_engines() -> None:
    """Build new engines next time, as a new process would."""
    _engines_in.cache_clear()
    forget_session()
