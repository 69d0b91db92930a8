"""The downstream service that the uncertain task calls, in memory."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fakes.run import Run

TASK = "UncertainTask"


class TaskFailed(Exception):
    """The uncertain task raised; `name` is the error's class, and `cause` what Lambda tells."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(name)
        self.name = name
        self.cause = cause


@dataclass
class Service:
    """Counts who came and whose work was completed, by input.

    `refuses` are inputs that it never takes; `steps` counts how often each step upstream of the
    task was done; `on_visit` hears of each execution that comes in.
    """

    broken: bool = False
    refuses: set[str] = field(default_factory=set)
    error: str = "ConnectionError"
    message: str = "the downstream service does not answer"
    visits: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    on_visit: Callable[[Run], None] = lambda _: None

    def serve(self, job: str) -> None:
        """Do the job's work. Raises TaskFailed while broken."""
        if self.broken or job in self.refuses:
            cause = f'{{"errorMessage": "{self.message}", "errorType": "{self.error}"}}'
            raise TaskFailed(self.error, cause)
        self.done[job] += 1
