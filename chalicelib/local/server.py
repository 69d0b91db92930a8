"""The emulator's own process: mended, bound to loopback, ended when its starter is gone."""

import os
import shutil
import signal
import sys
import tempfile
import threading


def _end_with_starter() -> None:
    # The starter holds the other end of our stdin: it closes even when the starter is killed.
    sys.stdin.buffer.read()
    shutil.rmtree(tempfile.gettempdir(), ignore_errors=True)
    os.killpg(os.getpgid(0), signal.SIGKILL)


def main() -> None:
    """Serve until the starter's end of stdin closes; takes the Lambda workers along."""
    from ministack.app import main as serve

    from chalicelib.local import mends

    mends.apply()
    threading.Thread(target=_end_with_starter, daemon=True).start()
    sys.argv = ["ministack"]
    serve()


if __name__ == "__main__":
    main()
