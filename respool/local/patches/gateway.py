"""API Gateway: the two calls by which Chalice makes and updates its REST API."""

import json
from typing import Any

from ministack.services import apigateway_v1 as gateway

Response = tuple[int, dict[str, str], bytes]


def imports_take_effect() -> None:
    """AWS: ImportRestApi and PutRestApi build the resources that the given document describes."""
    original = gateway.handle_request

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Response:
        match method, [part for part in path.split("/") if part]:
            case "POST", ["restapis"] if "mode" in query:
                return _import(json.loads(body), query)
            case "PUT", ["restapis", api]:
                return _overwrite(api, json.loads(body))
        answer: Response = await original(method, path, headers, body, query)
        return answer

    gateway.handle_request = handle


def _import(document: dict[str, Any], query: dict[str, Any]) -> Response:
    kind = query.get("endpointConfigurationTypes", ["EDGE"])
    kinds = kind if isinstance(kind, list) else [kind]
    about = {
        "endpointConfiguration": {"types": kinds},
        "binaryMediaTypes": document.get("x-amazon-apigateway-binary-media-types", []),
        "minimumCompressionSize": document.get("x-amazon-apigateway-minimum-compression-size"),
    }
    api = gateway._import_rest_api(document, about)
    _, headers, body = gateway._get_rest_api(api)
    return 201, headers, body


def _overwrite(api: str, document: dict[str, Any]) -> Response:
    answer: Response = gateway._get_rest_api(api)
    if answer[0] != 200:
        return answer
    for identity, resource in list(gateway._resources[api].items()):
        if resource["path"] == "/":
            resource["resourceMethods"] = {}
        else:
            gateway._delete_resource(api, identity)
    gateway._authorizers_v1[api] = {}
    schemes = gateway._import_security_schemes(api, document)
    for path, item in document["paths"].items():
        gateway._import_path_item(api, path, item, schemes, document.get("security"))
    return answer


def apis_are_found_in_every_account() -> None:
    """AWS: an API's id is its host name; who calls it need not be of the account that owns it."""

    def find(api: str) -> tuple[str, str] | None:
        for (account, region, identity), _ in gateway._rest_apis.all_items():
            if identity == api:
                return account, region
        return None

    gateway.find_api_scope = find
