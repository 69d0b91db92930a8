"""The deployed API's stage: how many requests it takes, for which Chalice has no setting."""

from typing import TYPE_CHECKING

from chalicelib.aws.calling import calling

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_apigateway.type_defs import PatchOperationTypeDef

EVERY_METHOD = "*/*"


class Gateway:
    """API Gateway's REST APIs, by their id and stage."""

    def __init__(self, client: "APIGatewayClient") -> None:
        self._client = client

    def limit(self, api: str, stage: str, rate: int, burst: int) -> bool:
        """Limit the requests that each method takes: per second, and at once.

        Returns whether that changed anything. API Gateway answers 429 to what is over it.
        """
        if self._limits(api, stage) == (rate, burst):
            return False
        with calling("UpdateStage", f"{api}/{stage}"):
            self._client.update_stage(
                restApiId=api,
                stageName=stage,
                patchOperations=[
                    _replace("throttling/rateLimit", rate),
                    _replace("throttling/burstLimit", burst),
                ],
            )
        return True

    def _limits(self, api: str, stage: str) -> tuple[float | None, int | None]:
        with calling("GetStage", f"{api}/{stage}"):
            answer = self._client.get_stage(restApiId=api, stageName=stage)
        settings = answer.get("methodSettings", {}).get(EVERY_METHOD, {})
        return settings.get("throttlingRateLimit"), settings.get("throttlingBurstLimit")


def _replace(what: str, value: int) -> "PatchOperationTypeDef":
    return {"op": "replace", "path": f"/{EVERY_METHOD}/{what}", "value": str(value)}
