"""The engines of a stage as a command runs them, with that command's own clients."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.aws.world import AwsWorld
from chalicelib.deployed import SystemTime
from chalicelib.engines import Engines
from chalicelib.job.world import Time
from chalicelib.names import Names
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients


def engines_for(
    client: "Clients", names: Names, settings: Settings, clock: Time | None = None
) -> Engines:
    """The stage's engines; `client` makes clients, by the service's name."""
    world = AwsWorld(names, _Session(client), _Silence())
    return Engines(world=world, settings=settings, clock=clock or SystemTime())


@dataclass(frozen=True)
class _Session:
    """Stands for an SDK session: its clients are those of the command."""

    make: "Clients"

    def client(self, service: Any, **_: object) -> object:
        """A client of that service."""
        return self.make(service)


class _Silence:
    """A telemetry for a terminal, where the report at the end says enough."""

    def event(self, action: str, **fields: Any) -> None:
        """Nothing."""

    def warning(self, action: str, **fields: Any) -> None:
        """Nothing."""

    def metric(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Nothing."""
