"""A stage's names follow from its prefix and the account it lives in."""

import pytest

from chalicelib.names import Names

API = "arn:aws:execute-api:eu-west-1:123456789012:abc/api/POST/replay"
FUNCTION = "arn:aws-cn:lambda:cn-north-1:123456789012:function:respool-dev-reprocess"


@pytest.mark.parametrize(
    ("function", "prefix"),
    [
        ("respool-dev", "respool-dev"),
        ("respool-dev-reprocess", "respool-dev"),
        ("respool-dev-error_spool", "respool-dev"),
        ("respool-dev-authorizer", "respool-dev"),
        ("respool-blue-green", "respool-blue-green"),
        ("respool-blue-green-uncertain_task", "respool-blue-green"),
    ],
)
def test_the_prefix_is_read_off_any_of_its_functions(function: str, prefix: str) -> None:
    assert Names.of_function(function, API).prefix == prefix


def test_names_are_the_documented_ones() -> None:
    names = Names.of_function("respool-dev-authorizer", API)

    assert names.spool == "respool-dev-spool"
    assert names.stuck == "respool-dev-stuck"
    assert names.table == "respool-dev-claims"
    assert names.secret == "respool-dev/console"
    machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:respool-dev"
    assert names.state_machine_arn == machine


def test_other_partitions_keep_their_own_arns() -> None:
    names = Names.of_function("respool-dev-reprocess", FUNCTION)

    assert names.execution_arn("job") == (
        "arn:aws-cn:states:cn-north-1:123456789012:execution:respool-dev:job"
    )
