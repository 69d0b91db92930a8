"""The Lambda that HEALTH_URL may name: whether it is there for the ramp to ask."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.names import Names
from chalicelib.settings import is_function
from respool.deploy.checks.findings import DeployFailed

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


def refuse_missing(client: "LambdaClient", names: Names, url: str) -> None:
    """Raise DeployFailed where HEALTH_URL names a Lambda of another region, or none at all."""
    if not is_function(url):
        return
    region = url.split(":")[3]
    if region != names.region:
        raise DeployFailed(
            f"HEALTH_URL={url}: this Lambda is in {region}, and the stage in {names.region}. Name"
            " one of the stage's region."
        )
    try:
        client.get_function_configuration(FunctionName=url)
    except ClientError as refused:
        if refused.response["Error"]["Code"] == "ResourceNotFoundException":
            raise DeployFailed(
                f"HEALTH_URL={url}: there is no such Lambda. Deploy it first, or correct the name."
            ) from None
