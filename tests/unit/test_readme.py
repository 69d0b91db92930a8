"""Both READMEs: the picture is the machine, and every setting is told."""

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


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def arrows(name: str) -> set[tuple[str, str]]:
    """The picture's arrows between states; its beginning and ends aside."""
    return set(re.findall(r"^ +(\w+) --> (\w+)", read(name), re.MULTILINE))


def leads_to(state: str) -> set[str]:
    """The states that the definition leads to, at once or by way of states that are not drawn."""
    drawn = {end for arrow in arrows("README.md") for end in arrow}
    found: set[str] = set()
    ahead = [state]
    while ahead:
        about = STATES[ahead.pop()]
        holders = [about, *about.get("Catch", []), *about.get("Choices", [])]
        for after in {holder.get("Next") for holder in holders} - {None} - found:
            found.add(after)
            if after not in drawn:
                ahead.append(after)
    return found


@pytest.mark.parametrize("name", READMES)
def test_the_picture_shows_the_machine_as_it_is(name: str) -> None:
    assert len(arrows(name)) > 10
    assert [arrow for arrow in arrows(name) if arrow[1] not in leads_to(arrow[0])] == []


def test_both_pictures_are_the_same() -> None:
    assert arrows("README.md") == arrows("README.ja.md")


@pytest.mark.parametrize("name", READMES)
def test_every_setting_has_its_row_here_or_on_the_page_of_the_ramp(name: str) -> None:
    page = ROOT / "docs" / "ramp.md"
    text = read(name) + (page.read_text(encoding="utf-8") if page.exists() else "")
    ramps = {"RAMP_INTERVAL", "RAMP_MAX_INTERVAL", "RAMP_MAX", "HEALTHY_AFTER", "HOLD_WINDOWS"}
    settings = set(CHECKS) if page.exists() else set(CHECKS) - ramps

    assert {setting for setting in settings if f"`{setting}`" not in text} == set()


@pytest.mark.parametrize("name", READMES)
def test_a_first_deploy_says_what_the_sample_shows(name: str) -> None:
    functions = ("uncertain_task", "error_spool", "reprocess", "authorizer", "api_handler")
    made = list(check(Source(ROOT, "dev", {}, functions)).template["Resources"])
    names = Names("respool-dev", "aws", "us-east-1", "123456789012")
    outputs = {
        "StateMachineArn": names.state_machine_arn,
        "SpoolUrl": f"https://sqs.us-east-1.amazonaws.com/123456789012/{names.spool}",
    }
    url = "https://a070cece.execute-api.us-east-1.amazonaws.com/api/"
    place = report.Place("dev", names, url, " --region us-east-1")

    done = Deployed(Step.CREATE, made, outputs, trigger=False)

    assert "\n".join(report.deployed(place, done, Settings())) in read(name)
