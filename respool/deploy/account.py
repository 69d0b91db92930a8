"""The AWS account and region that a command acts on, and its clients."""

from collections.abc import Callable
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from chalicelib.names import Names
from respool.deploy.checks.findings import DeployFailed
from respool.refusals import explain
from respool.session import chosen

Client = Callable[[str], Any]
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
        self._clients: dict[str, Any] = {}
        self.profile = profile

    @property
    def region(self) -> str:
        """The region's name. Raises DeployFailed where none is chosen."""
        if not self._session.region_name:
            raise DeployFailed(explain(NoRegionError()).text)
        return str(self._session.region_name)

    def client(self, service: str) -> Any:
        """A client of that service; the same one each time."""
        if service not in self._clients:
            self._clients[service] = self._session.client(
                service, region_name=self.region, config=_CONFIG
            )
        return self._clients[service]

    def names(self, prefix: str) -> Names:
        """The stage's names, whose account STS tells. Raises DeployFailed without credentials."""
        try:
            identity = self.client("sts").get_caller_identity()
        except (BotoCoreError, ClientError) as refused:
            told = explain(refused, self.profile or "").text
            raise DeployFailed(f"AWS does not say whose credentials these are: {told}") from None
        return Names(prefix, identity["Arn"].split(":")[1], self.region, identity["Account"])

    @property
    def endpoint(self) -> str:
        """The address of another AWS than Amazon's, such as a local one; empty for Amazon's."""
        url = str(self.client("apigateway").meta.endpoint_url)
        return "" if ".amazonaws.com" in url else url.rstrip("/")
