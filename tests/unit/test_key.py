"""A key is read in one way: as ClaimJob reads it."""

import json
from typing import Any

import pytest

from chalicelib.job.key import is_key, is_startable, job_key, key_in, key_in_text

KEYS = [
    ("12345", "12345"),
    ("k" * 1024, "k" * 1024),
    (12345, "12345"),
    (1.5, "1.5"),
    (0, "0"),
    (-0.0, "0"),
    (1e-5, "0.00001"),
    (1e14, "100000000000000"),
    (999999999999999, "999999999999999"),
    (True, "true"),
    (False, "false"),
]
NO_KEYS: list[Any] = [
    None,
    "",
    "k" * 1025,
    "\u3042" * 342,
    "\ud800",
    {"id": 5},
    [1],
    1e15,
    12345678901234567,
    1e-7,
    0.1 + 0.2,
    10**400,
]
KEYLESS: list[Any] = [
    {},
    {"amount": 1},
    [],
    [1],
    "text",
    None,
    [{"key": "a", "n": 1}],
    [[{"key": "a"}]],
    [{"n": 1}, {"key": "b"}],
    {"order": {"key": "a"}},
]


@pytest.mark.parametrize(("value", "key"), KEYS)
def test_a_key_is_read_as_the_state_machine_writes_it(value: Any, key: str) -> None:
    assert is_key(value)
    assert is_startable({"key": value})
    assert key_in({"key": value}) == key
    assert job_key(json.dumps({"key": value}), "name") == key


@pytest.mark.parametrize("value", NO_KEYS)
def test_what_claim_job_refuses_is_no_key(value: Any) -> None:
    assert not is_key(value)
    assert not is_startable({"key": value})
    assert key_in({"key": value}) is None
    assert job_key(json.dumps({"key": value}), "name") is None


@pytest.mark.parametrize("value", KEYLESS)
def test_without_a_key_of_its_own_a_job_has_its_execution_s_name(value: Any) -> None:
    assert is_startable(value)
    assert key_in(value) is None
    assert key_in_text(json.dumps(value)) is None
    assert job_key(json.dumps(value), "name") == "name"
