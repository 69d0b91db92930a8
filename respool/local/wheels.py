"""The wheels of the Lambda package, fetched once, so that repeated deploys ask no index."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from respool.local.emulator import PROJECT

CACHE = PROJECT / "build" / "wheels"


def wheel_folder(requirements: Path) -> Path | None:
    """The folder with exactly these pinned requirements' wheels; None where fetching failed.

    pip still checks each wheel against the hashes in the file.
    """
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    folder = CACHE / f"{digest}-cp{sys.version_info.major}{sys.version_info.minor}"
    if not folder.exists() and not _fetch(requirements, folder):
        return None
    return folder


def _fetch(requirements: Path, folder: Path) -> bool:
    CACHE.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=CACHE))
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:"]
    fetched = subprocess.run(
        [*pip, "--dest", str(scratch), "-r", str(requirements)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    try:
        if fetched.returncode == 0:
            os.rename(scratch, folder)
            return True
        return False
    except OSError:  # another process was faster
        return folder.exists()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
