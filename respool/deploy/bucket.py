"""Where CloudFormation reads a template: in the request, or in a bucket if it is too large."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.aws.calling import calling
from chalicelib.limits import TEMPLATE
from chalicelib.names import Names
from respool.deploy.checks.findings import DeployFailed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from chalicelib.aws.clients import Clients

SETTING = "TEMPLATE_BUCKET"


def in_request(body: str) -> dict[str, str]:
    """The template itself, as a parameter of the request."""
    return {"TemplateBody": body}


@dataclass(frozen=True)
class TemplateBucket:
    """The stage's bucket; each template has an object of its own, named by what is in it."""

    client: "Clients"
    names: Names
    bucket: str

    def source(self, body: str) -> dict[str, str]:
        """How a request names the template, which lies in the bucket then if it is too large.

        Raises DeployFailed where the bucket can't be used.
        """
        content = body.encode()
        if len(content) <= TEMPLATE:
            return in_request(body)
        s3 = self.client("s3")
        self._refuse(s3)
        key = f"{self.names.prefix}/{hashlib.sha256(content).hexdigest()}.json"
        with calling("PutObject", f"s3://{self.bucket}/{key}"):
            s3.put_object(
                Bucket=self.bucket,
                ExpectedBucketOwner=self.names.account,
                Key=key,
                Body=content,
                ContentType="application/json",
            )
        return {"TemplateURL": f"{s3.meta.endpoint_url}/{self.bucket}/{key}"}

    def _refuse(self, s3: "S3Client") -> None:
        try:
            answer = s3.head_bucket(Bucket=self.bucket, ExpectedBucketOwner=self.names.account)
        except ClientError as refused:  # which has no words, as an answer to HEAD has no body
            raise DeployFailed(self._why(str(refused.response["Error"]["Code"]))) from None
        region = answer.get("BucketRegion") or self.names.region
        if region != self.names.region:
            raise DeployFailed(
                f"The bucket {self.bucket} is in {region}, and the stage in {self.names.region}."
                f" Name one there in {SETTING}."
            )

    def _why(self, code: str) -> str:
        if code == "404":
            return (
                f"There is no bucket {self.bucket}. Make it by aws s3 mb s3://{self.bucket}"
                f" --region {self.names.region}, or name another one in {SETTING}."
            )
        return (
            f"S3 lets these credentials not use the bucket {self.bucket} ({code}): it has to be of"
            f" the account {self.names.account}, and they need s3:ListBucket on it, and"
            " s3:GetObject and s3:PutObject on what is in it."
        )
