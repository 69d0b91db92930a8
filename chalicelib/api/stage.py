"""One stage as its API and its command line serve it to people."""

from functools import cache, cached_property
from typing import Any

from chalicelib.api.groups import Messages
from chalicelib.api.looks import Looks
from chalicelib.api.overview import Overview
from chalicelib.cached import KEPT, Cached
from chalicelib.deployed import engines_of
from chalicelib.engines import Engines
from chalicelib.errors import AwsError

UNKNOWN = "unknown"
"""What a trigger is called whose state could not be read."""


class Stage:
    """A stage's engines, and what is remembered of it for some seconds for all who look."""

    def __init__(self, engines: Engines, prefix: str) -> None:
        self.engines = engines
        self.prefix = prefix

    @cached_property
    def overview(self) -> Overview:
        """How its tasks and jobs stand."""
        world = self.engines.world
        return Overview(claims=world.claims, line=world.line, clock=self.engines.clock)

    @cached_property
    def messages(self) -> Messages:
        """What its failed jobs said."""
        return Messages(self.engines.world.claims)

    @cached_property
    def replays(self) -> Looks:
        """What became of the jobs of its replays."""
        return Looks(self.engines.keeping, self.engines.clock)

    @cached_property
    def gauges(self) -> Cached[dict[str, Any]]:
        """How many notes lie on the queues, about, and whether the trigger is on."""
        return Cached(self._gauge, KEPT, self.engines.clock.elapsed)

    def changed(self) -> None:
        """Read again next time: somebody has just changed something."""
        self.overview.forget()
        self.replays.forget()
        self.gauges.forget()

    def _gauge(self) -> dict[str, Any]:
        world = self.engines.world
        try:
            trigger, switched = world.mapping.state(), world.mapping.switched()
        except AwsError:  # that it can't be told is no reason to tell nothing
            trigger, switched = UNKNOWN, None
        if switched is not None and not trigger.startswith(
            "enabl" if switched.enabled else "disabl"
        ):
            switched = None  # somebody switched it since, past this API
        return {
            "spooled": world.spool.depth(),
            "stuck": world.stuck.depth(),
            "trigger": trigger,
            "trigger_by": switched.by if switched else None,
            "trigger_why": switched.why if switched else None,
            "trigger_at": switched.at if switched else None,
        }


def stage_of(arn: str) -> Stage:
    """The stage that this process serves; `arn` tells its account and region.

    Raises SettingsError.
    """
    return _stage_in(":".join(arn.split(":")[:5]))  # a request's ARN differs from path to path


@cache
def _stage_in(account: str) -> Stage:
    engines = engines_of(account)
    return Stage(engines, engines.world.names.prefix)


def forget_stages() -> None:
    """Make a new stage next time, as a new process would."""
    _stage_in.cache_clear()
