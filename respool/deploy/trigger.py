"""The trigger as deployed: the event-source mapping that, while enabled, replays continuously."""

from typing import TYPE_CHECKING

from chalicelib.aws.calling import calling
from chalicelib.errors import NotFound
from respool.deploy.checks.findings import DeployFailed
from respool.deploy.patience import Patience

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

SETTLING = 300
"""Seconds that a change of it is waited for."""


class Trigger:
    """Mappings by their UUID; an empty one stands for none."""

    def __init__(self, client: "LambdaClient", patience: Patience) -> None:
        self._client = client
        self._patience = patience

    def is_enabled(self, mapping: str) -> bool | None:
        """Whether it is enabled; None where there is no such mapping."""
        try:
            return self._state(mapping) == "Enabled" if mapping else None
        except NotFound:
            return None

    def set(self, mapping: str, enabled: bool) -> None:
        """Enable or disable it, and wait until it is so. Raises DeployFailed."""
        with calling("UpdateEventSourceMapping", mapping):
            self._client.update_event_source_mapping(UUID=mapping, Enabled=enabled)
        if self.is_enabled(mapping) != enabled:
            raise DeployFailed(
                f"The trigger {mapping} did not become {'enabled' if enabled else 'disabled'}."
                " Look at it among the triggers of the reprocess Lambda, and deploy again."
            )

    def _state(self, mapping: str) -> str:
        """The mapping's state once it has come to rest."""
        start = self._patience.elapsed()
        while True:
            with calling("GetEventSourceMapping", mapping):
                state = str(self._client.get_event_source_mapping(UUID=mapping)["State"])
            if not state.endswith("ing") or self._patience.elapsed() - start > SETTLING:
                return state
            self._patience.pause(1)
