"""The stage that a command acts on, with all that is needed to act on it."""

import json
import shlex
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from chalicelib.engines import Engines
from chalicelib.names import Names
from chalicelib.settings import Settings
from respool.deploy import ownership, policies, record, report, template, validating
from respool.deploy.account import Account
from respool.deploy.bucket import TemplateBucket
from respool.deploy.checks.findings import Malformed, read_text
from respool.deploy.checks.placing import placed
from respool.deploy.command import Command
from respool.deploy.deploying import Deploying
from respool.deploy.engines import engines_for
from respool.deploy.existing import is_there, look
from respool.deploy.gateway import Gateway
from respool.deploy.health import refuse_missing
from respool.deploy.patience import Patience
from respool.deploy.preflight import Checked, Source
from respool.deploy.retained import Retained
from respool.deploy.roles import Roles
from respool.deploy.stack import Stack
from respool.deploy.tasks import TaskSlots
from respool.deploy.trigger import Trigger

RENDERED = ".chalice/rendered"


def functions_of(app: Any) -> tuple[str, ...]:
    """The Lambdas that an app declares, by Chalice's names for them."""
    declared = [one.name for one in app.pure_lambda_functions]
    declared += [one.name for one in app.event_sources]
    declared += [one.name for one in app.builtin_auth_handlers]
    return (*declared, template.API_HANDLER) if app.routes else tuple(declared)


