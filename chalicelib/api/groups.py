"""Parked and stuck jobs, grouped by what went wrong: by task, error, state, and alike messages."""

from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from itertools import islice, zip_longest
from typing import Any

from chalicelib.api.overview import View
from chalicelib.job.claim import Claim, State
from chalicelib.job.patterns import pattern
from chalicelib.job.ports import Claims
from chalicelib.replaying.requests import single

MOST_GROUPS = 50
MOST_KINDS = 5
"""Messages that a group shows, the most frequent ones."""
MOST_LOOKS = 300
FEW_LOOKS = 100
"""Messages that one look reads, a hundred a call; fewer where counting takes many calls already.
Those that it has read before cost nothing."""
MOST_MESSAGE = 1_000
"""Characters of a message that people see in lists."""
REMEMBERED = 5_000

Group = tuple[str, str, str, State]
"""A state machine, a task, an error and a state."""
_Failed = tuple[str, int, str]


class Messages:
    """What failed jobs said. The index has it not, so it is read from the claims, each once."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._known: OrderedDict[_Failed, str] = OrderedDict()

    def of(self, jobs: Sequence[Claim], most: int = MOST_LOOKS) -> dict[str, str]:
        """The messages by the jobs' own keys; at most `most` are read that were not known."""
        unread = (job.pk for job in jobs if _failed(job) not in self._known)
        if pks := list(islice(unread, most)):
            for claim in self._claims.look(pks).values():
                self._known[_failed(claim)] = claim.failure.message[:MOST_MESSAGE]
        texts = {job.pk: self._known[_failed(job)] for job in jobs if _failed(job) in self._known}
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return texts


def _failed(job: Claim) -> _Failed:
    return job.pk, job.attempt, job.failed_at


def group_jobs(
    view: View, messages: Messages, own: str, query: Mapping[str, list[str]]
) -> dict[str, Any]:
    """The largest groups of those that were read; `complete`: these are all that wait.

    `own` is the name of the stage's own machine.
    """
    single(query, ())
    groups: dict[Group, list[Claim]] = {}
    for job in view.oldest:
        group = (job.machine or own, job.task, job.error, job.state)
        groups.setdefault(group, []).append(job)
    most = MOST_LOOKS if view.whole else FEW_LOOKS
    texts = messages.of(_by_turns(groups.values()), most)
    entries = [_group(group, jobs, texts) for group, jobs in groups.items()]
    entries.sort(key=_rank)
    rest = entries[MOST_GROUPS:]
    return {
        "groups": entries[:MOST_GROUPS],
        "others": {"groups": len(rest), "count": sum(each["count"] for each in rest)},
        "read": len(view.oldest),
        "complete": view.whole,
        "revision": view.revision,
    }


def _rank(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return -entry["count"], *(entry[name] for name in ("oldest", "task", "error", "machine"))


def _by_turns(groups: Any) -> list[Claim]:
    """The jobs in turns, one of each group, so that the first ones tell of all groups."""
    return [job for turn in zip_longest(*groups) for job in turn if job is not None]


def _group(group: Group, jobs: Sequence[Claim], texts: Mapping[str, str]) -> dict[str, Any]:
    machine, task, error, state = group
    messages = [texts[job.pk] for job in jobs if job.pk in texts]
    kinds = Counter(pattern(each) for each in messages)
    example = {pattern(each): each for each in messages}
    commonest = kinds.most_common(MOST_KINDS)
    return {
        "machine": machine,
        "task": task,
        "error": error,
        "state": state.value,
        "count": len(jobs),
        "oldest": min(job.first_failed_at or job.since for job in jobs),
        "newest": max(job.failed_at or job.since for job in jobs),
        "messages": [{"message": example[kind], "count": count} for kind, count in commonest],
        "kinds": len(kinds),
        "looked_at": len(messages),
    }
