"""Lambda: execution environments, errors and the state of a function."""

import hashlib
import os
import tempfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime as runtime
from ministack.services import lambda_svc as service

from chalicelib.errors import RespoolError

ENVIRONMENTS = 16
_thread = threading.local()

# The worker's own way to report an exception, and ours. "ok" keeps its process alive, as on AWS.
REPORT = (
    '_real_stdout.write(json.dumps({"status": "error", "error": str(e),'
    ' "trace": traceback.format_exc()}) + "\\n")'
)
FULL_REPORT = (
    '_real_stdout.write(json.dumps({"status": "ok", "raised": {"errorMessage": str(e),'
    ' "errorType": type(e).__name__, "requestId": context.aws_request_id,'
    ' "stackTrace": traceback.format_tb(e.__traceback__)},'
    ' "trace": traceback.format_exc()}) + "\\n")'
)
# A worker whose emulator was killed must not outlive it, whatever its handler is doing.
WATCH = """
def _watch():
    import os, threading, time
    emulator = os.getppid()
    def look():
        while os.getppid() == emulator:
            time.sleep(0.2)
        os._exit(0)
    threading.Thread(target=look, daemon=True).start()
_watch()
"""


def errors_bear_their_class_name() -> None:
    """AWS: a Python exception's errorType is its class; the environment lives on afterwards."""
    script = runtime._PYTHON_WORKER_SCRIPT
    if REPORT not in script:
        raise RespoolError(
            "The emulator's Lambda worker has changed: correct respool/local/patches."
        )
    runtime._PYTHON_WORKER_SCRIPT = WATCH + script.replace(REPORT, FULL_REPORT)
    invoke = runtime.Worker.invoke
    execute = service._execute_function_warm

    def remember(worker: Any, *args: Any, **more: Any) -> Any:
        answer = invoke(worker, *args, **more)
        _thread.raised = answer.pop("raised", None)
        if _thread.raised:
            answer.update(status="error", error=_thread.raised["errorMessage"])
        return answer

    def name(*args: Any) -> Any:
        _thread.raised = None
        result = execute(*args)
        if result.get("error") and _thread.raised:
            result["body"] = _thread.raised
        return result

    runtime.Worker.invoke = remember
    service._execute_function_warm = name


def updates_spare_running_invocations() -> None:
    """AWS: a running invocation ends in the environment in which it began, despite an update."""
    invalidate = runtime.invalidate_worker
    release = runtime.release_worker
    retired: set[Any] = set()

    def spare(function: str, *args: Any, **more: Any) -> None:
        with runtime._lock:
            for key, workers in runtime._workers.items():
                account, _, name, _ = key.split(":")
                if name == function and more.get("account") in (None, account):
                    retired.update(worker for worker in workers if worker.in_use)
                    workers[:] = [worker for worker in workers if not worker.in_use]
        invalidate(function, *args, **more)

    def retire(worker: Any) -> None:
        release(worker)
        if worker in retired:
            retired.discard(worker)
            worker.kill()

    service.invalidate_worker = spare
    service.release_worker = retire


def crowds_wait_for_an_environment() -> None:
    """AWS starts up to 1,000 environments; each is a process here, so a function has 16 at most."""
    execute = service._execute_function_warm
    places: dict[str, threading.Semaphore] = {}

    def wait_and_execute(function: dict[str, Any], *args: Any) -> Any:
        arn = function["config"]["FunctionArn"]
        with places.setdefault(arn, threading.Semaphore(ENVIRONMENTS)):
            return execute(function, *args)

    service._execute_function_warm = wait_and_execute


class _Unpacked(zipfile.ZipFile):
    """A package whose files are shared by all environments: on AWS they can't write them either."""

    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        """Put a link to the package's one folder in the place of this empty one."""
        digest = hashlib.sha256(Path(str(self.filename)).read_bytes()).hexdigest()
        folder = Path(tempfile.gettempdir()) / f"package-{digest[:16]}"
        with _unpacking:
            if not folder.exists():
                partly = folder.with_suffix(".part")
                super().extractall(partly, members, pwd)
                partly.rename(folder)
        os.rmdir(path)
        os.symlink(folder, path)


_unpacking = threading.Lock()


def packages_are_unpacked_once() -> None:
    """A new environment need not unpack and compile a thousand files; on AWS it does not either."""
    runtime.zipfile = SimpleNamespace(ZipFile=_Unpacked, BadZipFile=zipfile.BadZipFile)


def functions_are_active_at_once() -> None:
    """AWS takes seconds to make a function Active; here the SDK's waiter need not wait its five."""

    def activate(name: str, _delay: float) -> None:
        function = service._functions.get(name)
        if function:
            function["config"].update(State="Active", LastUpdateStatus="Successful")

    service._schedule_state_transition = activate
