"""The spool in memory and the one on SQS keep the same promises."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws

from chalicelib.aws.calling import clients
from chalicelib.aws.queue import SqsSpool
from chalicelib.errors import AwsError, NotFound
from chalicelib.job.message import Message
from chalicelib.job.ports import Spool
from chalicelib.limits import BATCH
from tests.fakes.clock import SteppedClock
from tests.fakes.spool import FakeSpool, Queue
from tests.fakes.wire import Wire

LONG = 3600


@dataclass(frozen=True)
class Side:
    """One queue as three processes see it; nothing is to be waited for where `other` looks."""

    spool: Spool
    other: Spool
    now: Callable[[], datetime]

    def fill(self, count: int) -> list[Message]:
        """Send so many messages and receive them all, hidden for long."""
        for n in range(count):
            self.spool.send(f'{{"key":"{n}"}}')
        taken: list[Message] = []
        while len(taken) < count:
            taken += self.other.receive(BATCH, LONG)
        return taken

    def seen(self) -> list[str]:
        """The bodies that somebody else can see now; they are hidden then."""
        bodies: list[str] = []
        while messages := self.other.receive(BATCH, LONG):
            bodies += [message.body for message in messages]
        return sorted(bodies)


def on_fakes() -> Side:
    clock = SteppedClock()
    queue = Queue(clock)
    return Side(FakeSpool(queue, Wire()), FakeSpool(queue, Wire(), wait=1), clock.now)


@pytest.fixture(scope="module")
def sqs() -> Iterator[Any]:
    with mock_aws():
        yield clients(boto3.Session(region_name="us-east-1"))("sqs")


@pytest.fixture(params=["fakes", "sqs"])
def side(request: pytest.FixtureRequest) -> Side:
    if request.param == "fakes":
        return on_fakes()
    sqs, name = request.getfixturevalue("sqs"), f"respool-{uuid4()}"
    sqs.create_queue(QueueName=name)
    return Side(SqsSpool(sqs, name, 3), SqsSpool(sqs, name, 0), lambda: datetime.now(UTC))


@pytest.mark.parametrize(
    "body", ['{"key":"1"}', "not JSON", "\u3042 \t\r\n \U0001f600", '"\\ufffe"', "x" * 1_048_576]
)
def test_a_body_comes_as_it_was_sent(side: Side, body: str) -> None:
    side.spool.send(body)
    assert [message.body for message in side.spool.receive(10, 60)] == [body]


def test_a_body_over_one_mebibyte_is_refused(side: Side) -> None:
    with pytest.raises(AwsError):
        side.spool.send("x" * 1_048_577)
    assert side.spool.depth() == 0


@pytest.mark.parametrize("body", ["", "\ufffe", "\x00"])
def test_in_memory_what_only_the_real_sqs_refuses_is_refused_too(body: str) -> None:
    with pytest.raises(AwsError):
        on_fakes().spool.send(body)


def test_a_message_says_when_it_was_sent_on_every_delivery(side: Side) -> None:
    before = side.now()
    side.spool.send("body")
    (first,) = side.spool.receive(10, 0)
    (second,) = side.spool.receive(10, 0)
    assert (first.sent_at - before).total_seconds() == pytest.approx(0, abs=5)
    assert first.sent_at.tzinfo is UTC
    assert second.sent_at == first.sent_at


def test_a_redelivery_has_the_same_id_and_another_receipt(side: Side) -> None:
    side.spool.send("body")
    (first,) = side.spool.receive(10, 0)
    (second,) = side.spool.receive(10, 0)
    assert second.id == first.id
    assert second.receipt != first.receipt


def test_at_most_ten_come_however_many_are_asked_for(side: Side) -> None:
    for n in range(15):
        side.spool.send(str(n))
    assert len(side.spool.receive(100, LONG)) <= BATCH


def test_no_more_come_than_are_asked_for(side: Side) -> None:
    for n in range(5):
        side.spool.send(str(n))
    assert len(side.spool.receive(2, LONG)) == 2


def test_an_empty_queue_gives_nothing(side: Side) -> None:
    assert side.other.receive(10, LONG) == []


def test_a_received_message_is_hidden_from_others_and_still_counts(side: Side) -> None:
    side.fill(2)
    assert side.seen() == []
    assert side.spool.depth() == 2


def test_a_long_poll_waits_until_a_message_comes_into_sight_again(side: Side) -> None:
    side.spool.send("body")
    (first,) = side.spool.receive(10, 1)
    (second,) = side.spool.receive(10, LONG)
    assert second.id == first.id


def test_visibility_ends_at_twelve_hours_and_asking_for_more_is_no_error(side: Side) -> None:
    side.spool.send("body")
    messages = side.spool.receive(10, 90_000)
    assert len(messages) == 1
    assert side.seen() == []


def test_a_deleted_message_is_gone_and_deleting_it_again_is_no_error(side: Side) -> None:
    messages = side.fill(1)
    side.spool.delete(messages)
    side.spool.delete(messages)
    assert side.spool.depth() == 0


def test_more_than_ten_are_deleted_and_no_others(side: Side) -> None:
    messages = side.fill(25)
    side.spool.delete(messages[:23])
    assert side.spool.depth() == 2


def test_a_released_message_is_seen_at_once(side: Side) -> None:
    messages = side.fill(1)
    side.spool.make_visible(messages)
    assert side.seen() == ['{"key":"0"}']


def test_more_than_ten_are_released_and_no_others(side: Side) -> None:
    messages = side.fill(25)
    side.spool.make_visible(messages[:23])
    assert side.seen() == sorted(message.body for message in messages[:23])


def test_a_message_released_for_later_is_seen_later(side: Side) -> None:
    messages = side.fill(1)
    side.spool.make_visible(messages, 2)
    assert side.seen() == []
    assert [message.id for message in side.spool.receive(10, LONG)] == [messages[0].id]


def test_a_cool_down_of_twelve_hours_is_no_error(side: Side) -> None:
    side.spool.make_visible(side.fill(1), 43_200)
    assert side.seen() == []


def test_nothing_to_delete_or_release_is_no_error(side: Side) -> None:
    side.spool.delete([])
    side.spool.make_visible([])


def test_one_that_can_not_be_released_is_told_and_does_not_stop_the_others(side: Side) -> None:
    (gone, *others) = side.fill(12)
    side.spool.delete([gone])
    with pytest.raises(AwsError, match=r"1 failed"):
        side.spool.make_visible([gone, *others])
    assert side.seen() == sorted(message.body for message in others)


def test_a_queue_that_is_not_there_is_named(sqs: Any) -> None:
    with pytest.raises(NotFound, match="respool-nowhere"):
        SqsSpool(sqs, "respool-nowhere").depth()
