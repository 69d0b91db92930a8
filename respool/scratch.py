"""Scratch folders: gone when their maker ends; those of a maker that was killed, with the next."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "respool-scratch-"


@dataclass(frozen=True)
class Scratch:
    """A folder, and the descriptor that locks it for as long as any process holds it open."""

    path: Path
    lock: int


@contextmanager
def scratch(kind: str, among: Path | None = None) -> Iterator[Scratch]:
    """A new folder of that kind in that folder, or among the temporary ones; removed at the end.

    First removes what makers of any kind have left there that were killed.
    """
    where = among or Path(tempfile.gettempdir())
    remove_abandoned(where)
    folder = _make(kind, where)
    try:
        yield folder
    finally:
        shutil.rmtree(folder.path, ignore_errors=True)
        os.close(folder.lock)


def remove_abandoned(among: Path) -> None:
    """Remove the scratch folders there that no process has locked any more."""
    for folder in among.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # it is somebody else's, or another process was faster
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


def _make(kind: str, among: Path) -> Scratch:
    """A locked folder. One that somebody removed before the lock was taken is made again."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{kind}-", dir=among))
        with suppress(FileNotFoundError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            if _locks(descriptor) and folder.exists():
                return Scratch(folder, descriptor)
            os.close(descriptor)


def _locks(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
