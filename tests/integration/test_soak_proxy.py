"""The proxy that fails: what it does is what the SDK takes for a failing AWS."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError

from respool.local.environment import sdk_session
from tests.soak.faults import Chance, Fault, Ground
from tests.soak.proxy import FaultProxy, fault_proxy

CALLS = {
    "sqs": ("get_queue_url", {"QueueName": "spool"}),
    "dynamodb": ("list_tables", {}),
    "stepfunctions": ("list_state_machines", {}),
    "secretsmanager": ("list_secrets", {}),
    "lambda": ("list_functions", {}),
    "sts": ("get_caller_identity", {}),
}
THROTTLES = {
    "sqs": "RequestThrottled",
    "dynamodb": "ProvisionedThroughputExceededException",
    "stepfunctions": "ThrottlingException",
    "secretsmanager": "ThrottlingException",
    "lambda": "TooManyRequestsException",
    "sts": "Throttling",
}


@contextmanager
def always(fault: Fault, folder: Path, stubborn: bool = True) -> Iterator[FaultProxy]:
    """A proxy where every call meets that fault, at each attempt or at the first one alone."""
    ground = Ground(folder)
    chance = Chance(ground, seed=1, share=1, stubborn=stubborn, weights={fault: 1})
    with fault_proxy(ground, chance) as proxy:
        yield proxy


class Upstream(BaseHTTPRequestHandler):
    """An AWS that answers `{}` to everything, and counts."""

    asked = 0

    def do_POST(self) -> None:
        """Answer."""
        type(self).asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def upstream() -> Iterator[str]:
    """Where such an AWS listens."""
    Upstream.asked = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def ask(service: str, url: str, attempts: int) -> Any:
    """One call by way of the proxy, with so many attempts of the SDK."""
    config = Config(retries={"total_max_attempts": attempts, "mode": "standard"}, proxies={})
    call, given = CALLS[service]
    make: Callable[..., Any] = sdk_session().client
    return getattr(make(service, endpoint_url=url, config=config), call)(**given)


@pytest.mark.parametrize("service", CALLS)
def test_each_service_throttles_in_its_own_words(service: str, tmp_path: Path) -> None:
    with always(Fault.THROTTLED, tmp_path) as proxy, pytest.raises(ClientError) as refused:
        ask(service, proxy.url, 1)

    assert refused.value.response["Error"]["Code"] == THROTTLES[service]


@pytest.mark.parametrize("service", CALLS)
def test_each_service_fails_in_its_own_words(service: str, tmp_path: Path) -> None:
    with always(Fault.SERVER_ERROR, tmp_path) as proxy, pytest.raises(ClientError) as refused:
        ask(service, proxy.url, 1)

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


@pytest.mark.parametrize(("fault", "took_effect"), [(Fault.CUT_BEFORE, 0), (Fault.CUT_AFTER, 1)])
def test_a_cut_call_gets_no_answer_and_took_effect_or_not(
    fault: Fault, took_effect: int, tmp_path: Path
) -> None:
    with upstream() as there, always(fault, tmp_path) as proxy:
        proxy.upstream = there
        with pytest.raises(HTTPClientError):
            ask("sqs", proxy.url, 1)

        assert Upstream.asked == took_effect


def test_the_sdk_s_retry_gets_through_and_both_attempts_are_counted(tmp_path: Path) -> None:
    with upstream() as there, always(Fault.CUT_AFTER, tmp_path, stubborn=False) as proxy:
        proxy.upstream = there
        ask("sqs", proxy.url, 2)

    assert Upstream.asked == 2
    assert Ground(tmp_path).noted() == {
        ("SDK", "sqs.GetQueueUrl", Fault.CUT_AFTER): 1,
        ("SDK", "sqs.GetQueueUrl", Fault.NONE): 1,
    }


def test_chance_lets_a_tenth_of_all_calls_fail_and_all_of_what_is_down(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    chance = Chance(ground, seed=1)
    drawn = [chance.draw("sqs", str(n)) for n in range(2000)]
    again = [chance.draw("sqs", str(n), attempt=2) for n in range(2000)]

    assert 200 <= sum(fault is not Fault.NONE for fault in drawn) <= 400
    assert all(second in (Fault.NONE, first) for first, second in zip(drawn, again, strict=True))
    assert any(second is not Fault.NONE for second in again)
    ground.take_down("sqs")
    assert chance.draw("sqs") is Fault.DOWN
    ground.bring_up("sqs")
    assert Fault.DOWN not in [chance.draw("sqs") for _ in range(100)]
