"""The OpenAPI document describes the routes that there are, and all of them."""

import re
from typing import Any

import pytest

from app import app
from chalicelib.api.openapi import document
from chalicelib.replaying.requests import FIELDS

DOCUMENT = document()
OPEN = {"/", "/console/{file}", "/openapi.json"}


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (path, method.upper()): operation
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }


def test_every_route_is_described_and_every_description_has_its_route() -> None:
    routes = {(path, method) for path, methods in app.routes.items() for method in methods}

    assert set(operations()) == routes


def test_every_route_but_the_page_and_this_document_needs_a_token() -> None:
    for (path, method), operation in operations().items():
        authorizer = app.routes[path][method].authorizer
        assert (authorizer is None) == (path in OPEN), path
        assert (operation.get("security") == []) == (path in OPEN), path


def test_every_parameter_in_a_path_is_described() -> None:
    for (path, _), operation in operations().items():
        described = (
            {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            if ("parameters" in operation)
            else set()
        )
        assert described == set(re.findall(r"\{(\w+)\}", path)), path


def test_a_replay_takes_what_the_document_says() -> None:
    operation = DOCUMENT["paths"]["/replay"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]

    assert [p["name"] for p in operation["parameters"]] == [*FIELDS, "Idempotency-Key"]
    assert list(body["properties"]) == [*FIELDS, "keys", "ids"]


def test_every_reference_leads_to_a_schema() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    for target in re.findall(r"'\$ref': '#/components/schemas/(\w+)'", repr(DOCUMENT)):
        assert target in schemas


def test_no_operation_shares_its_name() -> None:
    names = [operation["operationId"] for operation in operations().values()]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", sorted(DOCUMENT["paths"]))
def test_no_route_lets_other_sites_in(path: str) -> None:
    assert all(entry.cors is None for entry in app.routes[path].values())
