from pathlib import Path

import click
import pytest

from respool.deploy.command import current, of_words

HERE = Path("/project")


def test_a_command_is_read_off_its_context() -> None:
    root = click.Context(click.Group("chalice"), obj={"project_dir": "/project"})
    context = click.Context(click.Command("deploy"), parent=root)
    context.params = {"stage": "prod", "profile": "ops"}
    with context:
        command = current()
    assert command is not None
    assert (command.name, command.stage, command.profile) == ("deploy", "prod", "ops")
    assert command.project == HERE
    assert command.context is context


def test_an_empty_stage_is_not_the_default_one() -> None:
    root = click.Context(click.Group("chalice"), obj={"project_dir": "/project"})
    context = click.Context(click.Command("delete"), parent=root)
    context.params = {"stage": ""}
    with context:
        command = current()
    assert command is not None
    assert command.stage == ""


def test_a_context_of_another_program_is_none_of_ours() -> None:
    with click.Context(click.Command("deploy")):
        assert current() is None


@pytest.mark.parametrize(
    ("words", "stage"),
    [
        (["local"], "dev"),
        (["local", "--stage", "local"], "local"),
        (["--project-dir", "x", "local", "--port", "8000", "--stage=prod"], "prod"),
    ],
)
def test_chalice_local_is_known_by_its_words(
    monkeypatch: pytest.MonkeyPatch, words: list[str], stage: str
) -> None:
    monkeypatch.setenv("AWS_CHALICE_CLI_MODE", "true")
    command = of_words(words, HERE)
    assert command is not None
    assert (command.name, command.stage) == ("local", stage)


def test_words_mean_nothing_outside_chalice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_CHALICE_CLI_MODE", raising=False)
    assert of_words(["local"], HERE) is None


def test_a_stage_called_local_is_not_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CHALICE_CLI_MODE", "true")
    assert of_words(["deploy", "--stage", "local"], HERE) is None
