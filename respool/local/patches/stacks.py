"""CloudFormation: properties that the emulator passes over."""

import json
from typing import Any

from ministack.services import secretsmanager
from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]


def disabled_mappings_are_disabled() -> None:
    """AWS: an AWS::Lambda::EventSourceMapping with `Enabled: false` is made disabled."""
    original = provisioners._lambda_esm_create

    def create(name: str, properties: Properties, stack: str) -> Any:
        enabled = str(properties.get("Enabled", True)).lower() == "true"
        identity, attributes = original(name, {**properties, "Enabled": enabled}, stack)
        mapping = provisioners._lambda_svc._esms[identity]
        mapping["State"] = "Enabled" if enabled else "Disabled"
        return identity, attributes

    provisioners._lambda_esm_create = create
    provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]["create"] = create


def generated_secrets_follow_their_rules() -> None:
    """AWS: GenerateSecretString makes what GetRandomPassword makes of the same properties."""
    original = provisioners._sm_secret_string

    def generate(properties: Properties) -> str:
        rules = properties.get("GenerateSecretString")
        if not rules or properties.get("SecretString"):
            return str(original(properties))
        status, _, body = secretsmanager._get_random_password(rules)
        if status != 200:
            raise ValueError(f"GenerateSecretString was refused: {body!r}")
        password = json.loads(body)["RandomPassword"]
        template = rules.get("SecretStringTemplate")
        if not template:
            return str(password)
        return json.dumps({**json.loads(template), rules["GenerateStringKey"]: password})

    provisioners._sm_secret_string = generate


def alarms_may_compute() -> None:
    """AWS: an AWS::CloudWatch::Alarm may watch an expression; here it watches the first metric."""
    original = provisioners._cw_metric_alarm_record

    def record(name: str, properties: Properties) -> Any:
        stats = [
            one["MetricStat"] for one in properties.get("Metrics") or [] if "MetricStat" in one
        ]
        if not stats:
            return original(name, properties)
        plain = {field: value for field, value in properties.items() if field != "Metrics"}
        period = {"Period": stats[0]["Period"], "Statistic": stats[0]["Stat"]}
        return original(name, {**plain, **stats[0]["Metric"], **period})

    provisioners._cw_metric_alarm_record = record
