"""Folds what differs from job to job out of error messages, so that alike ones count as one. Pure.

Only for counting: what people see is always a message as it came.
"""

import re

MOST = 300
"""Characters of a message that count; what stands behind them is mostly a trace."""
_FOLDED = re.compile(
    r"(?P<host>\b[a-z][a-z0-9+.-]{1,20}://[^\s'\"<>]{1,200}"
    r"|\b(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?::\d{1,5})?\b(?!\()"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b)"
    r"|(?P<id>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
    r"|\b(?=[A-Za-z_-]{0,40}\d)[\w-]{6,200}\b)"
    r"|(?P<n>\d+(?:[.,]\d+)*)",
    re.ASCII,
)


def pattern(message: str) -> str:
    """The message with its numbers, ids and hosts folded; alike messages have the same one."""
    return " ".join(_FOLDED.sub(_sign, message[:MOST]).split())


def _sign(match: "re.Match[str]") -> str:
    return f"<{match.lastgroup}>"
