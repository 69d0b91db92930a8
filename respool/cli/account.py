"""The AWS account that the command line works in, and the calls that only people make."""

import re
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chalicelib.api.stage import Stage
from chalicelib.aws.calling import calling, clients
from chalicelib.aws.tokens import NamedTokens
from chalicelib.aws.world import AwsWorld
from chalicelib.deployed import Deployed, SystemTime
from chalicelib.errors import NotFound
from chalicelib.names import APP, Names
from chalicelib.settings import Settings
from respool.cli import audit
from respool.cli.metrics import Metrics
from respool.session import chosen

if TYPE_CHECKING:
    import boto3

    from chalicelib.aws.clients import Clients

_API = re.compile(r":execute-api:[^:]*:[^:]*:([a-z0-9]+)/")


class Account:
    """One stage in one account and region."""

    def __init__(self, session: "boto3.Session", stage: str) -> None:
        self._session = session
        self._stage = stage
        self.prefix = f"{APP}-{stage}"
        self.metrics = Metrics(self.prefix)

    @classmethod
    def find(cls, stage: str, profile: str | None, region: str | None) -> "Account":
        """The account of these credentials; nothing is called yet."""
        return cls(chosen(profile, region), stage)

    def stage(self) -> Stage:
        """The stage as it is deployed. Raises NotFound where there is no such stage."""
        return Stage(self.engines, self.prefix)

    def tokens(self) -> NamedTokens:
        """The tokens that people were given for the stage's page and API. Raises NotFound."""
        return self.engines.world.named_tokens

    @cached_property
    def engines(self) -> Deployed:
        """Engines like those of the stage's Lambdas, with their settings.

        One call tells account, region and settings. Raises NotFound where there is no such stage.
        """
        function = f"{self.prefix}-reprocess"
        try:
            with calling("GetFunctionConfiguration", function):
                configuration = self.client("lambda").get_function_configuration(
                    FunctionName=function
                )
        except NotFound as missing:
            raise NotFound(
                f"stage {self._stage!r} is not deployed in region {self._session.region_name} of"
                f" this account: run chalice deploy --stage {self._stage}, or choose another with"
                " --stage, --region or --profile"
            ) from missing
        names = Names.of_function(function, configuration["FunctionArn"])
        settings = Settings.read(configuration.get("Environment", {}).get("Variables", {}))
        world = AwsWorld(names, self._session, self.metrics)
        return Deployed(world=world, settings=settings, clock=SystemTime())

    @cached_property
    def who(self) -> str:
        """Whose credentials these are, as far as a name goes: `alice`, `Admin/alice`."""
        with calling("GetCallerIdentity", "these credentials"):
            arn = str(self.client("sts").get_caller_identity()["Arn"])
        return arn.rpartition(":")[2].partition("/")[2] or "root"

    def page(self) -> str:
        """The URL of the stage's page, at the API that may call its Lambda. Raises NotFound."""
        with calling("GetPolicy", self.prefix):
            policy = self.client("lambda").get_policy(FunctionName=self.prefix)["Policy"]
        match = _API.search(policy)
        if match is None:
            raise NotFound(
                f"no API is allowed to call the Lambda {self.prefix}: run chalice deploy again"
            )
        gateway = self.client("apigateway")
        with calling("GetStages", match[1]):
            (served, *_) = gateway.get_stages(restApiId=match[1])["item"]
        return f"{origin(match[1], gateway.meta.endpoint_url)}/{served['stageName']}/"

    def send_metrics(self) -> None:
        """Hand to CloudWatch what was counted. Raises AwsError."""
        self.metrics.send(self.client("cloudwatch"))

    def send_audit(self, at: str) -> None:
        """Hand over the audit lines, if there are any. Raises AwsError."""
        lines, self.metrics.audit = self.metrics.audit, []
        if lines:
            audit.send(self.client("logs"), self.prefix, at, lines)

    @cached_property
    def client(self) -> "Clients":
        """A client of the service that it is called with."""
        return clients(self._session)


def origin(api: str, control: str) -> str:
    """The address of an API, from the one of API Gateway itself."""
    address = urlsplit(control)
    host = str(address.hostname)
    if host.startswith("apigateway."):
        return f"https://{api}.execute-api.{host.removeprefix('apigateway.')}"
    return f"{address.scheme}://{api}.execute-api.localhost:{address.port}"
