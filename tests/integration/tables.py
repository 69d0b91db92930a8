"""The claims table on moto, made as the deploy makes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto import mock_aws

from chalicelib.aws.calling import clients
from tests.fakes.definition import TABLE
from tests.tables import create_claims


@contextmanager
def moto_dynamodb() -> Iterator[Any]:
    """A client of moto's DynamoDB, without tables."""
    with mock_aws():
        yield clients(boto3.Session(region_name="us-east-1"))("dynamodb")


def empty_table(dynamodb: Any) -> None:
    """Make the claims table, empty where there was one."""
    if TABLE in dynamodb.list_tables()["TableNames"]:
        dynamodb.delete_table(TableName=TABLE)
    create_claims(dynamodb, TABLE)


def items_of(dynamodb: Any) -> dict[str, Any]:
    """All items by their keys."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=TABLE)
    return {item["pk"]["S"]: item for page in pages for item in page["Items"]}
