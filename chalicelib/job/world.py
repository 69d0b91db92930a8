"""The world as the engines have it: every port of one stage, and the time."""

from datetime import datetime
from typing import Protocol

from chalicelib.job import ports


class World(Protocol):
    """All that the engines need of the world: AWS's adapters, or the tests' fakes."""

    @property
    def prefix(self) -> str:
        """respool-<stage>."""

    @property
    def claims(self) -> ports.Claims:
        """The table's claims."""

    @property
    def line(self) -> ports.Line:
        """The table's slots: who is inside, who stands in line, the gate."""

    @property
    def spool(self) -> ports.Spool:
        """The queue with a note for each parked job."""

    @property
    def stuck(self) -> ports.Spool:
        """The queue of messages that have no claim: unreadable or unstartable ones."""

    @property
    def workflow(self) -> ports.Workflow:
        """Step Functions."""

    @property
    def ramps(self) -> ports.Ramps:
        """What the ramp remembers."""

    @property
    def replays(self) -> ports.Replays:
        """The replays that are kept."""

    def hand_over(self, replay: str) -> None:
        """Let another Lambda carry on the replay of that id; returns at once."""

    @property
    def incidents(self) -> ports.Incidents:
        """What is kept of each task's trouble."""

    @property
    def listing(self) -> ports.Listing:
        """Since when which other state machines are served."""

    @property
    def posts(self) -> ports.Posts:
        """The ways by which people are told."""

    def is_well(self, url: str) -> bool:
        """Whether the downstream service's own health check says so."""

    @property
    def mapping(self) -> ports.Trigger:
        """The trigger on the spool."""

    @property
    def telemetry(self) -> ports.Telemetry:
        """Where the engines report to."""


class Time(Protocol):
    """The time of day, a count of seconds that never goes back, and a way to let time pass."""

    def now(self) -> datetime:
        """The time of day, with its zone."""

    def elapsed(self) -> float:
        """Seconds since some moment in the past."""

    def pause(self, seconds: float) -> None:
        """Let that many seconds pass."""
