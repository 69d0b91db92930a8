"""`make record STAGE=dev`: Chalice's record written again from what exists in the account.

For a checkout that takes over a stage whose record is lost, or is in another checkout.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.calling import calling
from chalicelib.errors import RespoolError
from chalicelib.names import APP, Names
from respool.deploy import ownership, record, stages
from respool.deploy.account import Account
from respool.deploy.checks.findings import DeployFailed
from respool.deploy.existing import Existing, look
from respool.deploy.record import Entry
from respool.deploy.template import API_HANDLER
from respool.refusals import explain

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient

    from chalicelib.aws.clients import Clients

PROJECT = Path(__file__).resolve().parents[2]


def resources(client: "Clients", existing: Existing, names: Names) -> list[Entry]:
    """The entries of a record that names all that exists, as Chalice writes them.

    Raises DeployFailed where there is nothing, or more than one API: a record names one.
    """
    if not existing.functions:
        raise DeployFailed(
            f"Nothing of {names.prefix} exists in {names.region} of account {names.account}: there"
            " is nothing to record. Choose another stage, region or profile."
        )
    if len(existing.apis) > 1:
        raise DeployFailed(
            f"{names.prefix} has several APIs: {', '.join(existing.apis)}. Delete those that nobody"
            f" uses, and try again: aws apigateway delete-rest-api --region {names.region}"
            f" --rest-api-id {existing.apis[-1]}"
        )
    functions = [
        entry for arn in existing.functions for entry in _function(client, arn, names.prefix)
    ]
    return functions + [_api(client("apigateway"), api, names) for api in existing.apis]


def _function(client: "Clients", arn: str, prefix: str) -> list[Entry]:
    function = arn.rpartition(":")[2]
    name = API_HANDLER if function == prefix else function.removeprefix(f"{prefix}-")
    with calling("GetFunctionConfiguration", function):
        about = client("lambda").get_function_configuration(FunctionName=function)
    role = {"role_arn": about["Role"], "role_name": about["Role"].rpartition("/")[2]}
    return [
        {"name": f"{name}_role", "resource_type": "iam_role", **role},
        {"name": name, "resource_type": "lambda_function", "lambda_arn": arn},
    ]


def _api(gateway: "APIGatewayClient", api: str, names: Names) -> Entry:
    with calling("GetStages", api):
        served = gateway.get_stages(restApiId=api)["item"]
    if not served:
        raise DeployFailed(
            f"The API {api} of {names.prefix} was never deployed. Delete it, and try again:"
            f" aws apigateway delete-rest-api --region {names.region} --rest-api-id {api}"
        )
    domain = "amazonaws.com.cn" if names.partition == "aws-cn" else "amazonaws.com"
    url = f"https://{api}.execute-api.{names.region}.{domain}/{served[0]['stageName']}/"
    return {
        "name": "rest_api",
        "resource_type": "rest_api",
        "rest_api_id": api,
        "rest_api_url": url,
    }


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--stage", default="dev", show_default=True, help="The stage to record.")
@click.option("--profile", help="The AWS profile whose credentials to use.")
def main(stage: str, profile: str | None) -> None:
    """Write .chalice/deployed/<stage>.json again, from what exists of the stage in the account."""
    try:
        stages.refuse_unknown(PROJECT, stage)
        account = Account(profile)
        names = account.names(f"{APP}-{stage}")
        ownership.refuse_elsewhere(record.read(PROJECT, stage), names, stage)
        entries = resources(account.client, look(account.client, names), names)
        path = record.write(PROJECT, stage, entries)
    except (RespoolError, BotoCoreError, ClientError) as wrong:
        raise click.ClickException(explain(wrong, profile or "").text) from None
    click.echo(f"Wrote {path.relative_to(PROJECT)}, which names {len(entries)} resources.")
    click.echo("This checkout deploys and deletes the stage now: see docs/deployed.md.")


if __name__ == "__main__":
    sys.exit(main())
