"""Wires a stage: its names and settings to adapters, and those to the engines."""

import os
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, cached_property
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from chalicelib.aws.calling import client, forget_session, sdk_session
from chalicelib.aws.claims_table import DynamoClaims
from chalicelib.aws.queue import SqsSpool
from chalicelib.aws.step_functions import StepFunctions
from chalicelib.aws.tokens import NamedTokens, Tokens
from chalicelib.aws.trigger_mapping import SpoolMapping
from chalicelib.cached import KEPT, Cached
from chalicelib.errors import AwsError, RespoolError
from chalicelib.job.plan import Rules
from chalicelib.job.ports import Spool, Telemetry
from chalicelib.names import Names
from chalicelib.parking.error_spool import Spooling
from chalicelib.parking.give_up import GiveUp
from chalicelib.parking.rescue import Rescue
from chalicelib.parking.sweep import Repairs, Sweep
from chalicelib.replaying.recovery import Recovery
from chalicelib.replaying.replay import Order, Replayer
from chalicelib.replaying.report import Report
from chalicelib.replaying.requests import Request
from chalicelib.replaying.trigger import Trigger
from chalicelib.settings import Settings
from chalicelib.telemetry import LambdaTelemetry

if TYPE_CHECKING:
    from chalicelib.aws.ramp_table import DynamoRamps
    from chalicelib.job.ports import Overview

RAMP = "ramp"
"""What RECOVERY says to have the backlog drain itself."""
UNCERTAIN_TASK = "UncertainTask"
"""The task that is known before any job has come to it."""


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


def stage_of(arn: str) -> "Stage":
    """The stage that this process serves, made once; `arn` tells its account and region.

    Under `chalice local` there is no such ARN, but a prefix in the environment: then the
    credentials tell. Raises SettingsError.
    """
    account = ":".join(arn.split(":")[:5])  # a request's ARN differs from path to path
    return _stage_in(account)


@cache
def _stage_in(account: str) -> "Stage":
    prefix = os.environ.get("RESPOOL_PREFIX")
    if prefix:
        return Stage(Names.of_session(prefix, sdk_session()), Settings.read(os.environ))
    function = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    return Stage(Names.of_function(function, account), Settings.read(os.environ))


def forget_stages() -> None:
    """Make the stage anew next time, as a new process would."""
    _stage_in.cache_clear()
    forget_session()


