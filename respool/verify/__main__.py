"""`make verify STAGE=dev`: says what it will do, asks, does it on a real account, and cleans up."""

import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import click
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import NotFound, RespoolError
from chalicelib.names import Names
from respool.deploy.stages import refuse_unknown
from respool.local.emulator import PROJECT
from respool.refusals import explain
from respool.session import chosen
from respool.verify.free import Free, definition_of, write
from respool.verify.own import (
    KEYS,
    OwnStage,
    clear,
    delete_logs,
    open_jobs,
    prefix_of,
    refuse_others,
)
from respool.verify.scenario import Scenario
from respool.verify.site import Pace, Site

if TYPE_CHECKING:
    import boto3

FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
PLAN = """\
This verifies respool on AWS: account {account}, region {region}.

  0. It asks AWS what it makes of the definition and of single states: free, nothing is made.
  1. It deploys this folder as a stage of its own, {stage}, with the settings of {like}.
     The stage {like} itself is not touched.
  2. It starts ten jobs there, whose keys begin with {keys}: they fail, wait, are put back,
     given up and aborted. If this folder's pipeline is your own, they run through that.
  3. It deletes the stage again, with its queues, table, alarms and logs.

It takes about ten minutes and costs under one cent.
"""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("stage")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--free", is_flag=True, help="Only ask what is free and makes nothing.")
@click.option("--record", type=FILE, help="Write what AWS did there, as facts to be sent in.")
def verify(stage: str, yes: bool, free: bool, record: Path | None) -> None:
    """Verify the project on a real account, with the settings of that STAGE."""
    refuse_unknown(PROJECT, stage)
    session = chosen()
    own = OwnStage(stage, PROJECT / "build" / "verify" / stage)
    arn = session.client("sts").get_caller_identity()["Arn"]
    names = Names.of_caller(prefix_of(own), arn, session.region_name)
    site = Site(session, own.name, Pace(lambda: time.sleep(2)))
    if own.recorded:
        click.echo(f"Deleting {own.name}, which an interrupted run has left.")
        _clean_up(own, site, session)
        raise click.ClickException("now run it again; AWS wants a minute in between")
    if _is_deployed(site):
        raise click.ClickException(f"stage {own.name} is deployed, and not by make verify here")
    facts = {"account": names.account, "region": names.region, "stage": own.name, "like": stage}
    click.echo(PLAN.format(keys=KEYS, **facts))
    if not (yes or free):
        click.confirm("Go on?", abort=True)
    _ask(Free(session.client("stepfunctions"), click.echo), stage, names, record)
    if free:
        return
    _verify(own, site, session)


def _ask(free: Free, stage: str, names: Names, record: Path | None) -> None:
    """What is free comes first. Raises ClickException where AWS does not do as it must."""
    seen = free.run(definition_of(PROJECT, stage, names))
    if record and seen:
        write(record, seen, names.region)
        click.echo(f"{record} has what AWS did, without names or ids: please send it in.")
    if free.wrong:
        raise click.ClickException("AWS does otherwise:\n" + "\n".join(free.wrong))


def _is_deployed(site: Site) -> bool:
    try:
        site.account.stage()
    except NotFound:
        return False
    return True


def _verify(own: OwnStage, site: Site, session: "boto3.Session") -> None:
    try:
        own.deploy(PROJECT)
        refuse_others(open_jobs(site.engines))
        Scenario(site, f"{KEYS}{uuid.uuid4().hex[:8]}-", click.echo).run()
        click.echo("Everything is as it should be. Cleaning up ...")
    except BaseException as wrong:
        click.echo(f"It is NOT as it should be: {wrong}. Cleaning up ...", err=True)
        raise
    finally:
        if own.recorded:
            _clean_up(own, site, session)


def _clean_up(own: OwnStage, site: Site, session: "boto3.Session") -> None:
    """Delete the stage; where it holds somebody's jobs after all, raise NotOurs."""
    if _is_deployed(site):
        refuse_others(open_jobs(site.engines))
        clear(site.engines, session)
        site.wait(lambda: site.engines.world.spool.depth() == 0, "the spool to be empty")
    own.delete()
    delete_logs(prefix_of(own), session)
    click.echo(f"Stage {own.name} is deleted; nothing is left of it.")


def main() -> int:
    """Run it; 0 only if everything was as it should be and nothing is left."""
    try:
        verify.main(prog_name="make verify", standalone_mode=False)
    except (RespoolError, ClientError, BotoCoreError, AssertionError, OSError) as wrong:
        click.echo(f"make verify: {explain(wrong).text}", err=True)
        return 1
    except click.ClickException as wrong:
        wrong.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("Nothing more is done.", err=True)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
