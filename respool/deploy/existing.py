"""What of a stage exists in an account, whoever has deployed it: found by Chalice's tag."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.aws.calling import calling
from chalicelib.errors import NotFound
from chalicelib.names import APP, Names
from respool.deploy.record import Entry

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient

    from chalicelib.aws.clients import Clients

TAG = "aws-chalice"
"""Chalice puts it on every Lambda: `version=1.34.0:stage=dev:app=respool`."""
_API = re.compile(r":execute-api:[^:]*:[^:]*:([a-z0-9]+)/")


@dataclass(frozen=True)
class Existing:
    """The ARNs of the stage's Lambdas, and the ids of the APIs that may call the handler."""

    functions: tuple[str, ...] = ()
    apis: tuple[str, ...] = ()


def look(client: "Clients", names: Names) -> Existing:
    """What there is of the stage in this account and region; `client` makes clients."""
    functions = sorted(_tagged(client("resourcegroupstaggingapi"), client("lambda"), names))
    apis = sorted(_apis(client("lambda"), client("apigateway"), names.prefix))
    return Existing(tuple(functions), tuple(apis))


def _tagged(
    tags: "ResourceGroupsTaggingAPIClient", functions: "LambdaClient", names: Names
) -> Iterator[str]:
    ours = f":stage={names.prefix.removeprefix(f'{APP}-')}:app={APP}"
    with calling("GetResources", TAG):
        pages = tags.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": TAG}], ResourceTypeFilters=["lambda:function"]
        )
        resources = [one for page in pages for one in page["ResourceTagMappingList"]]
    for one in resources:
        values = [tag["Value"] for tag in one["Tags"] if tag["Key"] == TAG]
        # The tags' index lags behind: it may still name what is gone.
        arn = one["ResourceARN"]
        if any(value.endswith(ours) for value in values) and _function_is_there(functions, arn):
            yield arn


def _apis(functions: "LambdaClient", gateway: "APIGatewayClient", handler: str) -> Iterator[str]:
    """The APIs that may call the handler and are there: a permission outlives its API."""
    try:
        with calling("GetPolicy", handler):
            policy = functions.get_policy(FunctionName=handler)["Policy"]
    except NotFound:
        return
    yield from (api for api in set(_API.findall(policy)) if _api_is_there(gateway, api))


def is_there(client: "Clients", entry: Entry) -> bool:
    """Whether what an entry of a record names still exists; True for what is not known here."""
    if "lambda_arn" in entry:
        return _function_is_there(client("lambda"), entry["lambda_arn"])
    if "rest_api_id" in entry:
        return _api_is_there(client("apigateway"), entry["rest_api_id"])
    if "role_name" in entry:
        return _role_is_there(client("iam"), entry["role_name"])
    return True


def _function_is_there(functions: "LambdaClient", arn: str) -> bool:
    return _found(
        "GetFunctionConfiguration", arn, functions.get_function_configuration, FunctionName=arn
    )


def _api_is_there(gateway: "APIGatewayClient", api: str) -> bool:
    return _found("GetRestApi", api, gateway.get_rest_api, restApiId=api)


def _role_is_there(identities: "IAMClient", role: str) -> bool:
    return _found("GetRole", role, identities.get_role, RoleName=role)


def _found(call: str, name: str, get: Callable[..., Any], **about: str) -> bool:
    try:
        with calling(call, name):
            get(**about)
    except NotFound:
        return False
    return True
