"""`make demo`: the whole loop, on the local AWS, with everything as `chalice deploy` deploys it."""

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from chalicelib.errors import RespoolError
from respool.local.deployment import Deployment
from respool.local.emulator import PROJECT, LocalAws, local_aws
from respool.local.picture import NotTaken, take
from respool.local.project import project_copy
from respool.local.screen import Screen, performed
from respool.local.script import Script

WAIT_SCALE = 1.0  # so that the retry after 5 s takes 5 s
DEPLOY_TIMEOUT = 240
LINES = 15
SAMPLE = {"STATE_MACHINE": "statemachine.json", "UNCERTAIN_TASKS": "UncertainTask"}
"""The machine that the script knows, whichever one the stage has."""
PICTURE = PROJECT / "build" / "page.png"


def end_by_signals() -> None:
    """Have signals end the process as errors do, so that nothing is left behind."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: sys.exit(128 + got))


@contextmanager
def deployed_stage(
    screen: Screen, settings: Mapping[str, str] | None = None
) -> Iterator[tuple[LocalAws, Deployment]]:
    """Start a local AWS and deploy a copy of this project to it, showing the progress."""
    end_by_signals()
    screen.chapter("A local AWS, and chalice deploy --stage local")
    with local_aws(wait_scale=WAIT_SCALE) as aws, project_copy(aws.endpoint) as copy:
        copy.change_settings(settings or {})
        output = screen.work(copy.deploy, "the deployment", DEPLOY_TIMEOUT)
        screen.show(output.rstrip())
        deployment = Deployment(copy)
        try:
            yield aws, deployment
        except RespoolError:
            screen.show(
                "\nThe last lines that the functions logged:", *deployment.logged()[-LINES:]
            )
            raise


def show_the_page(deployment: Deployment, screen: Screen, path: Path) -> None:
    """Take a picture of the page as it stands; a machine without Chromium does without."""
    try:
        take(f"{deployment.api_url}/", deployment.token, path)
        screen.show(f"The page for the person with the button shows the same; its picture: {path}")
    except NotTaken as reason:
        screen.show(f"The page for the person with the button is not pictured: {reason}")


def main() -> int:
    """Play the script; 0 only if every job finished exactly once with its own output."""
    return performed(_play)


def _play(screen: Screen) -> None:
    with deployed_stage(screen, SAMPLE) as (_, deployment):
        script = Script(deployment, screen, [])
        script.fail()
        script.look_at_the_spool()
        script.tell()
        show_the_page(deployment, screen, PICTURE)
        script.recover()
        script.replay_some()
        script.replay_the_rest()
        script.check()


if __name__ == "__main__":
    sys.exit(main())
