"""Which call meets which fault, what is down altogether, and what came of it: by chance, counted.

The proxy and the emulator are two processes; a folder is what they share.
"""

import os
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Lock


class Fault(StrEnum):
    """What may befall a call."""

    NONE = "none"
    SERVER_ERROR = "server error (500)"
    THROTTLED = "throttled"
    CUT_BEFORE = "connection cut before the call took effect"
    CUT_AFTER = "connection cut after it took effect"
    LATE_BEFORE = "timed out before it took effect"
    LATE_AFTER = "timed out after it took effect"
    DOWN = "the service was down"
    LOST = "status-change event lost"

    @property
    def takes_effect(self) -> bool:
        """Whether AWS does what it was asked to, though its caller does not hear of it."""
        return self in (Fault.NONE, Fault.CUT_AFTER, Fault.LATE_AFTER)

    @property
    def late(self) -> bool:
        """Whether the caller waits in vain."""
        return self in (Fault.LATE_BEFORE, Fault.LATE_AFTER)


WEIGHTS = {
    Fault.SERVER_ERROR: 30,
    Fault.THROTTLED: 30,
    Fault.CUT_BEFORE: 15,
    Fault.CUT_AFTER: 20,
    Fault.LATE_BEFORE: 2,
    Fault.LATE_AFTER: 3,
}
SHARE = 0.14
"""Of the calls meet a fault at their first attempt."""
STUBBORN = 0.2
"""Of those meet it again at each retry of the SDK, so that the caller's own code must cope."""


@dataclass(frozen=True)
class Ground:
    """The folder that the proxy, the emulator and the scenario share."""

    folder: Path

    @property
    def _log(self) -> Path:
        return self.folder / "calls"

    def take_down(self, service: str) -> None:
        """From now on no call of that service or function works."""
        (self.folder / f"down-{service}").touch()

    def bring_up(self, service: str) -> None:
        """It works again, as well as everything else here."""
        (self.folder / f"down-{service}").unlink(missing_ok=True)

    def is_down(self, service: str) -> bool:
        """Whether it was taken down."""
        return (self.folder / f"down-{service}").exists()

    def note(self, caller: str, call: str, fault: Fault) -> None:
        """Remember a call and what befell it; one short append, so that processes may share it."""
        line = f"{caller}\t{call}\t{fault}\n".encode()
        log = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(log, line)
        finally:
            os.close(log)

    def noted(self) -> Counter[tuple[str, str, Fault]]:
        """How often which caller's which call met which fault."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        told = (line.split("\t") for line in lines)
        return Counter((caller, call, Fault(fault)) for caller, call, fault in told)


class Chance:
    """Draws the fault of a call; an attempt is counted from 1."""

    def __init__(
        self,
        ground: Ground,
        seed: int,
        share: float = SHARE,
        stubborn: float = STUBBORN,
        weights: Mapping[Fault, int] = WEIGHTS,
    ) -> None:
        self._ground = ground
        self._random = random.Random(seed)
        self._share = share
        self._often = stubborn
        self._weights = weights
        self._lock = Lock()
        self._stubborn: dict[str, Fault] = {}

    def draw(self, service: str, call: str = "", attempt: int = 1) -> Fault:
        """The fault that this attempt of the call, known by its id, meets at this service."""
        if self._ground.is_down(service):
            return Fault.DOWN
        with self._lock:
            if attempt > 1:
                return self._stubborn.get(call, Fault.NONE)
            if self._random.random() >= self._share:
                return Fault.NONE
            (fault,) = self._random.choices(list(self._weights), list(self._weights.values()))
            if call and self._random.random() < self._often:
                self._stubborn[call] = fault
            return fault
