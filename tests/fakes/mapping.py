"""The trigger's event-source mapping in memory."""


class FakeMapping:
    """Switched on and off; nothing is delivered by it of its own."""

    def __init__(self) -> None:
        self.enabled = False

    def state(self) -> str:
        """`enabled` or `disabled`."""
        return "enabled" if self.enabled else "disabled"

    def switch(self, enabled: bool) -> str:
        """Let SQS call the function, or no longer; returns the state."""
        self.enabled = enabled
        return self.state()
