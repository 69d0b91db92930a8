"""What respool says of itself: one structured line a transition, and metrics; never a payload."""

import json
import sys
import time
from typing import Any

from aws_lambda_powertools.logging import Logger

from chalicelib.metrics import NAMESPACE, SECONDS

MOST_TEXT = 2000
"""Characters of one field; no key, name or reason is longer, so what is was not meant for a log."""
MOST_DIMENSION = 250
"""Characters of a metric's dimension; CloudWatch takes 1,024 bytes."""


class LambdaTelemetry:
    """JSON lines and embedded metrics on standard output, for CloudWatch Logs to pick up."""

    def __init__(self, stage: str) -> None:
        self._log = Logger(service=stage, json_serializer=_line)
        self._stage = stage

    def event(self, action: str, **fields: Any) -> None:
        """One line at level INFO."""
        self._log.info(action, extra={"action": action, **_cut(fields)})

    def warning(self, action: str, **fields: Any) -> None:
        """One line at level WARNING."""
        self._log.warning(action, extra={"action": action, **_cut(fields)})

    def metric(self, name: str, value: float = 1, **dimensions: str) -> None:
        """One embedded metric, for the stage and, where more dimensions are given, for those."""
        labels = {name: _dimension(text) for name, text in dimensions.items()}
        metric = {
            "Namespace": NAMESPACE,
            "Dimensions": [["stage"], ["stage", *labels]] if labels else [["stage"]],
            "Metrics": [{"Name": name, "Unit": "Seconds" if name in SECONDS else "Count"}],
        }
        about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]}
        line = {"_aws": about, "stage": self._stage, **labels, name: [float(value)]}
        sys.stdout.write(_line(line) + "\n")


def _dimension(text: str) -> str:
    """A metric's dimension as CloudWatch takes it: short, in ASCII, and never empty."""
    plain = text.strip()[:MOST_DIMENSION].encode("ascii", "replace").decode()
    return plain or "unknown"


def _line(log: Any) -> str:
    """JSON that any stream takes: half characters are escaped."""
    text = json.dumps(log, default=str, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace").decode()


def _cut(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: f"{value[:MOST_TEXT]}..."
        if isinstance(value, str) and len(value) > MOST_TEXT
        else value
        for name, value in fields.items()
    }
