"""The AWS account and region that a command acts on, and its clients."""

from functools import cached_property, partial
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from chalicelib.aws.calling import once_each
from chalicelib.names import Names
from respool.deploy.checks.findings import DeployFailed
from respool.refusals import explain
from respool.session import chosen

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients

_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 6}
)


class Account:
    """An SDK session of a profile, or of the environment, as Chalice uses it."""

    def __init__(self, profile: str | None = None) -> None:
        try:
            self._session = chosen(profile)
        except BotoCoreError as unknown:
            raise DeployFailed(explain(unknown).text) from None
        self.profile = profile

    @property
    def region(self) -> str:
        """The region's name. Raises DeployFailed where none is chosen."""
        if not self._session.region_name:
            raise DeployFailed(explain(NoRegionError()).text)
        return str(self._session.region_name)

    @cached_property
    def client(self) -> "Clients":
        """A client of the service that it is called with; the same one each time."""
        make = partial(self._session.client, region_name=self.region, config=_CONFIG)
        return once_each(make)

    def names(self, prefix: str) -> Names:
        """The stage's names, whose account STS tells. Raises DeployFailed without credentials."""
        try:
            arn = self.client("sts").get_caller_identity()["Arn"]
        except (BotoCoreError, ClientError) as refused:
            reason = explain(refused, self.profile or "").text
            raise DeployFailed(f"AWS does not say whose credentials these are: {reason}") from None
        return Names.of_caller(prefix, arn, self.region)

    @property
    def endpoint(self) -> str:
        """The address of another AWS than Amazon's, such as a local one; empty for Amazon's."""
        url = str(self.client("apigateway").meta.endpoint_url)
        return "" if ".amazonaws.com" in url else url.rstrip("/")
