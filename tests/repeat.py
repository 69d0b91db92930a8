"""`python -m tests.repeat [fast|e2e] [times]`: the tests in any order beside busy loops, and again.

Each run has a seed of its own, which it prints: `pytest -p randomly --randomly-seed=N` is it again.
What a run printed that failed is kept under build/.
"""

import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FAST = ("tests/integration", "tests/aws_facts", "tests/unit")
SUITES = {"fast": (FAST, 20), "e2e": (("tests/e2e",), 5)}
BUSY = "while True: pass"
ROOT = Path(__file__).parent.parent
KEPT = ROOT / "build"


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """Let so many processes compute for nothing meanwhile."""
    running = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def one(folders: tuple[str, ...], seed: int) -> tuple[bool, str, list[str]]:
    """Run them once: whether all passed, pytest's last line, and what failed."""
    shared = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadfile"]
    ordered = ["-p", "randomly", f"--randomly-seed={seed}"]
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *ordered, *shared, *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        KEPT.mkdir(exist_ok=True)
        (KEPT / f"repeat-{seed}.txt").write_text(answer.stdout + answer.stderr)
    lines = answer.stdout.splitlines()
    last = next((line for line in reversed(lines) if re.search(r" in \d", line)), "no result")
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return answer.returncode == 0, last, failed


def main(suite: str = "fast", times: str = "") -> int:
    """Run them so many times; returns 1 where one run failed."""
    folders, usual = SUITES[suite]
    runs, passed = int(times or usual), 0
    with busy(os.cpu_count() or 1):
        for number in range(1, runs + 1):
            seed, began = secrets.randbelow(10**6), time.monotonic()
            well, last, failed = one(folders, seed)
            passed += well
            minutes = (time.monotonic() - began) / 60
            print(f"{suite} {number} of {runs}, seed {seed}, {minutes:.1f} min: {last}", flush=True)
            print(*failed, sep="\n", end="\n" if failed else "", flush=True)
    print(f"{passed} of {runs} passed, beside {os.cpu_count()} busy loops")
    return passed < runs


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
