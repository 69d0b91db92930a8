"""How each AWS service says that it failed: the protocol that a request speaks, and its errors."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from tests.soak.faults import Fault


@dataclass(frozen=True)
class Call:
    """One request as AWS sees it."""

    service: str
    action: str
    protocol: str


@dataclass(frozen=True)
class Answer:
    """What a service answers."""

    status: int
    headers: dict[str, str]
    body: bytes


_TARGETS = {
    "AmazonSQS": "sqs",
    "DynamoDB_20120810": "dynamodb",
    "AWSStepFunctions": "states",
    "secretsmanager": "secretsmanager",
}
_SIGNED_FOR = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")
_THROTTLES = {
    "sqs": "RequestThrottled",
    "dynamodb": "ProvisionedThroughputExceededException",
    "lambda": "TooManyRequestsException",
}
_ERRORS = {
    "sqs": "InternalFailure",
    "dynamodb": "InternalServerError",
    "secretsmanager": "InternalServiceError",
    "lambda": "ServiceException",
}


def read(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Call:
    """Which service's which action a request asks for."""
    target, _, action = headers.get("X-Amz-Target", "").partition(".")
    if target in _TARGETS:
        return Call(_TARGETS[target], action, "json")
    signed = _SIGNED_FOR.search(headers.get("Authorization", ""))
    service = signed[1] if signed else "unknown"
    if "urlencoded" in headers.get("Content-Type", ""):
        (action, *_) = parse_qs(body.decode()).get("Action", ["unknown"])
        return Call(service, action, "query")
    return Call(service, f"{method} {path.partition('?')[0]}", "rest-json")


def error(call: Call, fault: Fault) -> Answer:
    """The error by which that service refuses a call: as throttled, or as its own failure."""
    if fault is Fault.THROTTLED:
        code = _THROTTLES.get(call.service, "ThrottlingException")
        status = 429 if call.service == "lambda" else 400
    else:
        code, status = _ERRORS.get(call.service, "InternalFailure"), 500
    if call.protocol == "query":
        code = code.removesuffix("Exception")
        kind = "Sender" if status < 500 else "Receiver"
        text = (
            f"<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code>"
            f"<Message>{fault}</Message></Error><RequestId>soak</RequestId></ErrorResponse>"
        )
        return Answer(status, {"Content-Type": "text/xml"}, text.encode())
    headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-ErrorType": code}
    said = {"__type": f"com.amazonaws.{call.service}#{code}", "message": str(fault)}
    return Answer(status, headers, json.dumps(said).encode())
