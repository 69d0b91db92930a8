"""The deployed API takes no more requests than the stage's settings let in."""

from pathlib import Path
from typing import Any

from chalicelib.settings import Settings
from respool.deploy.gateway import Gateway
from tests.fakes.stand_in import stand_in

PROJECT = Path(__file__).resolve().parents[2]


class Stages:
    """API Gateway's stages, as far as their throttling goes."""

    def __init__(self) -> None:
        self.throttling: dict[str, str] = {}
        self.updates = 0

    def get_stage(self, **_: Any) -> dict[str, Any]:
        if not self.throttling:
            return {}
        rate, burst = self.throttling["rateLimit"], self.throttling["burstLimit"]
        limits = {"throttlingRateLimit": float(rate), "throttlingBurstLimit": int(burst)}
        return {"methodSettings": {"*/*": limits}}

    def update_stage(self, patchOperations: list[dict[str, str]], **_: Any) -> None:
        self.updates += 1
        for change in patchOperations:
            assert change["op"] == "replace"
            place, name = change["path"].rsplit("/", 1)
            assert place == "/*/*/throttling"
            self.throttling[name] = change["value"]


def test_every_method_takes_as_many_requests_as_the_settings_say() -> None:
    stages = Stages()

    assert Gateway(stand_in(stages)).limit("abc", "api", 20, 100)
    assert stages.throttling == {"rateLimit": "20", "burstLimit": "100"}


def test_a_second_deploy_changes_nothing_and_other_settings_do() -> None:
    stages = Stages()
    gateway = Gateway(stand_in(stages))
    gateway.limit("abc", "api", 20, 100)

    assert not gateway.limit("abc", "api", 20, 100)
    assert stages.updates == 1
    assert gateway.limit("abc", "api", 5, 100)
    assert stages.throttling["rateLimit"] == "5"


def test_the_page_on_security_names_the_limits_that_are_the_default() -> None:
    text = (PROJECT / "docs/security.md").read_text(encoding="utf-8")

    assert f"`API_RATE` requests per second ({Settings().api_rate})" in text
    assert f"`API_BURST` at once ({Settings().api_burst})" in text
