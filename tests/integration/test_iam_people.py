"""The policies for people: every command of `respool` works with them, and needs all of them."""

import io
import zipfile
from collections.abc import Iterator

import pytest
from moto.core.authorization import enable_iam_authentication

from chalicelib.aws.calling import client
from chalicelib.aws.queue import SqsSpool
from chalicelib.job.record import Record
from chalicelib.stage import Stage
from respool.cli.account import Account
from respool.cli.context import Context
from respool.cli.run import run
from respool.deploy.iam import Call, Policy, allows
from respool.deploy.resolved import ACCOUNT, REGION, arn
from tests.iam.deployed import Deployed, policy_of
from tests.iam.moto import Needed, moto_with_iam
from tests.iam.narrowed import narrowed
from tests.iam.stage import IamStage, spool_every_kind

PAGE = {
    Call("lambda:GetPolicy", arn("lambda", "function:respool-dev")),
    Call("apigateway:GET", f"arn:aws:apigateway:{REGION}::/restapis/a1b2c3/stages"),
}
"""What `respool open` calls; moto has no API Gateway here."""


class Prompt(Account):
    """An account whose queues answer at once; a long poll is no other call."""

    def stage(self) -> Stage:
        """The stage as it is deployed."""
        stage = super().stage()
        sqs = client("sqs", self._session)
        stage.spool = SqsSpool(sqs, stage.names.spool, wait=0)
        stage.stuck = SqsSpool(sqs, stage.names.stuck, wait=0)
        return stage


@pytest.fixture(scope="module")
def moto() -> Iterator[Needed]:
    with moto_with_iam() as needed:
        yield needed


@pytest.fixture(scope="module")
def dev(moto: Needed) -> Iterator[IamStage]:
    with pytest.MonkeyPatch.context() as patch:
        stage = IamStage(Deployed("dev"), patch)
        stage.make()
        for name in ("operate", "look"):
            stage.make_role(name, [policy_of(name)])
        _function(stage)
        yield stage


def _function(dev: IamStage) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", "")
    functions = dev.session.client("lambda")
    functions.create_function(
        FunctionName=dev.names.reprocess,
        Runtime="python3.11",
        Role=f"arn:aws:iam::{ACCOUNT}:role/{dev.role('reprocess')}",
        Handler="app.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    functions.create_event_source_mapping(
        EventSourceArn=arn("sqs", dev.names.spool),
        FunctionName=dev.names.reprocess,
        Enabled=False,
    )


def command(dev: IamStage, role: str, *words: str) -> int:
    session = dev.assumed(role)
    with enable_iam_authentication():
        return run(words, Context(lambda *_: Prompt(session, "dev")))


def called(dev: IamStage, moto: Needed, role: str) -> set[Call]:
    return moto[dev.role(role)] | PAGE


def idle(policy: Policy, needed: set[Call]) -> list[str]:
    return [
        lacking
        for lacking, less in narrowed(policy)
        if all(allows([less], call) for call in needed)
    ]


def test_who_operates_can_run_every_command_and_no_more(dev: IamStage, moto: Needed) -> None:
    spool_every_kind(dev, "cli")
    running = dev.claim(dev.start("cli-running"))
    dev.start("cli-lost", "FAILED", "States.Runtime")
    dev.spool(Record(key="kept", input={"key": "kept"}), dev.names.stuck)
    commands: list[tuple[str, ...]] = [
        ("status",),
        ("jobs",),
        ("show", running),
        ("replay", "--key", "none such"),
        ("replay", "--max", "100"),
        ("replay", "--stuck", "--key", "kept"),
        ("give-up", running, "--reason", "nobody wants it", "--yes"),
        ("limit", "UncertainTask", "3"),
        ("limit", "Another", "3"),
        ("hold",),
        ("release",),
        ("trigger", "enable"),
        ("trigger", "disable"),
        ("sweep",),
        ("submit", '{"key": "new"}'),
        ("token", "create", "kim"),
        ("token", "list"),
        ("token", "revoke", "kim"),
    ]
    ended = {words: command(dev, "operate", *words) for words in commands}
    needed = called(dev, moto, "operate")

    assert {words: code for words, code in ended.items() if code not in (0, 1)} == {}
    assert idle(policy_of("operate"), needed) == []
    for other in ("prod", "dev2", "dev-spool"):
        assert reached(policy_of("operate"), needed, other) == []


def test_who_looks_sees_all_and_changes_nothing(dev: IamStage, moto: Needed) -> None:
    key = dev.claim(dev.start("seen"), attempt=2)

    for words in (("status",), ("jobs",), ("show", key)):
        assert command(dev, "look", *words) == 0
    assert idle(policy_of("look"), called(dev, moto, "look")) == []

    dev.spool(Record(key="kept", input={"key": "kept"}))
    for words in (("replay",), ("hold",), ("submit", "{}"), ("trigger", "enable"), ("sweep",)):
        assert command(dev, "look", *words) == 3


def reached(policy: Policy, needed: set[Call], other: str) -> list[Call]:
    abroad = [
        Call(
            call.action,
            call.resource.replace("respool-dev", f"respool-{other}"),
            frozenset((k, v.replace("respool-dev", f"respool-{other}")) for k, v in call.context),
        )
        for call in needed
    ]
    return [call for call in abroad if call not in needed and allows([policy], call)]
