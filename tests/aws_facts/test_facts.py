"""The local AWS does what AWS was seen to do, and so do the fakes where they have the notion."""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from respool.local.patches import COMFORTS, PATCHES
from tests.aws_facts import executions, fakes, functions, language, scopes, services, tokens
from tests.aws_facts.fact import FACTS, ON_FAKES, Fact
from tests.integration.local_machines import local_machines

MODULES = (executions, functions, language, scopes, services, tokens, fakes)
LOCAL = [fact for fact in FACTS.values() if fact.on_local]
SIDE_BY_SIDE = 6


def _id(fact: Fact) -> str:
    return fact.id


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Iterator[Mapping[str, "Future[None]"]]:
    """All chosen facts under way at once: most of their time is waiting."""
    here = [item for item in request.session.items if item.path == request.path]
    names = {item.name.partition("[")[2][:-1] for item in here}
    with local_machines() as local, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield {
            fact.id: pool.submit(fact.on_local, local)
            for fact in LOCAL
            if fact.id in names and fact.on_local
        }


@pytest.mark.parametrize("fact", LOCAL, ids=_id)
def test_the_local_aws_does_what_aws_was_seen_to_do(
    fact: Fact, outcomes: Mapping[str, "Future[None]"]
) -> None:
    outcomes[fact.id].result(timeout=120)


@pytest.mark.parametrize("fact", sorted(ON_FAKES))
def test_the_fakes_do_what_aws_was_seen_to_do(fact: str) -> None:
    assert fact in FACTS
    ON_FAKES[fact]()


@pytest.mark.parametrize("fact", FACTS.values(), ids=_id)
def test_a_fact_says_what_happens_who_saw_it_and_when(fact: Fact) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", fact.id)
    assert fact.happens.endswith(".")
    assert fact.sure == "documented" or re.search(r"\d{4}-\d{2}-\d{2}$|#\d+", fact.source)
    assert fact.on_local or fact.id in ON_FAKES


def test_every_patch_makes_a_fact_true_or_is_for_comfort_alone() -> None:
    named = {patch for fact in FACTS.values() for patch in fact.held_by}
    comforts = {patch.__name__ for patch in COMFORTS}
    assert not named & comforts
    assert named | comforts == {patch.__name__ for patch in PATCHES}
