"""The SDK session that a person has chosen: by an option, a variable, or their AWS files."""

import os
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING

from chalicelib.aws.calling import VARIABLES, sdk_session
from chalicelib.errors import SettingsError

if TYPE_CHECKING:
    import boto3


def chosen(
    profile: str | None = None,
    region: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> "boto3.Session":
    """A session of that profile and region; of what variables and files name where they are None.

    Raises SettingsError where one is given and empty, and botocore's ProfileNotFound.
    """
    for what, value in (("profile", profile), ("region", region)):
        where, text = ("--" + what, value) if value is not None else _named(what, environ)
        if text == "":
            raise SettingsError(f"{where} is given and empty: name a {what}, or leave it out")
    return sdk_session(profile, region)


def agree_with_older_sdks(environ: MutableMapping[str, str] = os.environ) -> None:
    """Have Chalice's own session, which reads the older variables first, choose as ours do."""
    for names in VARIABLES.values():
        newer, older = names
        if newer in environ:
            environ[older] = environ[newer]


def _named(what: str, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """The variable that names it, and what it says; the first one given wins."""
    return next(((name, environ[name]) for name in VARIABLES[what] if name in environ), ("", None))
