"""What AWS answers is told in our words, and repeats nothing of a payload or a token."""

import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.calling import calling
from chalicelib.errors import AwsError


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_long_value_that_aws_quotes_is_not_repeated(quote: str) -> None:
    secret = "s" * 200
    message = f"Value {quote}{secret}{quote} at 'taskToken' failed to satisfy constraint"
    refused = ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "A call")

    with pytest.raises(AwsError) as failure, calling("SendTaskSuccess", "job-1"):
        raise refused

    assert secret not in str(failure.value)
    assert str(failure.value) == (
        "SendTaskSuccess for job-1: ValidationException: Value '...' at 'taskToken' failed to"
        " satisfy constraint"
    )
