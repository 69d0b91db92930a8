"""Whether a checkout may deploy or delete a stage: its record against what exists in the account.

Decides and touches nothing. docs/deployed.md says where a team keeps the record.
"""

from chalicelib.names import Names
from respool.deploy.checks.findings import DeployFailed
from respool.deploy.existing import Existing
from respool.deploy.record import Recorded, name_of


def refuse_elsewhere(recorded: Recorded, names: Names, stage: str) -> None:
    """Raise DeployFailed where the record is of another account or region than these."""
    others = recorded.places - {(names.account, names.region)}
    if others:
        account, region = sorted(others)[0]
        raise DeployFailed(
            f"{name_of(stage)} says that this checkout deployed the stage {stage} in {region} of"
            f" account {account}; these are {names.region} and {names.account}. Choose that region"
            " and account, or another stage. If that one is gone, or its record kept elsewhere,"
            " move the file away."
        )


def refuse_second(recorded: Recorded, existing: Existing, names: Names, stage: str) -> None:
    """Raise DeployFailed where a deploy would make a second API beside one that it knows not of."""
    if missing := sorted(set(existing.apis) - recorded.apis):
        raise DeployFailed(
            f"{names.prefix} is deployed already in {names.region} of account {names.account}, with"
            f" the API {', '.join(missing)}, of which {name_of(stage)} here does not know: a deploy"
            f" would make a second one. {_remedy(stage)}"
        )


def refuse_unknown(recorded: Recorded, existing: Existing, names: Names, stage: str) -> None:
    """Raise DeployFailed where a delete would leave what the record does not name."""
    functions = sorted(set(existing.functions) - recorded.functions)
    apis = sorted(set(existing.apis) - recorded.apis)
    if functions or apis:
        left = [arn.rpartition(":")[2] for arn in functions] + [f"the API {api}" for api in apis]
        raise DeployFailed(
            f"{names.prefix} has what {name_of(stage)} here does not know of, and a delete would"
            f" leave: {', '.join(left)}. {_remedy(stage)}"
        )


def _remedy(stage: str) -> str:
    return (
        "Bring that file from the checkout that deployed the stage, or write it again from what"
        f" exists: make record STAGE={stage} (docs/deployed.md)"
    )
