"""`aws SERVICE OPERATION --PARAMETER VALUE ...` on the local AWS, for machines without the AWS CLI.

It knows what a page's commands need: values as JSON, file://, --query and --output text.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.client import BaseClient

from respool.local.environment import sdk_session


def run(words: Sequence[str], endpoint: str, account: str) -> str:
    """What the command prints."""
    service, operation, *rest = words
    options = dict(zip(rest[::2], rest[1::2], strict=True))
    query, output = options.pop("--query", ""), options.pop("--output", "json")
    make: Callable[..., BaseClient] = sdk_session(account).client
    sdk = make(service, endpoint_url=endpoint)
    method = operation.replace("-", "_")
    named = next(n for n in sdk.meta.service_model.operation_names if xform_name(n) == method)
    shape = sdk.meta.service_model.operation_model(named).input_shape
    members = shape.members if shape else {}
    kinds = {f"--{xform_name(n, '-')}": (n, shape.type_name) for n, shape in members.items()}
    answer = getattr(sdk, method)(
        **{kinds[o][0]: _read(v, kinds[o][1]) for o, v in options.items()}
    )
    answer.pop("ResponseMetadata", None)
    result = jmespath.search(query, answer) if query else answer
    if not answer:
        return ""
    return _text(result) if output == "text" else json.dumps(result, indent=4, default=str)


def _read(text: str, kind: str) -> Any:
    whole = Path(text.removeprefix("file://")).read_text() if text.startswith("file://") else text
    return whole if kind == "string" else json.loads(whole)


def _text(result: Any) -> str:
    if isinstance(result, list) and any(isinstance(each, list) for each in result):
        return "\n".join(_text(each) for each in result)
    return "\t".join(map(str, result)) if isinstance(result, list) else str(result)


def main() -> int:
    """Run one command; the local AWS is where the environment says."""
    output = run(sys.argv[1:], os.environ["AWS_ENDPOINT_URL"], os.environ["AWS_ACCESS_KEY_ID"])
    if output:
        print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
