"""The local AWS with a meter of DynamoDB's write units, and answers that get lost on demand.

A test names the folder that it shares with this server in METERED: `units` has a line for each
write, `lost` the beginnings of the update expressions whose next answer is to be lost.
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from respool.local import patches, server

WRITES = ("_update_item", "_transact_write_items")


def main() -> None:
    """Serve, patched and metered."""
    apply = patches.apply

    def apply_and_meter() -> None:
        apply()
        meter(Path(os.environ["METERED"]))

    patches.apply = apply_and_meter
    server.main()


def meter(folder: Path) -> None:
    """Count the units of each write, and lose the answers that a test wants to be lost."""
    from ministack.services import dynamodb

    for name in WRITES:
        setattr(dynamodb, name, _metered(getattr(dynamodb, name), folder))


def _metered(write: Callable[[Any], Any], folder: Path) -> Callable[[Any], Any]:
    from ministack.core.responses import error_response_json

    def written(data: dict[str, Any]) -> Any:
        answer = write(data | {"ReturnConsumedCapacity": "TOTAL"})
        used = json.loads(answer[2] or b"{}").get("ConsumedCapacity", [])
        with (folder / "units").open("a") as units:
            for one in used if isinstance(used, list) else [used]:
                units.write(f"{one['CapacityUnits']}\n")
        if answer[0] == 200 and _lost(data, folder / "lost"):
            return error_response_json("InternalServerError", "the answer got lost", 500)
        return answer

    return written


def _lost(data: dict[str, Any], told: Path) -> bool:
    """Whether this write's answer is to be lost; each beginning counts once."""
    beginnings: list[str] = json.loads(told.read_text()) if told.exists() else []
    items = data.get("TransactItems", [{"Update": data}])
    expressions = [one["Update"]["UpdateExpression"] for one in items if "Update" in one]
    for beginning in beginnings:
        if any(expression.startswith(beginning) for expression in expressions):
            beginnings.remove(beginning)
            tell(told, beginnings)
            return True
    return False


def tell(told: Path, beginnings: Sequence[str]) -> None:
    """Name what is to be lost, so that no reader sees half of it."""
    fresh = told.with_suffix(".fresh")
    fresh.write_text(json.dumps(beginnings))
    fresh.replace(told)


if __name__ == "__main__":
    main()
