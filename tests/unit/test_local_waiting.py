import pytest

from respool.local.waiting import NotInTime, wait_until


def test_the_first_true_answer_is_returned() -> None:
    answers = iter([0, 0, 3, 4])
    assert wait_until(lambda: next(answers), "a number", timeout=5) == 3


def test_what_was_awaited_and_seen_is_named_when_time_is_out() -> None:
    with pytest.raises(NotInTime, match=r"0 s for 7 jobs; seen instead: \['one'\]"):
        wait_until(lambda: False, "7 jobs", timeout=0, seen=lambda: ["one"])


def test_the_last_answer_is_what_was_seen_by_default() -> None:
    with pytest.raises(NotInTime, match=r"seen instead: \[\]"):
        wait_until(lambda: list[int](), "messages", timeout=0)


def test_progress_is_told_between_two_questions() -> None:
    answers = iter([False, False, True])
    lines: list[str] = []
    wait_until(lambda: next(answers), "it", timeout=5, each=lambda: lines.append("still"))
    assert lines == ["still", "still"]
