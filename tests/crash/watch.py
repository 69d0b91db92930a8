"""Watches a stage: nobody is in its task without a slot, and there are never too many of those."""

from chalicelib.job.execution import machine_of
from tests.fakes.definition import bare
from tests.fakes.run import Run
from tests.fakes.stage import FakeStage
from tests.fakes.table import Item


class Watch:
    """What should not have been; `by_hand` are executions that somebody redrove by hand."""

    def __init__(self, stage: FakeStage) -> None:
        self.seen: list[str] = []
        self.by_hand: set[str] = set()
        self._stage = stage
        stage.table.on_write = self._written
        stage.service.on_visit = self._visited

    def _written(self, pk: str, old: Item | None, new: Item | None) -> None:
        if pk != f"slots#{self._stage.task}" or new is None:
            return
        was, now = _owners(old), _owners(new)
        limit = int(new.get("limit", {}).get("N", "0"))
        if len(now) > max(limit, len(was)):
            self.seen.append(f"{len(now)} jobs got in where {limit} may be inside")
        if int(new.get("waiting", {}).get("N", "0")) < 0:
            self.seen.append("fewer than none were in line")

    def _visited(self, run: Run) -> None:
        machine = machine_of(run.arn)
        watched = self._stage.executions.definitions.get(machine) == bare()
        if watched and not run.redrives:  # it goes its own way until it fails
            return
        task = machine if watched else self._stage.task
        item = self._stage.table.get(f"slots#{task}")
        if run.arn not in _owners(item).values() and run.arn not in self.by_hand:
            self.seen.append(f"{run.name} is in the task without a slot")


def _owners(item: Item | None) -> dict[str, str]:
    inner = (item or {}).get("owners", {}).get("M", {})
    return {pk: value["S"] for pk, value in inner.items()}
