"""A fact: what AWS does, who saw it, and how we show that the local AWS and the fakes do it too."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.integration.local_machines import LocalMachines

LOCALSTACK = "localstack/localstack, tests/aws/services/"
Sure = Literal["recorded", "measured", "documented"]
"""Recorded: AWS's answers to a test, in a file. Measured: told in an issue. Else: its own pages."""
OnLocal = Callable[[LocalMachines], None]
OnFakes = Callable[[], None]


@dataclass(frozen=True)
class Fact:
    """`source` has repository, path, test and date; `held_by` are the patches that it is about."""

    id: str
    happens: str
    source: str
    sure: Sure
    on_local: OnLocal | None = None
    held_by: tuple[str, ...] = ()


FACTS: dict[str, Fact] = {}
ON_FAKES: dict[str, OnFakes] = {}
"""How the fakes, or the deploy's own checks, show that they do it too, by the fact's id."""


def recorded(path: str, test: str, date: str) -> str:
    """Where LocalStack keeps what a test of its own was answered by AWS on that day."""
    return f"{LOCALSTACK}{path}, {test}, {date}"


def on_local(
    id: str, happens: str, source: str, sure: Sure = "recorded", held_by: tuple[str, ...] = ()
) -> Callable[[OnLocal], OnLocal]:
    """Note a fact; what is decorated raises where the local AWS does otherwise."""

    def note(check: OnLocal) -> OnLocal:
        assert id not in FACTS, f"two facts are called {id}"
        FACTS[id] = Fact(id, happens, source, sure, on_local=check, held_by=held_by)
        return check

    return note


def on_fakes(
    id: str, happens: str = "", source: str = "", sure: Sure = "recorded"
) -> Callable[[OnFakes], OnFakes]:
    """The same for the fakes: of a fact of the local AWS, or of one that only they know."""

    def note(check: OnFakes) -> OnFakes:
        ON_FAKES[id] = check
        if happens:
            FACTS[id] = Fact(id, happens, source, sure)
        return check

    return note
