"""Under load, with faults at a tenth of all calls, nothing is lost and nothing is done twice."""

from pathlib import Path

import pytest

from tests.soak.run import run


@pytest.mark.soak
def test_a_thousand_jobs_fail_and_each_is_done_once_though_aws_fails_all_the_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        verdict, _ = run(tmp_path)

    assert verdict.problems == {}
    assert verdict.share >= 0.1
