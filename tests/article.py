"""The article's loop, written from its description, to compare with.

Spooling sends the key alone and swallows every error. Replay takes one message at a time on a
short poll, starts the whole pipeline again under no name, and then deletes the message.
"""

import json
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.errors import RespoolError
from chalicelib.job.ports import Spool, Workflow

VISIBILITY = 1
RETENTION_DAYS = 7


def spool(queue: Spool, key: str) -> None:
    """Send the key; whatever goes wrong is logged, and the job's execution succeeds."""
    try:
        queue.send(json.dumps({"key": key}))
    except RespoolError as problem:
        logging.getLogger(__name__).info(problem)


@dataclass(frozen=True)
class Loop:
    """Replays until the count is reached, or a receive is empty."""

    spool: Spool
    workflow: Workflow
    new_name: Callable[[], str] = lambda: str(uuid.uuid4())

    def replay(self, count: int) -> int:
        """Start so many jobs again; says how many there were."""
        done = 0
        while done < count:
            messages = self.spool.receive(1, VISIBILITY)
            if not messages:
                break
            self.workflow.start(self.new_name(), messages[0].body)
            self.spool.delete(messages)
            done += 1
        return done
