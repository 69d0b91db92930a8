"""The trigger's event-source mapping in memory."""

from chalicelib.job.ports import Switched


class FakeMapping:
    """Switched on and off; nothing is delivered by it of its own."""

    def __init__(self) -> None:
        self.enabled = False
        self._switched: Switched | None = None

    def state(self) -> str:
        """`enabled` or `disabled`."""
        return "enabled" if self.enabled else "disabled"

    def note(self, switched: Switched) -> None:
        """Write down who switched it last."""
        self._switched = switched

    def switched(self) -> Switched | None:
        """Who switched it last, as far as it was written down."""
        return self._switched

    def switch(self, enabled: bool) -> str:
        """Let SQS call the function, or no longer; returns the state."""
        self.enabled = enabled
        return self.state()
