"""The deployed API under cases made out of the document that it serves, legal ones and others."""

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

from respool.local.deployment import Deployment
from tests.e2e.test_loop import fail_and_spool
from tests.hostile import tries

CASES = 60


@pytest.mark.soak
def test_no_request_whatever_breaks_what_is_deployed(stage: Deployment) -> None:
    fail_and_spool(stage, [{"key": f"job {n}"} for n in range(3)])
    schema = schemathesis.openapi.from_dict(stage.api("GET", "/openapi.json").json)
    operations: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)

    made = st.one_of(*(each.as_strategy(mode) for each in operations for mode in modes))
    direct = requests.Session()
    direct.trust_env = False

    @tries(CASES)
    @given(made.filter(_is_quick))
    def check(case: Any) -> None:
        answer = case.call(
            base_url=stage.api_url.rstrip("/"),
            headers={"Authorization": f"Bearer {stage.token}"},
            session=direct,
        )
        case.validate_response(answer, checks=[not_a_server_error])
        assert "Traceback" not in answer.text
        assert stage.token not in answer.text

    check()
    assert not [line for line in stage.logged() if stage.token in line]


def _is_quick(case: Any) -> bool:
    """Whether it asks for no pace: a replay at 0.01 jobs per second takes all of its 25 s."""
    body = case.body if isinstance(case.body, dict) else {}
    return "rate" not in {**(case.query or {}), **body}
