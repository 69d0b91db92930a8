"""Turns whatever AWS refuses, or nobody foresaw, into the outcome of the one job that it befell."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import PurePath

from chalicelib import metrics
from chalicelib.errors import Conflict, RespoolError, Throttled
from chalicelib.job.plan import Action
from chalicelib.job.ports import Telemetry
from chalicelib.replaying.outcome import Outcome


@dataclass(frozen=True)
class Guard:
    """Keeps one job's trouble from the others."""

    telemetry: Telemetry

    def __call__(self, about: Outcome, act: Callable[[], Outcome]) -> Outcome:
        """What `act` comes to; where it raises, `about` as a job that is left, and why."""
        try:
            outcome = act()
        except (Throttled, Conflict) as late:
            return replace(about, action=Action.LEAVE, reason=str(late), late=True)
        except RespoolError as refused:
            outcome = self._failed(about, str(refused))
        except Exception as unexpected:  # one bad record never stops the others
            outcome = self._failed(about, f"unexpected {_place(unexpected)}; please report it")
        if outcome.problem and outcome.action is Action.LEAVE:
            self.telemetry.metric(metrics.NOT_REPLAYED)
        return outcome

    def _failed(self, about: Outcome, reason: str) -> Outcome:
        self.telemetry.warning("job-not-replayed", key=about.key, reason=reason)
        return replace(about, action=Action.LEAVE, reason=reason, problem=True)


def _place(unexpected: Exception) -> str:
    """An error's kind and where it was raised; its text might repeat a payload or a token."""
    frame = traceback.extract_tb(unexpected.__traceback__)[-1]
    return f"{type(unexpected).__name__} in {PurePath(frame.filename).name}, line {frame.lineno}"
