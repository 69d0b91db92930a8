"""Sends an incident's message by each way that is set up: the stage's topic, and a webhook."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo

from chalicelib.errors import RespoolError, SettingsError
from chalicelib.incidents.outlook import Arrangements, outlook
from chalicelib.incidents.words import TEXTS, Letter, letter
from chalicelib.job.incident import Incident, What
from chalicelib.job.ports import Clock, Incidents, Posts

MAIL, HOOK = "mail", "webhook"
_WHO_PAGES = ("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")
"""How Slack wants its control characters, so that nobody's text calls a channel."""


@dataclass(frozen=True)
class Teller:
    """Tells people. `arranged` says what the stage does by itself for a task."""

    posts: Posts
    incidents: Incidents
    clock: Clock
    stage: str
    url: str
    language: str
    zone: Callable[[], tzinfo]
    arranged: Callable[[str], Arrangements]

    @property
    def ways(self) -> tuple[str, ...]:
        """Mail goes to whoever has subscribed to the topic; the webhook is off unless set."""
        return (MAIL, HOOK) if self.url else (MAIL,)

    def send(self, way: str, incident: Incident) -> None:
        """Tell people of an incident as it stands. Raises NotSent."""
        news = [each.what for each in incident.news[incident.post(way).told :]]
        letter = self.write(incident, news)
        if way == MAIL:
            self.posts.mail(letter.subject, text_of(letter, self.language))
        else:
            headers = {
                "X-Respool-Incident": incident.id,
                "X-Respool-News": ",".join(each.value for each in news),
            }
            body = body_of(letter, self.language)
            self.posts.hook(self.url, body, headers, int(self.clock().timestamp()))

    def write(self, incident: Incident, news: list[What]) -> Letter:
        """The message; what can't be found out is left out of it."""
        coming = outlook(incident, self.arranged(incident.task))
        page = self._page()
        return letter(incident, news, coming, self.stage, page, self.language, self._zone())

    def _page(self) -> str:
        try:
            return self.incidents.page()
        except RespoolError:
            return ""

    def _zone(self) -> tzinfo:
        try:
            return self.zone()
        except SettingsError:
            return UTC


def text_of(letter: Letter, language: str) -> str:
    """The message as mail."""
    return "\n".join([*letter.lines, "", _link(letter, language)]) + "\n"


def body_of(letter: Letter, language: str) -> str:
    """The message as JSON that Slack's incoming webhooks take as it is.

    The blocks are plain text, in which Slack obeys nothing; `text` is what its notifications show.
    """
    whole = "\n".join(letter.lines)
    blocks = [_block(letter.subject), _block(whole)]
    if letter.link:
        blocks.append(
            {
                "type": "actions",
                "elements": [
                    {
                        "type": "button",
                        "text": _plain(TEXTS[language]["button"]),
                        "url": letter.link,
                    }
                ],
            }
        )
    text = "\n".join([letter.subject, whole, _link(letter, language)])
    for sign, written_so in _WHO_PAGES:
        text = text.replace(sign, written_so)
    body = {"text": text, "blocks": blocks, "unfurl_links": False}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _link(letter: Letter, language: str) -> str:
    texts = TEXTS[language]
    return texts["open"].format(link=letter.link) if letter.link else texts["no-link"]


def _block(text: str) -> dict[str, object]:
    return {"type": "section", "text": _plain(text)}


def _plain(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": text, "emoji": False}
