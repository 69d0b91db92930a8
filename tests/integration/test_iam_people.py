"""The policies for people: every command of `respool` works with them, and needs all of them."""

import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.authorization import enable_iam_authentication

from chalicelib.api.stage import Stage
from chalicelib.aws.calling import clients
from chalicelib.aws.claim_reads import ATTRIBUTES
from chalicelib.aws.queue import SqsSpool
from chalicelib.job.claim import JOB
from chalicelib.job.record import Record
from chalicelib.names import UNCERTAIN_TASK
from respool.cli.account import Account
from respool.cli.context import Context
from respool.cli.run import run
from respool.deploy.iam import Call, Policy, allows
from respool.deploy.resolved import ACCOUNT, REGION, arn
from tests.iam.deployed import Deployed, policy_of
from tests.iam.moto import Needed, moto_with_iam
from tests.iam.narrowed import narrowed
from tests.iam.stage import LONG_AGO, IamStage, wait_in_every_way

PAGE = {
    Call("lambda:GetPolicy", arn("lambda", "function:respool-dev")),
    Call("apigateway:GET", f"arn:aws:apigateway:{REGION}::/restapis/a1b2c3/stages"),
}
"""What `respool open` calls; moto has no API Gateway here."""
HAND_OVER = {Call("lambda:InvokeFunction", arn("lambda", "function:respool-dev-reprocess"))}
"""What `respool replay` calls when its time is up; moto runs no function here."""


class Prompt(Account):
    """An account whose queues answer at once; a long poll is no other call."""

    def stage(self) -> Stage:
        """The stage as it is deployed."""
        stage = super().stage()
        sqs = clients(self._session)("sqs")
        world = self.engines.world
        world.spool = SqsSpool(sqs, world.names.spool, wait=0)
        world.stuck = SqsSpool(sqs, world.names.stuck, wait=0)
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
        Environment={"Variables": {"RECOVERY": "ramp"}},
    )
    functions.create_event_source_mapping(
        EventSourceArn=arn("sqs", dev.names.spool),
        FunctionName=dev.names.reprocess,
        Enabled=False,
    )
    dev.session.client("logs").create_log_group(logGroupName=f"/aws/lambda/{dev.names.prefix}")


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
    wait_in_every_way(dev, "cli")
    running = dev.claim(dev.start("cli-running"))
    inside = dev.claim(dev.start("cli-inside"), "running")
    stuck = dev.claim(dev.start("cli-stuck"), "stuck", attempt="9")
    dev.start("cli-lost", "FAILED", "States.Runtime")
    dev.start("cli-unclaimed", "ABORTED")
    dev.spool("{not to be read", dev.names.stuck)
    commands: list[tuple[str, ...]] = [
        ("status",),
        ("jobs",),
        ("show", running),
        ("replay", "--key", "none such"),
        ("replay", "--max", "100", "--dry-run"),
        ("replay", "--max", "100"),
        ("replay", "--stuck", "--key", stuck),
        ("replays",),
        ("replays", dev.cut_short()),
        ("replays", dev.cut_short(), "--stop"),
        ("incident", dev.incident()),
        ("incident", dev.incident(), "--message"),
        ("give-up", running, "--reason", "nobody wants it", "--yes"),
        ("give-up", inside, "--reason", "nobody wants it", "--yes"),
        ("limit", UNCERTAIN_TASK, "3"),
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
    needed = called(dev, moto, "operate") | HAND_OVER

    assert {words: code for words, code in ended.items() if code not in (0, 1)} == {}
    assert moto.denied[dev.role("operate")] == set()
    assert idle(policy_of("operate"), needed) == []
    for other in ("prod", "dev2", "dev-spool"):
        assert reached(policy_of("operate"), needed, other) == []


def test_who_looks_sees_all_and_changes_nothing(dev: IamStage, moto: Needed) -> None:
    key = dev.claim(dev.start("seen"), attempt="2")
    item = dev.claim(dev.child("seen-item"), deadAt=LONG_AGO)

    dev.cut_short()
    incident = ("incident", dev.incident())
    dev.incident()  # the first one is an older one now
    shown = (("show", key), ("show", item))
    for words in (("status",), ("jobs",), *shown, ("replays",), incident, ("incident",)):
        assert command(dev, "look", *words) == 0
    assert idle(policy_of("look"), called(dev, moto, "look")) == []

    dev.spool(Record(key="kept", input={"key": "kept"}))
    for words in (("replay",), ("hold",), ("submit", "{}"), ("trigger", "enable")):
        assert command(dev, "look", *words) == 3
    assert command(dev, "look", "sweep") == 1, "it says which parts it could not do"


def test_who_looks_can_read_no_token_whatever_he_asks(dev: IamStage) -> None:
    key = {"pk": {"S": JOB + dev.claim(dev.start("with-a-token"))}}
    table = {"TableName": dev.names.table}
    named = {"ProjectionExpression": "pk, #t", "ExpressionAttributeNames": {"#t": "token"}}
    session = dev.assumed("look")
    dynamodb = session.client("dynamodb")
    attempts: list[Callable[[], Any]] = [
        lambda: dynamodb.get_item(**table, Key=key),
        lambda: dynamodb.get_item(**table, Key=key, **named),
        lambda: dynamodb.batch_get_item(RequestItems={dev.names.table: {"Keys": [key]}}),
        lambda: dynamodb.batch_get_item(RequestItems={dev.names.table: {"Keys": [key], **named}}),
        lambda: dynamodb.scan(**table),
    ]
    with enable_iam_authentication():
        for attempt in attempts:
            with pytest.raises(ClientError, match="not authorized"):
                attempt()


def test_who_looks_may_ask_for_what_lists_ask_for_and_nothing_else() -> None:
    (statement,) = [
        one for one in policy_of("look")["Statement"] if one["Sid"] == "ClaimsWithoutTheirTokens"
    ]
    attributes = statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"]
    asked = {name.strip(" #") for name in ATTRIBUTES.split(",")}

    assert set(attributes) == asked
    assert "token" not in asked


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
