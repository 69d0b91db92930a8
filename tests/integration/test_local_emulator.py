"""The local AWS starts on loopback, and leaves nothing behind however it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from respool.local.emulator import PROJECT, EmulatorError, local_aws, read_port, read_scale
from respool.local.waiting import wait_until
from respool.scratch import remove_abandoned
from tests.integration.local_machines import LocalMachines

WITH_A_BUSY_LAMBDA = """
import sys
from respool.local.emulator import local_aws
from tests.integration.local_machines import LocalMachines
with local_aws() as aws:
    local = LocalMachines(aws.endpoint)
    queue = local.queue("began")
    send = "boto3.client('sqs').send_message(QueueUrl=os.environ['QUEUE'], "
    body = send + "MessageBody=str(os.getpid()))\\ntime.sleep(600)"
    local.function("busy", body, QUEUE=queue)
    local.client("lambda").invoke(FunctionName="busy", InvocationType="Event", Payload=b"{}")
    print(aws.process.pid, local.next_message(queue), flush=True)
    sys.stdin.read()
"""


def running(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def starter() -> Iterator["subprocess.Popen[str]"]:
    """A process that has a local AWS with a Lambda that is at work; ended at the latest here."""
    process = subprocess.Popen(
        [sys.executable, "-c", WITH_A_BUSY_LAMBDA],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        assert process.stdin
        process.stdin.close()
        process.wait(10)


def family(starter: "subprocess.Popen[str]") -> list[int]:
    assert starter.stdout
    return [int(word) for word in starter.stdout.readline().split()]


def test_it_listens_on_loopback_alone() -> None:
    with local_aws() as aws:
        table = Path("/proc/net/tcp").read_text().splitlines()[1:]
        local = [line.split()[1] for line in table if line.split()[3] == "0A"]
        assert f"0100007F:{aws.port:04X}" in local
        assert f"00000000:{aws.port:04X}" not in local


def test_it_listens_at_the_port_that_it_is_given() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with local_aws(port) as aws:
        assert aws.endpoint == f"http://127.0.0.1:{port}"
        assert LocalMachines(aws.endpoint).queue("there")


def command(**changes: str) -> "subprocess.CompletedProcess[str]":
    """The command, which has to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "respool.local.emulator"],
        cwd=PROJECT,
        env={**os.environ, **changes},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_taken_port_is_an_error_that_says_so_on_one_line() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(EmulatorError, match=f"{port} is already in use"), local_aws(port):
            pass
        done = command(GATEWAY_PORT=str(port))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"Port {port} is already in use. Choose another GATEWAY_PORT" in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_PORT", ""),
        ("GATEWAY_PORT", "0"),
        ("GATEWAY_PORT", "http"),
        ("GATEWAY_PORT", "65536"),
        ("GATEWAY_PORT", "\u0664"),
        ("SFN_WAIT_SCALE", ""),
        ("SFN_WAIT_SCALE", "fast"),
        ("SFN_WAIT_SCALE", "nan"),
        ("SFN_WAIT_SCALE", "-1"),
    ],
)
def test_a_port_or_scale_of_no_use_is_refused_on_one_line(name: str, value: str) -> None:
    read = {"GATEWAY_PORT": read_port, "SFN_WAIT_SCALE": read_scale}[name]
    with pytest.raises(EmulatorError, match=f"{name}={value!r} must be") as refused:
        read({name: value})
    assert "\n" not in str(refused.value)


def test_what_a_killed_emulator_left_goes_with_the_next_one(
    starter: "subprocess.Popen[str]",
) -> None:
    emulator, *lambdas = family(starter)
    left = Path(f"/proc/{emulator}/cmdline").read_text().split("\0")[3]
    for pid in (starter.pid, emulator):
        os.kill(pid, signal.SIGSTOP)  # so that neither cleans up for the other
    remove_abandoned(Path(left).parent)
    assert Path(left).exists()
    for pid in (starter.pid, emulator):
        os.kill(pid, signal.SIGKILL)
    members = (starter.pid, emulator, *lambdas)  # each of which holds the folder's lock
    wait_until(lambda: not any(map(running, members)), f"the end of {members}", 10)
    with local_aws():  # or whoever makes a folder at this very moment
        wait_until(lambda: not Path(left).exists(), f"{left} to go", 10)


def test_nothing_is_left_after_an_orderly_end(starter: "subprocess.Popen[str]") -> None:
    members = family(starter)
    assert all(map(running, members))
    assert starter.stdin
    starter.stdin.close()
    starter.wait(10)
    assert not any(map(running, members))


def test_nothing_is_left_when_the_starter_is_killed(starter: "subprocess.Popen[str]") -> None:
    members = family(starter)
    starter.kill()
    wait_until(lambda: not any(map(running, members)), f"the end of {members}", 10)


def test_no_lambda_is_left_when_the_emulator_is_killed(starter: "subprocess.Popen[str]") -> None:
    emulator, *lambdas = family(starter)
    os.kill(emulator, signal.SIGKILL)
    wait_until(lambda: not any(map(running, lambdas)), f"the end of {lambdas}", 10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_what_to_export_and_ends_on_a_signal(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "respool.local.emulator"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            lines = [process.stdout.readline() for _ in range(12)]
            (endpoint,) = (line for line in lines if line.startswith("export AWS_ENDPOINT_URL="))
            assert LocalMachines(endpoint.strip().partition("=")[2]).queue("there")
            process.send_signal(number)
            assert process.wait(10) == 0
        finally:
            process.kill()


def test_credentials_and_files_of_the_user_are_not_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with local_aws() as aws:
        caller = LocalMachines(aws.endpoint).client("sts").get_caller_identity()
    assert caller["Account"] == "000000000000"
    assert json.dumps(aws.variables).count("/dev/null") == 2