class Target:
    """One stage of one account, for one command; what it needs is made when it is needed."""

    def __init__(self, command: Command, app: Any) -> None:
        self._command = command
        self._account = Account(command.profile)
        self.source = Source(command.project, command.stage, _variables(command), functions_of(app))
        patience = Patience(time.monotonic, time.sleep, _progress)
        self._patience = patience

    def names(self) -> Names:
        """The stage's names. Raises DeployFailed without credentials."""
        return self._account.names(self.source.prefix)

    def values(self) -> Mapping[str, str]:
        """What the policies' placeholders are."""
        names = self.names()
        return {
            "Partition": names.partition,
            "Region": names.region,
            "Account": names.account,
            "Prefix": names.prefix,
        }

    def refuse_second(self) -> None:
        """Raise DeployFailed where a deploy would make a second API, or lose track of a first."""
        stage, names = self._command.stage, self.names()
        recorded = record.read(self._command.project, stage)
        ownership.refuse_elsewhere(recorded, names, stage)
        ownership.refuse_second(recorded, look(self._account.client, names), names, stage)

    def refuse_unknown(self) -> None:
        """Raise DeployFailed where a delete would leave what this checkout has not recorded."""
        stage, names = self._command.stage, self.names()
        recorded = record.read(self._command.project, stage)
        ownership.refuse_elsewhere(recorded, names, stage)
        ownership.refuse_unknown(recorded, look(self._account.client, names), names, stage)

    def forget_what_is_gone(self) -> None:
        """Take out of the record what exists no more: a delete of Chalice's would end there."""
        project, stage = self._command.project, self._command.stage
        entries = record.entries(project, stage)
        there = [one for one in entries if is_there(self._account.client, one)]
        if there != entries:
            record.write(project, stage, there)

    def refuse_another_regions(self) -> None:
        """Raise DeployFailed where the stage of that name is in another region."""
        roles = Roles(self._account.client("iam"), self.names())
        roles.refuse_another_regions(self.source.functions)

    def refuse_health(self, url: str) -> None:
        """Raise DeployFailed where HEALTH_URL names a Lambda that is not there."""
        refuse_missing(self._account.client("lambda"), self.names(), url)

    def validate(self, checked: Checked) -> str:
        """Have AWS itself judge the definition; returns a remark where it could not be asked.

        Raises Malformed with what AWS would refuse.
        """
        if self._account.endpoint:
            return ""  # no other AWS than Amazon's own is an authority
        definition = validating.filled(checked.template, self.names())
        try:
            problems = list(validating.findings(self._account.client("stepfunctions"), definition))
        except validating.NotAsked as refused:
            return f"AWS did not judge the definition beforehand: {refused}"
        if problems:
            name = checked.settings.state_machine
            text = read_text(self.source.project / name, name)
            raise Malformed.of(placed(name, text, checked.definition, one) for one in problems)
        return ""

    @property
    def stack(self) -> Stack:
        """The companion stack."""
        client = self._account.client("cloudformation")
        source = self.source
        return Stack(
            client, source.prefix, self._patience, source=lambda body: self.bucket.source(body)
        )

    @property
    def bucket(self) -> TemplateBucket:
        """The bucket for a large template. Raises DeployFailed without credentials."""
        chosen = Settings.read(self.source.environment).template_bucket
        return TemplateBucket(self._account.client, self.names(), chosen)

    @property
    def retained(self) -> Retained:
        """The queues and the table."""
        return Retained(self._account.client, self.names(), self.engines, self._patience)

    @property
    def task_slots(self) -> TaskSlots:
        """The slots of the stage's tasks."""
        engines = self.engines
        return TaskSlots(engines.world.line, engines.gates, engines.settings)

    @property
    def engines(self) -> Engines:
        """The stage's engines. Raises SettingsError."""
        settings = Settings.read(self.source.environment)
        return engines_for(self._account.client, self.names(), settings)

    @property
    def deploying(self) -> Deploying:
        """What deploys."""
        trigger = Trigger(self._account.client("lambda"), self._patience)
        return Deploying(self.stack, trigger, self.retained, self._options())

    def limit_api(self, settings: Settings) -> None:
        """Have API Gateway turn away what is more than the stage's settings let in."""
        if api := self._rest_api():
            stage = str(api["rest_api_url"]).rstrip("/").rpartition("/")[2]
            gateway = Gateway(self._account.client("apigateway"))
            gateway.limit(api["rest_api_id"], stage, settings.api_rate, settings.api_burst)

    def note_page(self) -> None:
        """Note where the page is, for the messages that lead to it."""
        if url := self._api_url():
            self.engines.world.incidents.note_page(f"{url.rstrip('/')}/")

    def note_machines(self, settings: Settings) -> None:
        """Note since when each listed machine is; one that is no longer listed begins again."""
        self.engines.world.listing.since(settings.machines, datetime.now(UTC))

    def render(self, checked: Checked, values: Mapping[str, str]) -> None:
        """Write the policies where config.json has Chalice look for them."""
        filled = {n: policies.rendered(one, values) for n, one in checked.policies.items()}
        for name, policy in filled.items():
            policies.refuse_large(name, policy)
        self.write_policies(filled)

    def write_policies(self, rendered: Mapping[str, Any]) -> None:
        """Write rendered policies where config.json has Chalice look for them."""
        folder = self._command.project / RENDERED
        folder.mkdir(parents=True, exist_ok=True)
        for name, policy in rendered.items():
            (folder / f"{name}.json").write_text(json.dumps(policy, indent=2) + "\n")

    def place(self) -> report.Place:
        """The account and region, in words."""
        return report.Place(
            self._command.stage, self.names(), self._api_url(), self._options(), self._profile()
        )

    def _options(self) -> str:
        return f"{self._profile()} --region {self._account.region}"

    def _profile(self) -> str:
        profile = self._account.profile
        return f" --profile {shlex.quote(profile)}" if profile else ""

    def _api_url(self) -> str:
        api = self._rest_api()
        if not api:
            return ""
        endpoint = self._account.endpoint
        elsewhere = f"{endpoint}/restapis/{api['rest_api_id']}/api/_user_request_"
        return elsewhere if endpoint else str(api["rest_api_url"])

    def _rest_api(self) -> Mapping[str, Any]:
        """What Chalice noted of the API that it deployed; empty where there is none."""
        record = self._command.project / ".chalice" / "deployed" / f"{self._command.stage}.json"
        resources = json.loads(record.read_text())["resources"] if record.exists() else []
        return next((one for one in resources if one["resource_type"] == "rest_api"), {})


def _variables(command: Command) -> Mapping[str, str]:
    """The stage's variables as the Lambdas get them: not this shell's, which they never see."""
    if command.context is None:
        return {}
    factory = command.context.find_root().obj["factory"]
    variables: Mapping[str, str] = factory.create_config_obj(command.stage).environment_variables
    return variables


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{text} ...\033[K\r", nl=False, err=True)
