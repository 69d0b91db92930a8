"""Where in a file a finding is."""

import json
import re

from respool.deploy.definition import Definition, all_states


def placed(name: str, text: str, definition: Definition, finding: str) -> str:
    """The finding with its file, and the line where its state begins, if it is about one."""
    for state, _ in all_states(definition):
        if f"state {state}: " in finding:
            begins = re.compile(
                rf"\s*(?:{re.escape(json.dumps(state, ensure_ascii=False))}|{re.escape(state)})\s*:"
            )
            lines = enumerate(text.splitlines(), 1)
            line = next((n for n, one in lines if begins.match(one)), None)
            return f"{name}, line {line}, {finding}" if line else f"{name}: {finding}"
    return f"{name}: {finding}"
