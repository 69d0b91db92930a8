"""The stages that a project has: those of .chalice/config.json."""

from pathlib import Path

from respool.deploy.checks.findings import Malformed, read_json

CONFIG = ".chalice/config.json"


def refuse_empty(stage: str) -> None:
    """Raise Malformed for a stage that was given and is empty: it stands for no other."""
    if not stage.strip():
        raise Malformed("--stage is given and empty. Name a stage, or leave the option out.")


def refuse_unknown(project: Path, stage: str) -> None:
    """Raise Malformed, naming those there are, for a stage that the project does not have."""
    refuse_empty(stage)
    names = sorted(read_json(project / CONFIG, CONFIG).get("stages", {}))
    if stage not in names:
        raise Malformed(
            f"{CONFIG} has no stage {stage!r}; it has {', '.join(names) or 'none'}."
            f' Name one of them, or add "{stage}" to its stages.'
        )
