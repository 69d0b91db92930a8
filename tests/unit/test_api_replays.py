"""Replays as people see them: fresh enough, at a cost that does not grow with who looks."""

from dataclasses import replace
from typing import Any

from chalicelib.api import actions
from chalicelib.api.actions import Press
from chalicelib.api.replays import list_replays, show_replay
from chalicelib.job.replay import Course
from tests.unit.api_stage import ApiStage


def begun(api: ApiStage, jobs: int) -> str:
    api.fail(*(f"{n:03}" for n in range(jobs)))
    return str(actions.replay(api.stage, Press("kim", {"max": jobs}), 20)["id"])


def shown(api: ApiStage, id: str) -> dict[str, Any]:
    return show_replay(api.stage, id, {})


def test_many_who_look_at_once_cost_one_look() -> None:
    api = ApiStage()
    id = begun(api, 250)
    first = api.calls(lambda: shown(api, id))

    again = api.calls(lambda: [shown(api, id) for _ in range(10)])

    assert first.count("BatchGetItem") == 4, "its list, and three hundred claims"
    assert again == ["GetItem"] * 10


def test_a_look_is_good_for_seconds_and_longer_for_many_jobs() -> None:
    api = ApiStage()
    id = begun(api, 4)
    assert shown(api, id)["outcomes"] == {"running": 4}
    api.memory.run()
    api.memory.clock.pause(4)

    assert shown(api, id)["outcomes"] == {"finished": 4}


def test_the_end_of_a_replay_is_looked_at_at_once() -> None:
    api = ApiStage()
    id = begun(api, 4)
    replays = api.memory.process().replays
    done = replays.get(id)
    assert done is not None
    running = replays.put(replace(done, course=Course.RUNNING, put_back=0, outcomes={}))
    assert running is not None
    shown(api, id)
    api.memory.run()
    replays.put(replace(running, course=Course.DONE, put_back=4))

    assert shown(api, id)["outcomes"] == {"finished": 4}


def test_a_list_says_what_became_of_each_as_of_when() -> None:
    api = ApiStage()
    begun(api, 2)
    api.memory.run()

    (row,) = list_replays(api.stage, {})["replays"]

    assert (row["put_back"], row["outcomes"]) == (2, {"finished": 2})
    assert row["counted_at"]


def test_the_jobs_come_page_by_page() -> None:
    api = ApiStage()
    id = begun(api, 5)

    first = show_replay(api.stage, id, {"limit": ["3"]})
    rest = show_replay(api.stage, id, {"limit": ["3"], "cursor": [first["cursor"]]})

    assert [job["key"] for job in first["jobs"] + rest["jobs"]] == [f"{n:03}" for n in range(5)]
    assert rest["cursor"] is None
