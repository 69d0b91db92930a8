"""The functions' roles: Chalice names them by stage, IAM knows no regions, and stages have one.

So a stage of one name can't be in two regions of an account: the second deploy would write its own
policies over those of the first, silently, and a delete of either would take the roles of both.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.calling import calling
from chalicelib.names import Names
from respool.deploy.checks.findings import DeployFailed
from respool.deploy.definition import strings

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class Roles:
    """The roles that Chalice makes for one stage."""

    def __init__(self, client: "IAMClient", names: Names) -> None:
        self._client = client
        self._names = names

    def refuse_another_regions(self, functions: Iterable[str]) -> None:
        """Raise DeployFailed where they are there and serve the stage in another region."""
        here = self._names.region
        for function in functions:
            role = f"{self._names.prefix}-{function}"
            regions = set(_regions(self._policy(role)))
            if regions and here not in regions:
                other = ", ".join(sorted(regions))
                stage = self._names.prefix.partition("-")[2]
                raise DeployFailed(
                    f"The stage {stage} of this account is in {other}: its role {role} serves it"
                    f" there, and IAM has one role of a name for all regions. To act on that one,"
                    f" name its region (AWS_DEFAULT_REGION={other}, or the profile's). To have one"
                    f" in {here} as well, give it another name, such as {stage}-{here}."
                )

    def _policy(self, role: str) -> Any:
        """What Chalice lets the role do; None where there is no such role."""
        try:
            answer = self._client.get_role_policy(RoleName=role, PolicyName=role)
        except ClientError as refused:
            if refused.response["Error"]["Code"] == "NoSuchEntity":
                return None
            with calling("GetRolePolicy", role):
                raise
        return answer["PolicyDocument"]


def _regions(document: Any) -> Iterator[str]:
    """The regions that a policy's resources name."""
    for text in strings(document):
        parts = text.split(":")
        if parts[0] == "arn" and len(parts) > 5 and parts[3] not in ("", "*"):
            yield parts[3]
