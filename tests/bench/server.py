"""The emulator with slow answers: `python -m tests.bench.server` serves in place of its own."""

import asyncio
import os
from pathlib import Path

from respool.local import guard, server

FOLDER = "BENCH_FOLDER"
DELAY = 0.01
"""Seconds that each call takes besides, while the folder says so."""


def slowed(app: guard.App, folder: Path) -> guard.App:
    """The ASGI application, each of whose answers comes later while the file `slow` exists."""

    async def serve(scope: guard.Scope, receive: guard.Receive, send: guard.Send) -> None:
        if scope["type"] == "http" and (folder / "slow").exists():
            await asyncio.sleep(DELAY)
        await app(scope, receive, send)

    return serve


def main() -> None:
    """Serve."""
    from ministack import app as emulator

    emulator.app = slowed(emulator.app, Path(os.environ.pop(FOLDER)))
    server.main()


if __name__ == "__main__":
    main()
