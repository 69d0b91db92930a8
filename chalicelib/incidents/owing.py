"""Who is still to be told of what, and when it is tried again. Pure.

A message is written down as tried before it goes out, and as told after that. A crash in between
sends it once more when it is due; nothing sends it more than MOST_TRIES times.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.job.incident import Incident, Post
from chalicelib.moments import iso

MOST_TRIES = 12
SOON = timedelta(minutes=4)
"""How long after a first try the next one is; then twice as long each time."""
LATEST = timedelta(hours=2)


def owed(incident: Incident, ways: Iterable[str], now: datetime) -> list[str]:
    """The ways by which something is to be sent now."""
    return [way for way in ways if _is_owed(incident, incident.post(way), iso(now))]


def _is_owed(incident: Incident, post: Post, at: str) -> bool:
    return post.told < len(incident.news) and post.due <= at


def tried(incident: Incident, ways: Iterable[str], now: datetime) -> Incident:
    """The incident with one try more by each of these ways; it is written before the try itself."""
    posts = {**incident.posts}
    for way in ways:
        post = incident.post(way)
        wait = min(LATEST, SOON * 2**post.tries)
        posts[way] = replace(post, tries=post.tries + 1, due=iso(now + wait))
    return replace(incident, posts=posts)


def told(incident: Incident, ways: Iterable[str], news: int) -> Incident:
    """The incident once these ways have told of all `news`, which are counted.

    Others that were tried for the last time are given up until there is something new to tell.
    """
    posts = {**incident.posts}
    for way in ways:
        posts[way] = Post(told=news)
    return replace(incident, posts=posts)


def given_up(incident: Incident, ways: Iterable[str]) -> list[str]:
    """The ways, of these, that have had their last try."""
    return [way for way in ways if incident.post(way).tries >= MOST_TRIES]
