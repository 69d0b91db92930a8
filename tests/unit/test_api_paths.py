"""A key survives a path, whatever it holds and whatever a gateway decodes on the way."""

from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.paths import read, written
from chalicelib.errors import BadRequest

KEYS = st.text(min_size=1, max_size=200)
SAFE = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-~")


@given(KEYS)
def test_a_written_key_is_read_back_however_often_it_was_decoded(key: str) -> None:
    part = written(key)

    assert read(part) == key
    assert read(unquote(part)) == key
    assert set(part) <= SAFE
    assert part not in (".", "..")


@pytest.mark.parametrize("key", ["..", ".", "a/b", "50%", "%2F", "~", "~abc", "鍵", "\0"])
def test_a_key_that_a_browser_or_gateway_might_change_is_packed(key: str) -> None:
    assert written(key).startswith("~")
    assert read(written(key)) == key


@pytest.mark.parametrize("key", ["12345", "order-2026.11_a"])
def test_a_plain_key_stays_as_it_is(key: str) -> None:
    assert written(key) == key


@pytest.mark.parametrize("key", ["a b", "a/b", "50%", "鍵", "<b>"])
def test_a_key_that_somebody_typed_percent_encoded_is_read(key: str) -> None:
    assert read(quote(key, safe="")) == key


@pytest.mark.parametrize("part", ["~", "~7aCA", "~a", "~!!!!", "~_w", "%ff", "x" * 1025, ""])
def test_a_part_that_means_no_key_is_refused(part: str) -> None:
    with pytest.raises(BadRequest, match="path"):
        read(part)
