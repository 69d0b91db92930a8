"""Scratch folders go when they are done with, and only then."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from respool.scratch import remove_abandoned, scratch


def test_a_folder_goes_at_the_end_with_all_that_is_in_it(tmp_path: Path) -> None:
    with scratch("one", tmp_path) as folder:
        (folder.path / "file").write_text("")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    with scratch("one", tmp_path) as folder, scratch("other", tmp_path):
        remove_abandoned(tmp_path)
        assert folder.path.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_another_process_holds_open_stays_until_it_ends(tmp_path: Path) -> None:
    with scratch("one", tmp_path) as folder:
        kept = os.dup(folder.lock)  # as a child has it
        folder.path.rename(tmp_path / "respool-scratch-moved")
    remove_abandoned(tmp_path)
    assert (tmp_path / "respool-scratch-moved").exists()
    os.close(kept)
    remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_scratch_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "respool-scratch-file").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "respool-scratch-left").mkdir()
    remove_abandoned(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "respool-scratch-file"]


def test_many_makers_at_once_take_nothing_from_each_other(tmp_path: Path) -> None:
    def make(number: int) -> bool:
        with scratch("crowd", tmp_path) as folder:
            (folder.path / "mine").write_text(str(number))
            return (folder.path / "mine").read_text() == str(number)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(make, range(200)))
