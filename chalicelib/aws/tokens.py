"""Who may call the API: bearer tokens, the console's own and named ones that can be revoked.

The console's token is all the text of a generated secret. Of a named one only its SHA-256 is
kept, as an item of the claims table, so that nobody can read it anywhere again.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.aws.calling import calling
from chalicelib.cached import Cached
from chalicelib.errors import BadRequest, NotFound
from chalicelib.moments import read
from chalicelib.words import Word

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHED = 15
"""Seconds that the secret is believed after it was read. API Gateway believes us besides."""
CONSOLE = "console"
PREFIX = "token#"
LISTED = "tokens"
"""The index's partition that lists them, by name."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_RESERVED = (CONSOLE, "nobody")
_AROUND = re.compile(r"[ \t\"'`]+")
"""What is pasted along with a token, and is not part of one."""
_TOKEN = re.compile(r"[\x21-\x7e]{1,256}")
_LONGEST = 400
_OURS = "rsp_"
_NAMED = re.compile(rf"{_OURS}[A-Za-z0-9_-]{{43}}")
MOST_DAYS = 3650


class Kind(Word):
    """What a token is good for: everything, or looking only."""

    FULL = "full"
    READ = "read"


@dataclass(frozen=True)
class Caller:
    """The holder of a token."""

    name: str
    kind: Kind = Kind.FULL


@dataclass(frozen=True)
class Token:
    """A named token, without what makes it one. Times are ISO 8601, UTC; one may have no end."""

    name: str
    kind: Kind
    created_at: str
    ends_at: str = ""


class NamedTokens:
    """Makes, lists and revokes tokens; the command line calls it, and the authorizer `find`."""

    def __init__(self, client: "DynamoDBClient", table: str, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def create(self, name: str, kind: Kind, days: int | None = None) -> str:
        """Make a token and return it: it is shown now and never again. Raises BadRequest.

        It is refused after that many `days`, where they are given; DynamoDB forgets it later.
        """
        if not _NAME.fullmatch(name) or name in _RESERVED:
            raise BadRequest(
                f"{name[:70]!r} can't be a token's name: use 1 to 64 letters, digits or . _ @ -,"
                f" and none of {', '.join(_RESERVED)}"
            )
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise BadRequest(f"a token can't be good for {days} days: give 1 to {MOST_DAYS}")
        for other in self.list():
            if other.name == name and self._is_over(other):
                self.revoke(name)
            elif other.name == name:
                raise BadRequest(f"a token {name} exists already: revoke it, or take another name")
        token = f"{_OURS}{secrets.token_urlsafe(32)}"
        now = self._clock()
        item = {
            **_key(token),
            "name": {"S": name},
            "kind": {"S": kind.value},
            "createdAt": {"S": now.isoformat(timespec="seconds")},
            "queue": {"S": LISTED},
            "order": {"S": name},
        }
        if days is not None:
            ends = now + timedelta(days=days)
            item |= {
                "endsAt": {"S": ends.isoformat(timespec="seconds")},
                "expiresAt": {"N": str(int(ends.timestamp()))},
            }
        with calling("PutItem", f"the token {name}"):
            self._client.put_item(TableName=self._table, Item=item)
        return token

    def list(self) -> list[Token]:
        """All named tokens, by name."""
        tokens = [_read(item) for item in self._items()]
        return sorted(tokens, key=lambda token: token.name)

    def revoke(self, name: str) -> None:
        """End a token: within a minute (the authorizer's cache) it is refused. Raises NotFound."""
        pks = [item["pk"] for item in self._items() if item["name"]["S"] == name]
        if not pks:
            raise NotFound(f"no token is named {name!r}; `respool token list` lists them")
        for pk in pks:
            with calling("DeleteItem", f"the token {name}"):
                self._client.delete_item(TableName=self._table, Key={"pk": pk})

    def find(self, token: str) -> Caller | None:
        """Whose token this is. It is looked up by its hash, so time tells nothing about it.

        What none of ours can be is not looked up.
        """
        if not _NAMED.fullmatch(token):
            return None
        with calling("GetItem", "a token"):
            answer = self._client.get_item(
                TableName=self._table, Key=_key(token), ConsistentRead=True
            )
        if "Item" not in answer:
            return None
        holder = _read(answer["Item"])
        return None if self._is_over(holder) else Caller(holder.name, holder.kind)

    def _is_over(self, token: Token) -> bool:
        return bool(token.ends_at) and self._clock() >= (read(token.ends_at) or self._clock())

    def _items(self) -> Iterator[dict[str, Any]]:
        """The items of all tokens, as they are now; a new one may be missing for a moment."""
        from chalicelib.aws.table import Table  # the authorizer starts without it

        table = Table(self._client, self._table)
        return table.get_batch([str(item["pk"]["S"]) for item in table.query(LISTED)])


class Tokens:
    """Tells who calls. The secret is read seldom, and compared in constant time."""

    def __init__(
        self,
        client: "SecretsManagerClient",
        secret: str,
        named: NamedTokens,
        elapsed: Callable[[], float],
    ) -> None:
        self._client = client
        self._secret = secret
        self._named = named
        self._console = Cached(self._of_console, CACHED, elapsed)

    def caller(self, header: str) -> Caller | None:
        """Who sent this `Authorization` header; None for anything but a known bearer token."""
        offered = _offered(header)
        if not offered:
            return None
        token = self._console.get()
        if token and hmac.compare_digest(offered.encode(), token):
            return Caller(CONSOLE)
        return self._named.find(offered)

    def _of_console(self) -> bytes:
        with calling("GetSecretValue", self._secret):
            answer = self._client.get_secret_value(SecretId=self._secret)
        return str(answer["SecretString"]).strip().encode()


def _offered(header: str) -> str:
    """The token of `Bearer <token>`, also with quotes or a second `Bearer`; empty for all else."""
    if len(header) > _LONGEST:
        return ""
    words = [word for word in _AROUND.split(header) if word]
    bearers = [word.lower() == "bearer" for word in words[:-1]]
    return words[-1] if bearers and all(bearers) and _TOKEN.fullmatch(words[-1]) else ""


def _key(token: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": PREFIX + hashlib.sha256(token.encode()).hexdigest()}}


def _read(item: dict[str, Any]) -> Token:
    """A kind that this version does not know is good for looking only."""
    kind = item["kind"]["S"]
    rights = Kind.FULL if kind == Kind.FULL.value else Kind.READ
    ends = item.get("endsAt", {}).get("S", "")
    return Token(item["name"]["S"], rights, item["createdAt"]["S"], ends)
