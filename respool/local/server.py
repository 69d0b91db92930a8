"""The emulator's own process: patched, bound to loopback, ended when its starter is gone."""

import os
import shutil
import signal
import sys
import threading


def _end_with_starter(folder: str) -> None:
    # The starter holds the other end of our stdin: it closes even when the starter is killed.
    sys.stdin.buffer.read()
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(os.getpgid(0), signal.SIGKILL)


def main() -> None:
    """Serve until the starter's end of stdin closes; then remove the folder that argv names."""
    from ministack.app import main as serve

    from respool.local import guard, patches

    patches.apply()
    guard.apply()
    (folder,) = sys.argv[1:]
    threading.Thread(target=_end_with_starter, args=(folder,), daemon=True).start()
    sys.argv[1:] = []  # the emulator has options of its own
    serve()


if __name__ == "__main__":
    main()
