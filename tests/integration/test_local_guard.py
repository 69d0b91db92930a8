"""No page of another site can make the local AWS do anything, or read what it answers."""

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.local_machines import LocalMachines, local_machines

CREATE = "Action=CreateQueue&QueueName=evil&Version=2012-11-05"
JSON = {"X-Amz-Target": "AmazonSQS.CreateQueue", "Content-Type": "application/x-amz-json-1.0"}


@pytest.fixture(scope="module")
def local() -> Iterator[LocalMachines]:
    with local_machines() as machines:
        yield machines


class Told:
    """A status, the headers' names and values, and the text of an answer."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        self.text = answer.read().decode()


def ask(
    local: LocalMachines,
    method: str = "POST",
    path: str = "/",
    body: str = '{"QueueName": "evil"}',
    **headers: str,
) -> Told:
    address = local.endpoint.removeprefix("http://")
    line = http.client.HTTPConnection(address, timeout=30)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    line.request(method, path, body, {**(JSON if method == "POST" else {}), **named})
    return Told(line.getresponse())


def queues(local: LocalMachines) -> list[str]:
    return list(local.client("sqs").list_queues().get("QueueUrls", []))


FOREIGN: list[dict[str, Any]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "file://"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Host": "evil.example"},
    {"Host": "evil.example:4566"},
    {"Host": "localhost.evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "evil.example", "Origin": "http://evil.example"},
    {"Host": "0.0.0.0"},  # noqa: S104
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_another_page_or_name_is_refused_and_changes_nothing(
    local: LocalMachines, headers: dict[str, str]
) -> None:
    for told in (
        ask(local, **headers),
        ask(local, "GET", f"/?{CREATE}", "", **headers),
        ask(local, "OPTIONS", "/", "", **headers),
        ask(local, "POST", "/_ministack/reset", "", **headers),
    ):
        assert told.status == 403
        assert "refuses this request" in told.text
        assert not [name for name in told.headers if name.startswith("access-control")]
    assert queues(local) == []


def test_nothing_that_it_answers_is_shared_with_other_pages(local: LocalMachines) -> None:
    told = ask(local, body='{"QueueName": "own"}')
    assert told.status == 200
    assert not [name for name in told.headers if name.startswith("access-control")]
    assert json.loads(told.text)["QueueUrl"]
    local.client("sqs").delete_queue(QueueUrl=json.loads(told.text)["QueueUrl"])


@pytest.mark.parametrize(
    "name", ["127.0.0.1", "localhost", "LOCALHOST", "a1.execute-api.localhost"]
)
def test_its_own_pages_are_served(local: LocalMachines, name: str) -> None:
    host = f"{name}:{local.endpoint.rpartition(':')[2]}"
    told = ask(local, "GET", "/_ministack/ready", "", Host=host, Origin=f"http://{host}")
    assert told.status != 403


def test_a_function_finds_no_home_of_the_developer_s(local: LocalMachines) -> None:
    local.function(
        "home",
        "return {'home': os.path.expanduser('~'), 'there': os.listdir(os.path.expanduser('~'))}",
    )
    answer = local.client("lambda").invoke(FunctionName="home", Payload=b"{}")
    seen = json.loads(answer["Payload"].read())
    assert "respool-scratch-local-" in seen["home"]
    assert seen["there"] == []
