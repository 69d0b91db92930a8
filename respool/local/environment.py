"""An environment in which the AWS SDK reaches the local AWS, and can't reach a real account."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
import botocore.config
import botocore.session

from chalicelib.aws.calling import once_each

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients

REGION = "us-east-1"
ACCOUNT = "000000000000"


def variables(endpoint: str, account: str = ACCOUNT) -> dict[str, str]:
    """The variables that turn an SDK, or `chalice`, to the local AWS at that endpoint."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": account,  # the emulator takes twelve digits for the account
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost,.localhost",
        "no_proxy": "127.0.0.1,localhost,.localhost",
    }


def without_aws(environ: Mapping[str, str]) -> dict[str, str]:
    """A copy with nothing in it that says how to reach AWS."""
    return {name: value for name, value in environ.items() if not name.startswith("AWS_")}


def exports(endpoint: str) -> str:
    """The variables that lead to a local AWS, as lines for a shell."""
    return "\n".join(
        f"export {name}={value}"
        for name, value in variables(endpoint).items()
        if name.startswith("AWS_")
    )


def sdk_session(account: str = ACCOUNT) -> boto3.Session:
    """An SDK session that reads neither the user's AWS files nor their profile."""
    core = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    return boto3.Session(
        aws_access_key_id=account,
        aws_secret_access_key="local",
        region_name=REGION,
        botocore_session=core,
    )


def clients(session: boto3.Session, endpoint: str) -> "Clients":
    """What makes clients at the local AWS."""
    settings = botocore.config.Config(
        proxies={}, max_pool_connections=32, retries={"total_max_attempts": 2}
    )
    make: Callable[..., Any] = session.client
    return once_each(partial(make, endpoint_url=endpoint, config=settings))
