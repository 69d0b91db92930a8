"""The local AWS: `python -m respool.local.emulator` starts it alone, until Ctrl-C."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from chalicelib.errors import RespoolError
from respool.local.environment import exports, variables
from respool.local.waiting import NotInTime, wait_until
from respool.scratch import Scratch, scratch

PROJECT = Path(__file__).resolve().parents[2]
START_TIMEOUT = 60
SERVER = "respool.local.server"
KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
SERVICES = (
    "apigateway,cloudformation,dynamodb,events,iam,lambda,logs,monitoring,s3,scheduler,"
    "secretsmanager,sns,sqs,states,sts,tagging"
)


class EmulatorError(RespoolError):
    """The local AWS did not start, or ended by itself; the text holds its last words."""


@dataclass(frozen=True)
class LocalAws:
    """A running local AWS."""

    endpoint: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that turn an SDK to it."""
        return variables(self.endpoint)

    @property
    def port(self) -> int:
        """The port on 127.0.0.1 where it listens."""
        return int(self.endpoint.rpartition(":")[2])

    def last_words(self, lines: int = 20) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def check(self) -> None:
        """Raise EmulatorError if it runs no more."""
        if self.process.poll() is not None:
            raise EmulatorError(f"The local AWS has ended by itself:\n{self.last_words()}")


@contextmanager
def local_aws(
    port: int | None = None,
    wait_scale: float = 1.0,
    server: str = SERVER,
    environment: Mapping[str, str] | None = None,
) -> Iterator[LocalAws]:
    """Run a local AWS on loopback, on the given or a free port, and leave no process behind.

    `wait_scale` shortens the waits and retry delays of its state machines: 0.1 is a tenth.
    `server` is the module that serves, and `environment` what it and its Lambdas find besides.
    Raises EmulatorError where it does not start.
    """
    if port is None:
        port = _free_port()
    else:
        _refuse_taken(port)
    with scratch("local") as own:
        variables = _environment(port, wait_scale, own.path) | dict(environment or {})
        process = _start(server, variables, own)
        try:
            aws = LocalAws(f"http://127.0.0.1:{port}", process, own.path / "log")
            _wait_until_ready(aws)
            yield aws
        finally:
            _end(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as refused:
            why = "is already in use" if refused.errno == errno.EADDRINUSE else refused.strerror
            raise EmulatorError(
                f"Port {port} {why}. Choose another GATEWAY_PORT, or none for a free one."
            ) from None


def _environment(port: int, wait_scale: float, folder: Path) -> dict[str, str]:
    scratch, home = folder / "tmp", folder / "home"
    scratch.mkdir()
    home.mkdir()
    # Lambda functions inherit this environment, so it holds nothing else of the user's.
    return {name: os.environ[name] for name in KEPT if name in os.environ} | {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": SERVICES,
        "SFN_WAIT_SCALE": str(wait_scale),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "0",
        "DOCKER_HOST": f"unix://{folder}/no-docker",
        "LAMBDA_EXECUTOR": "local",
        "HOME": str(home),
        "TMPDIR": str(scratch),
        "STATE_DIR": str(scratch / "state"),
        "S3_DATA_DIR": str(scratch / "s3"),
        **_lambda_environment(port),
    }


def _start(server: str, environment: dict[str, str], own: Scratch) -> subprocess.Popen[bytes]:
    with (own.path / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", server, str(own.path)],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.PIPE,  # never written to: its closing tells the child that we are gone
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(own.lock,),  # the folder is in use for as long as either of us lives
        )


def _lambda_environment(port: int) -> dict[str, str]:
    # Lambda workers inherit it; the emulator itself adds each function's own credentials.
    inherited = variables(f"http://127.0.0.1:{port}")
    return {name: value for name, value in inherited.items() if "KEY" not in name}


def _wait_until_ready(aws: LocalAws) -> None:
    def ready() -> bool:
        aws.check()
        return _answers(f"{aws.endpoint}/_ministack/ready")

    try:
        wait_until(ready, f"the local AWS at {aws.endpoint}", START_TIMEOUT)
    except NotInTime as late:
        raise EmulatorError(f"{late}. Its last words:\n{aws.last_words()}") from late


def _answers(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    # It keeps nothing, so there is nothing to save; its group holds the Lambda workers too.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        process.stdin.close()


def read_port(environ: Mapping[str, str]) -> int | None:
    """What GATEWAY_PORT says; None where it is not given. Raises EmulatorError."""
    text = environ.get("GATEWAY_PORT")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65_536):
        raise EmulatorError(f"GATEWAY_PORT={text!r} must be a whole number from 1 to 65535.")
    return int(text)


def read_scale(environ: Mapping[str, str]) -> float:
    """What SFN_WAIT_SCALE says, 1 where it is not given. Raises EmulatorError."""
    text = environ.get("SFN_WAIT_SCALE", "1")
    try:
        scale = float(text)
    except ValueError:
        scale = -1
    if not 0 <= scale <= 1000:
        raise EmulatorError(
            f"SFN_WAIT_SCALE={text!r} must be a number from 0 to 1000, such as 0.1."
        )
    return scale


def main() -> int:
    """Start it alone at GATEWAY_PORT (default: a free port) until Ctrl-C, SIGTERM or SIGHUP."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    try:
        with local_aws(read_port(os.environ), read_scale(os.environ)) as aws:
            print(f"The local AWS is at {aws.endpoint}. To use it, in another shell:\n")
            print(exports(aws.endpoint))
            print("\nIt forgets everything when it ends: Ctrl-C.", flush=True)
            while not ended.wait(1):
                aws.check()
    except EmulatorError as failed:
        print(f"respool.local.emulator: {failed}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
