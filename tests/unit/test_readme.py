"""Both READMEs and the pages beside them: short, true to the code, and in the glossary's words."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chalicelib.names import Names
from chalicelib.settings import CHECKS, Settings
from respool.deploy import report
from respool.deploy.deploying import Deployed
from respool.deploy.preflight import Source, check
from respool.deploy.steps import Step

ROOT = Path(__file__).resolve().parents[2]
STATES: dict[str, Any] = json.loads((ROOT / "statemachine.json").read_text())["States"]
READMES = ("README.md", "README.ja.md")
NOT_DRAWN = {"Done", "FinishClosed"}
"""States for writes that fail, and for a gate that is closed while a job ends."""
FUNCTIONS = ("uncertain_task", "error_spool", "reprocess", "admit", "authorizer", "api_handler")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def arrows(name: str) -> set[tuple[str, str]]:
    """The picture's arrows between states; its beginning and ends aside."""
    return set(re.findall(r"^ +(\w+) --> (\w+)", read(name), re.MULTILINE))


def ways() -> set[tuple[str, str]]:
    """From which state the definition leads to which."""
    edges = set()
    for name, state in STATES.items():
        holders = [state, *state.get("Catch", []), *state.get("Choices", [])]
        ends = {holder.get("Next") for holder in holders} | {state.get("Default")}
        edges |= {(name, end) for end in ends - {None} if not {name, end} & NOT_DRAWN}
    return edges


@pytest.mark.parametrize("name", READMES)
def test_the_picture_shows_the_machine_as_it_is(name: str) -> None:
    assert arrows(name) == ways()


def test_the_english_readme_has_less_than_a_thousand_words() -> None:
    assert len(read("README.md").split()) < 1000


def test_the_japanese_readme_has_at_most_four_thousand_characters_of_text() -> None:
    text = re.sub(r"```.*?```", "", read("README.ja.md"), flags=re.DOTALL)

    assert len(re.sub(r"\]\([^)]*\)", "]", text)) <= 4000


def test_every_setting_has_its_row() -> None:
    text = read("docs/settings.md") + read("docs/ramp.md")

    assert {setting for setting in CHECKS if f"`{setting}`" not in text} == set()


@pytest.mark.parametrize("name", READMES)
def test_a_first_deploy_says_what_the_sample_shows(name: str) -> None:
    assert sample() in read(name)


def sample() -> str:
    """What a first deploy of the stage dev prints at its end."""
    resources = list(check(Source(ROOT, "dev", {}, FUNCTIONS)).template["Resources"])
    names = Names("respool-dev", "aws", "us-east-1", "123456789012")
    outputs = {
        "StateMachineArn": names.state_machine_arn,
        "SpoolUrl": f"https://sqs.us-east-1.amazonaws.com/123456789012/{names.spool}",
    }
    url = "https://a070cece.execute-api.us-east-1.amazonaws.com/api/"
    place = report.Place("dev", names, url, " --region us-east-1")
    done = Deployed(Step.CREATE, resources, outputs, trigger=False)
    return "\n".join(report.deployed(place, done, Settings()))
