"""Every engine is built in one place, by keyword, from ports, settings and a clock; and lazily."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.aws.world import AwsWorld
from chalicelib.deployed import Deployed, SystemTime
from chalicelib.engines import Engines
from chalicelib.errors import BadRequest, SettingsError, Throttled
from chalicelib.names import FUNCTIONS, Names
from chalicelib.reprocess import take
from chalicelib.settings import Settings
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Fault, Wire

PROJECT = Path(__file__).resolve().parents[2]
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:respool-dev-admit"
ENGINES = [
    "rescue",
    "spooling",
    "gates",
    "admission",
    "sweep",
    "recovery",
    "replayer",
    "continuous_replay",
    "give_up",
    "ramp",
]


def in_aws(**settings: str) -> Deployed:
    names = Names.of_function("respool-dev-admit", ARN)
    world = AwsWorld(names, session=Clients())
    return Deployed(world=world, settings=Settings.read(settings), clock=SystemTime())


class Clients:
    """A session whose clients know nothing."""

    def client(self, service: str, **_: Any) -> object:
        del service
        return object()


@pytest.mark.parametrize("name", ENGINES)
def test_each_engine_is_built_of_the_fakes_and_of_aws_s_adapters_alike(name: str) -> None:
    in_memory = getattr(FakeStage().process().engines, name)
    deployed = getattr(in_aws(), name)

    assert type(in_memory) is type(deployed)


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_built_once(name: str) -> None:
    engines = in_aws()
    assert getattr(engines, name) is getattr(engines, name)


def test_all_engines_share_one_world() -> None:
    engines = FakeStage().process().engines
    assert engines.sweep.rescue is engines.rescue
    assert engines.sweep.keeper is engines.admission
    assert engines.replayer.recovery is engines.recovery
    assert engines.admission.gates is engines.gates


def test_settings_reach_the_engines_that_act_on_them() -> None:
    engines = in_aws(
        TASK_LIMIT="7",
        CLOSE_AFTER="3",
        HISTORY_DAYS="9",
        HOLD_WINDOWS="cron(0 22 ? * FRI *) 58h Asia/Tokyo",
    )
    assert (engines.gates.limit, engines.gates.close_after) == (7, 3)
    assert [window.zone for window in engines.gates.windows] == ["Asia/Tokyo"]
    assert engines.rescue.history.days == 9


def test_engines_can_not_be_built_by_position() -> None:
    with pytest.raises(TypeError):
        Engines(in_aws().world, Settings(), SystemTime())  # type: ignore[call-arg]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_lambda_s_name_tells_its_stage(function: str) -> None:
    environ = {"AWS_LAMBDA_FUNCTION_NAME": f"respool-prod-{function}"}
    assert AwsWorld.of_process(environ, ARN).names.prefix == "respool-prod"


@pytest.mark.parametrize("environ", [{}, {"RESPOOL_PREFIX": ""}, {"AWS_LAMBDA_FUNCTION_NAME": ""}])
def test_a_process_without_a_stage_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="empty or missing"):
        AwsWorld.of_process(environ, ARN)


# A cold start loads what one Lambda needs


def loaded(code: str) -> set[str]:
    environ = {
        "AWS_LAMBDA_FUNCTION_NAME": "respool-dev-admit",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "PATH": os.environ["PATH"],
    }
    program = (
        f'import sys, app\nfrom chalicelib.deployed import engines_of\nhere = engines_of("{ARN}")\n'
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{program}{code}\nprint(*sys.modules)"],
        cwd=PROJECT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("code", "needs", "not_needed"),
    [
        ("", "chalicelib.engines", ["parking", "replaying.replay", "gate", "aws.table"]),
        (
            "here.spooling",
            "chalicelib.parking.error_spool",
            ["replaying.replay", "gate", "aws.tokens"],
        ),
        ("here.admission", "chalicelib.gate.line", ["replaying.replay", "gate.ramp", "aws.queue"]),
        ("here.replayer", "chalicelib.replaying.replay", ["gate", "parking.sweep", "api.jobs"]),
    ],
)
def test_a_cold_start_loads_no_more_than_its_lambda_needs(
    code: str, needs: str, not_needed: list[str]
) -> None:
    modules = loaded(code)

    assert needs in modules
    assert {name for name in not_needed if f"chalicelib.{name}" in modules} == set()
    assert "boto3" not in modules


# What reprocess does with its events


REFUSED = ("Query", "GetItem", "DescribeStateMachine", "ListExecutions")
"""The calls that every sweep begins with."""


def parked(stage: FakeStage, count: int) -> None:
    stage.service.broken = True
    for n in range(count):
        stage.executions.start(f"job-{n}", f'{{"key":"{n}"}}')
    stage.machine.run()
    stage.service.broken = False
    stage.clock.pause(1800)


def reprocess(stage: FakeStage, event: Any, wire: Wire | None = None) -> dict[str, Any]:
    return take(stage.process(wire).engines, event, lambda: 600)


def test_an_empty_event_replays_as_many_as_the_stage_says() -> None:
    stage = FakeStage(MAX_REPROCESS="2")
    parked(stage, 3)

    result = reprocess(stage, {})

    assert (result["replayed"], result["resumed"], result["remaining"]) == (2, 2, 1)
    assert result["more"] is False


def test_a_preview_is_followed_by_nothing() -> None:
    stage = FakeStage()
    parked(stage, 1)
    before = stage.table.copy_items()

    result = reprocess(stage, {"dry_run": True})

    assert result["dry_run"] is True
    assert stage.table.copy_items() == before


def test_a_sweep_alone_says_what_it_did_and_raises_what_it_was_refused() -> None:
    stage = FakeStage()
    assert reprocess(stage, {"sweep": True, "unattended": True})["rescued"] == []

    failing = Wire()
    for name in REFUSED:
        failing.break_next(name, Fault.THROTTLED, times=99)
    with pytest.raises(Throttled):
        reprocess(stage, {"sweep": True}, failing)


def test_a_tick_where_there_is_no_ramp_does_nothing() -> None:
    assert reprocess(FakeStage(), {"ramp": True, "unattended": True}) == {"ramp": "off"}


@pytest.mark.parametrize("event", [None, "{}", [], 5])
def test_what_is_no_object_is_refused(event: Any) -> None:
    with pytest.raises(BadRequest, match="reprocess takes a JSON object"):
        reprocess(FakeStage(), event)


@pytest.mark.parametrize("event", [{"sweep": "yes"}, {"maximum": 2}, {"max": 0}])
def test_what_is_not_known_is_refused_and_nothing_is_replayed(event: Any) -> None:
    stage = FakeStage()
    parked(stage, 1)

    with pytest.raises(BadRequest):
        reprocess(stage, event)

    assert len(stage.waiting) == 1
