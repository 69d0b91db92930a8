"""What a job's rooms hand to each other are values: nobody changes one that somebody else holds."""

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator

ROOMS = ("job", "replaying", "parking", "gate")
AT_WORK = {
    "chalicelib.gate.line._Run",
    "chalicelib.parking.repairs.Repairs",
    "chalicelib.replaying.choosing.Candidates",
    "chalicelib.replaying.choosing.Choosing",
    "chalicelib.replaying.clearing.Clearing",
    "chalicelib.replaying.gates.Gates",
    "chalicelib.replaying.past.Past",
    "chalicelib.replaying.preview.Preview",
    "chalicelib.replaying.report.Report",
}
"""Those that remember something while one run works with them."""


def classes() -> Iterator[type]:
    for room in ROOMS:
        package = importlib.import_module(f"chalicelib.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            members = vars(importlib.import_module(module.name)).values()
            yield from (
                member
                for member in members
                if isinstance(member, type) and member.__module__ == module.name
            )


def test_every_dataclass_is_frozen_but_for_those_at_work() -> None:
    mutable = {
        f"{each.__module__}.{each.__qualname__}"
        for each in classes()
        if dataclasses.is_dataclass(each) and not each.__dataclass_params__.frozen  # type: ignore[attr-defined]
    }
    assert mutable == AT_WORK
