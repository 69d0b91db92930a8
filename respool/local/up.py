"""`make up`: a deployed stage on the local AWS, with jobs in its spool, until Ctrl-C."""

import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Mapping

from rich.console import Console

from chalicelib.errors import RespoolError
from respool.local.demo import deployed_stage
from respool.local.deployment import Deployment
from respool.local.emulator import LocalAws
from respool.local.environment import exports
from respool.local.screen import Screen
from respool.local.script import Script

SAMPLE = "{jobs} jobs wait in its spool, and the service is well again."
OWN = """Its machine is {machine}, and no job was started: start one with an input of yours by

  .venv/bin/respool submit '{{"key": "12345"}}' --stage local

once the lines below are exported. What calls ${{UncertainTask}} fails after the last command."""
INVITATION = """
[bold]The stage is up.[/] {about}

  page     {page}
  API      {api}
  token    {token}

The page asks for the token. Put two jobs back on it, or by

  curl -X POST -H 'Authorization: Bearer {token}' '{api}/replay?max=2'

To use it with `.venv/bin/respool status --stage local`, the AWS CLI or an SDK, in another shell:

{exports}

There, in this folder, the service goes down again by

  .venv/bin/python -m respool.local.function uncertain_task BEHAVIOR=NG

Ctrl-C ends it, and nothing is left of it.
"""


def main() -> int:
    """Deploy, let some jobs fail, say how to go on, and stay."""
    console = Console(highlight=False, soft_wrap=True)
    screen = Screen(console)
    ended = threading.Event()
    try:
        with deployed_stage(screen) as (aws, deployment):
            about = _begin(deployment, screen)
            screen.show(_invitation(aws, deployment, about))
            if console.is_terminal and has_desktop(os.environ):
                webbrowser.open(page_of(deployment))
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, lambda *_: ended.set())
            while not ended.wait(1):
                aws.check()
    except RespoolError as failure:
        console.print(f"\n[bold red]It failed.[/] {failure}")
        return 1
    except KeyboardInterrupt:
        console.print("\nEnded.")
    return 0


def own_machine(settings: Mapping[str, str]) -> str:
    """The file of the stage's own machine, where that is not the sample's."""
    named = settings.get("STATE_MACHINE", "")
    return named or ("statemachine.json" if "UNCERTAIN_TASKS" in settings else "")


def _begin(deployment: Deployment, screen: Screen) -> str:
    """Let jobs of the sample fail, for which only we know an input; says what there is to see."""
    if machine := own_machine(deployment.project.settings()):
        return OWN.format(machine=machine)
    Script(deployment, screen, []).fail()
    deployment.set_behavior("OK")
    return SAMPLE.format(jobs=deployment.spool_depth())


def page_of(deployment: Deployment) -> str:
    """The page's address, which bears no token."""
    return f"{deployment.api_url}/"


def has_desktop(environ: Mapping[str, str]) -> bool:
    """Whether a browser has somewhere to appear; in a bare terminal it would take that over."""
    return sys.platform == "darwin" or bool(
        environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")
    )


def _invitation(aws: LocalAws, deployment: Deployment, about: str) -> str:
    return INVITATION.format(
        about=about,
        page=page_of(deployment),
        api=deployment.api_url,
        token=deployment.token,
        exports=exports(aws.endpoint),
    )


if __name__ == "__main__":
    sys.exit(main())
