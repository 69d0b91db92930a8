"""Telemetry of the command line: keeps audit lines and metrics, to hand them over at the end."""

from collections import defaultdict
from collections.abc import Iterator
from threading import Lock
from typing import TYPE_CHECKING, Any

from chalicelib.api.audit import AUDIT
from chalicelib.aws.calling import calling
from chalicelib.metrics import NAMESPACE, SECONDS

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef

AT_ONCE = 150
"""Values that one metric datum takes; a call takes a thousand of those."""
_Name = tuple[str, tuple[tuple[str, str], ...]]


class Metrics:
    """Counts as the Lambdas' telemetry does, so that the dashboard sees this replay too."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._lock = Lock()
        self._values: dict[_Name, list[float]] = defaultdict(list)
        self.audit: list[dict[str, Any]] = []

    def event(self, action: str, **fields: Any) -> None:
        """Keep an audit line; of all else the command says itself what it did."""
        if action == AUDIT:
            self.audit.append(fields)

    def warning(self, action: str, **fields: Any) -> None:
        """Nothing: what failed stands in the result."""

    def metric(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Add to a metric, for the stage and, where more dimensions are given, for those."""
        stage = (("stage", self._stage),)
        own = tuple((key, text or "unknown") for key, text in dimensions.items())
        with self._lock:
            for dims in {stage, stage + own}:
                self._values[name, dims].append(value)

    def send(self, cloudwatch: "CloudWatchClient") -> None:
        """Hand over what was counted. Raises AwsError."""
        data = list(self._data())
        for start in range(0, len(data), 1000):
            with calling("PutMetricData", NAMESPACE):
                cloudwatch.put_metric_data(
                    Namespace=NAMESPACE, MetricData=data[start : start + 1000]
                )
        self._values.clear()

    def _data(self) -> Iterator["MetricDatumTypeDef"]:
        for (metric, dims), values in self._values.items():
            timed = metric in SECONDS
            numbers = values if timed else [sum(values)]
            for start in range(0, len(numbers), AT_ONCE):
                yield {
                    "MetricName": metric,
                    "Dimensions": [{"Name": name, "Value": text[:1024]} for name, text in dims],
                    "Unit": "Seconds" if timed else "Count",
                    "Values": numbers[start : start + AT_ONCE],
                }