class Stage:
    """One deployed stage; what is not used is not made, so that a cold start stays short."""

    def __init__(
        self,
        names: Names,
        settings: Settings,
        session: Any = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.names = names
        self.settings = settings
        self._session = session
        self.telemetry = telemetry or LambdaTelemetry(names.prefix)

    @cached_property
    def spool(self) -> SqsSpool:
        """The queue of parked jobs."""
        return SqsSpool(self._client("sqs"), self.names.spool)

    @cached_property
    def stuck(self) -> SqsSpool:
        """The queue that unattended replays leave alone."""
        return SqsSpool(self._client("sqs"), self.names.stuck)

    @cached_property
    def workflow(self) -> StepFunctions:
        """The state machine."""
        return StepFunctions(self._client("stepfunctions"), self.names.state_machine_arn)

    @cached_property
    def claims(self) -> DynamoClaims:
        """The table of claims and slots."""
        return DynamoClaims(self._client("dynamodb"), self.names.table)

    @cached_property
    def tokens(self) -> Tokens:
        """Who may call the API."""
        secrets = self._client("secretsmanager")
        return Tokens(secrets, self.names.secret, self.named_tokens, time.monotonic)

    @cached_property
    def named_tokens(self) -> NamedTokens:
        """The tokens that people were given."""
        return NamedTokens(self._client("dynamodb"), self.names.table, now)

    @cached_property
    def overview(self) -> "Overview":
        """What people see of the claims."""
        from chalicelib.aws.overview_table import (
            DynamoOverview,  # a cold start is shorter without what only looks
        )

        return DynamoOverview(self._client("dynamodb"), self.names.table, now, time.monotonic)

    @cached_property
    def mapping(self) -> SpoolMapping:
        """The trigger on the spool."""
        return SpoolMapping(self._client("lambda"), self.names.reprocess, self.names.spool)

    @cached_property
    def gauges(self) -> Cached[dict[str, Any]]:
        """How many messages the queues hold, and the trigger's state; some seconds old."""
        return Cached(self._gauge, KEPT, time.monotonic)

    def _gauge(self) -> dict[str, Any]:
        try:
            trigger = self.mapping.state()
        except AwsError:  # that it can't be told is no reason to tell nothing
            trigger = "unknown"
        return {"spooled": self.spool.depth(), "stuck": self.stuck.depth(), "trigger": trigger}

    @cached_property
    def rescue(self) -> Rescue:
        """What catches jobs that fell."""
        return Rescue(self.workflow, self.claims, self.spool, self.telemetry, now)

    @cached_property
    def spooling(self) -> Spooling:
        """What the spool Lambda does."""
        return Spooling(self.workflow, self.spool, self.rescue, self.telemetry)

    @cached_property
    def replayer(self) -> Replayer:
        """What puts jobs back."""
        recovery = Recovery(
            self.workflow, self.claims, self.stuck, self.telemetry, now, self.settings.task_limit
        )
        return Replayer(recovery, self.telemetry, time.monotonic, time.sleep)

    @cached_property
    def give_up(self) -> GiveUp:
        """What ends jobs for good."""
        return GiveUp(self.workflow, self.claims, (self.spool, self.stuck), self.telemetry, now)

    def replay(self, request: Request, seconds: float) -> Report:
        """Put back what was asked for, within so many seconds."""
        if request.stuck:
            return self.replay_by_hand(self.stuck, request, seconds)
        return self.replayer.replay(self.spool, self._order(request, seconds))

    def replay_stuck(self, request: Request, seconds: float) -> Report:
        """The same for jobs that failed too often: for people, never for a schedule."""
        return self.replay_by_hand(self.stuck, request, seconds)

    def replay_by_hand(self, queue: Spool, request: Request, seconds: float) -> Report:
        """Put back from that queue what a person chose, however often it has failed."""
        order = self._order(request, seconds)
        order = replace(order, rules=replace(order.rules, take_stuck=True))
        return self.replayer.replay(queue, order)

    def sweep(self, seconds: float) -> Repairs:
        """Repair what events missed, within so many seconds."""
        sweep = Sweep(
            self.workflow, self.claims, self.rescue, self.telemetry, now, time.monotonic, time.sleep
        )
        repairs = sweep.run(seconds)
        # SQS stops reporting on a queue that nobody uses for six hours, and then the alarm on it
        # is up to 15 minutes late. So somebody uses it.
        with suppress(RespoolError):
            self.spool.depth()
        return repairs

    def trigger(self, event: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Settle the messages of an SQS event; the rest is reported back to SQS."""
        rules = Rules(
            began=now(),
            max_attempts=self.settings.max_attempts,
            cool_down=self.settings.cool_down,
        )
        return Trigger(self.replayer, self.spool).take(event, Order(0, rules, seconds))

    @cached_property
    def ramps(self) -> "DynamoRamps":
        """What the ramp remembers."""
        from chalicelib.aws.ramp_table import (
            DynamoRamps,  # a cold start is shorter without the ramp
        )

        return DynamoRamps(self._client("dynamodb"), self.names.table)

    def ramp(self, seconds: float) -> dict[str, Any]:
        """One tick of the ramp within so many seconds, where RECOVERY has it; says what it did."""
        if self.settings.recovery != RAMP:
            return {"ramp": "off"}
        settings = self.settings
        from chalicelib.gate.ramp.decide import Policy
        from chalicelib.gate.ramp.tick import Tick

        tick = Tick(
            self.claims,
            self.workflow,
            self.ramps,
            self.replayer,
            self.spool,
            self.telemetry,
            now,
            lambda: token_hex(16),
            Policy.of(settings),
            settings.hold_windows,
            settings.task_limit,
            settings.max_attempts,
            UNCERTAIN_TASK,
        )
        return {"ramp": tick.run(seconds)}

    def _order(self, request: Request, seconds: float) -> Order:
        return Order(
            count=request.count or self.settings.max_reprocess,
            rules=Rules(
                began=now(), max_attempts=self.settings.max_attempts, choice=request.choice
            ),
            seconds=seconds,
            rate=request.rate,
            dry_run=request.dry_run,
        )

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = client(service, self._session)
        return self._clients[service]

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}
