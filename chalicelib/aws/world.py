"""AWS as one stage's engines see it: its adapters, each made when it is first used."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.aws.calling import clients, sdk_session
from chalicelib.errors import SettingsError
from chalicelib.job.ports import Telemetry
from chalicelib.names import Names
from chalicelib.settings import is_function

if TYPE_CHECKING:
    from chalicelib.aws.claims_table import DynamoClaims
    from chalicelib.aws.clients import Clients, Session
    from chalicelib.aws.incident_table import DynamoIncidents
    from chalicelib.aws.line_table import DynamoLine
    from chalicelib.aws.listing_table import DynamoListing
    from chalicelib.aws.posts import AwsPosts
    from chalicelib.aws.queue import SqsSpool
    from chalicelib.aws.ramp_table import DynamoRamps
    from chalicelib.aws.replay_table import DynamoReplays
    from chalicelib.aws.step_functions import StepFunctions
    from chalicelib.aws.tokens import NamedTokens, Tokens
    from chalicelib.aws.trigger_mapping import SpoolMapping


def _now() -> datetime:
    return datetime.now(UTC)


class AwsWorld:
    """The adapters of one stage. Imports stand where they are used: no Lambda needs them all."""

    def __init__(
        self, names: Names, session: "Session | None" = None, telemetry: Telemetry | None = None
    ) -> None:
        self.names = names
        self._session = session
        self._telemetry = telemetry

    @classmethod
    def of_process(cls, environ: Mapping[str, str], account: str) -> "AwsWorld":
        """The stage of a Lambda, by its name; elsewhere the one that RESPOOL_PREFIX names.

        Raises SettingsError.
        """
        name = "RESPOOL_PREFIX" if "RESPOOL_PREFIX" in environ else "AWS_LAMBDA_FUNCTION_NAME"
        if not environ.get(name):
            raise SettingsError(
                f"{name} is empty or missing: set RESPOOL_PREFIX, as in respool-dev"
            )
        if name == "RESPOOL_PREFIX":
            session = sdk_session()
            arn = session.client("sts").get_caller_identity()["Arn"]
            return cls(Names.of_caller(environ[name], arn, session.region_name))
        return cls(Names.of_function(environ[name], account))

    @property
    def prefix(self) -> str:
        """respool-<stage>."""
        return self.names.prefix

    @cached_property
    def telemetry(self) -> Telemetry:
        """Log lines and metrics on standard output, unless another was given."""
        if self._telemetry is not None:
            return self._telemetry
        from chalicelib.telemetry import LambdaTelemetry

        return LambdaTelemetry(self.names.prefix)

    @cached_property
    def claims(self) -> "DynamoClaims":
        """The table's claims."""
        from chalicelib.aws.claims_table import DynamoClaims

        return DynamoClaims(self._client("dynamodb"), self.names.table)

    @cached_property
    def line(self) -> "DynamoLine":
        """The table's slots."""
        from chalicelib.aws.line_table import DynamoLine

        return DynamoLine(self._client("dynamodb"), self.names.table)

    @cached_property
    def spool(self) -> "SqsSpool":
        """The queue with a note for each parked job."""
        return self._queue(self.names.spool)

    @cached_property
    def stuck(self) -> "SqsSpool":
        """The queue of messages that have no claim."""
        return self._queue(self.names.stuck)

    def _queue(self, name: str) -> "SqsSpool":
        from chalicelib.aws.queue import SqsSpool

        return SqsSpool(self._client("sqs"), name)

    @cached_property
    def workflow(self) -> "StepFunctions":
        """The state machine."""
        from chalicelib.aws.step_functions import StepFunctions

        return StepFunctions(self._client("stepfunctions"), self.names.state_machine_arn)

    @cached_property
    def ramps(self) -> "DynamoRamps":
        """What the ramp remembers."""
        from chalicelib.aws.ramp_table import DynamoRamps

        return DynamoRamps(self._client("dynamodb"), self.names.table)

    @cached_property
    def replays(self) -> "DynamoReplays":
        """The replays that are kept."""
        from chalicelib.aws.replay_table import DynamoReplays

        return DynamoReplays(self._client("dynamodb"), self.names.table)

    def hand_over(self, replay: str) -> None:
        """Let another reprocess Lambda carry on the replay of that id; returns at once."""
        from chalicelib.aws.handing_on import hand_on

        hand_on(self._client("lambda"), self.names.reprocess, replay)

    @cached_property
    def incidents(self) -> "DynamoIncidents":
        """What is kept of each task's trouble."""
        from chalicelib.aws.incident_table import DynamoIncidents

        return DynamoIncidents(self._client("dynamodb"), self.names.table)

    @cached_property
    def listing(self) -> "DynamoListing":
        """Since when which other state machines are served."""
        from chalicelib.aws.listing_table import DynamoListing

        return DynamoListing(self._client("dynamodb"), self.names.table)

    @cached_property
    def posts(self) -> "AwsPosts":
        """The ways by which people are told; each asks once, and gives up soon."""
        from chalicelib.aws.posts import PATIENCE, AwsPosts

        names = self.names
        return AwsPosts(
            clients(self._session, 2 * PATIENCE),
            names.topic_arn,
            names.hook_secret,
        )

    def is_well(self, url: str) -> bool:
        """Whether the downstream service's health check says so."""
        from chalicelib.aws.health import PATIENCE, function_is_well, is_well

        if not is_function(url):
            return is_well(url)
        return function_is_well(clients(self._session, PATIENCE)("lambda"), url)

    @cached_property
    def mapping(self) -> "SpoolMapping":
        """The trigger on the spool."""
        from chalicelib.aws.table import Table
        from chalicelib.aws.trigger_mapping import SpoolMapping

        table = Table(self._client("dynamodb"), self.names.table)
        return SpoolMapping(self._client("lambda"), self.names.reprocess, self.names.spool, table)

    @cached_property
    def tokens(self) -> "Tokens":
        """Who may call the API."""
        from chalicelib.aws.tokens import Tokens

        secrets = self._client("secretsmanager")
        return Tokens(secrets, self.names.secret, self.named_tokens, time.monotonic)

    @cached_property
    def named_tokens(self) -> "NamedTokens":
        """The tokens that people were given."""
        from chalicelib.aws.tokens import NamedTokens

        return NamedTokens(self._client("dynamodb"), self.names.table, _now)

    @cached_property
    def _client(self) -> "Clients":
        return clients(self._session)
