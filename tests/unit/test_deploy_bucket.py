"""A template too large for a request lies in a bucket of the account; any other goes by itself."""

import json

import pytest
from botocore.exceptions import ClientError

from chalicelib.errors import AwsError
from chalicelib.limits import TEMPLATE
from chalicelib.names import Names
from respool.deploy.bucket import TemplateBucket
from respool.deploy.checks.findings import DeployFailed
from respool.deploy.stack import Stack
from tests.fakes.stand_in import stand_in
from tests.unit.fake_cloudformation import Clock, FakeCloudFormation

NAMES = Names("respool-dev", "aws", "eu-west-1", "123456789012")
LARGE = json.dumps({"Resources": {"Machine": {"Type": "x" * TEMPLATE}}})


class FakeS3:
    """Buckets by name, each with its owner and region, and what lies in them."""

    def __init__(self, **buckets: tuple[str, str]) -> None:
        self.buckets = buckets
        self.objects: dict[str, bytes] = {}
        self.full = False
        self.meta = type("Meta", (), {"endpoint_url": "https://s3.eu-west-1.amazonaws.com"})

    def head_bucket(self, Bucket: str, ExpectedBucketOwner: str) -> dict[str, str]:
        if Bucket not in self.buckets:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadBucket")
        owner, region = self.buckets[Bucket]
        if owner != ExpectedBucketOwner:
            raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadBucket")
        return {"BucketRegion": region}

    def put_object(self, Bucket: str, Key: str, Body: bytes, **_: str) -> None:
        if self.full:
            raise ClientError(
                {"Error": {"Code": "AccessDenied", "Message": "no s3:PutObject"}}, "PutObject"
            )
        self.objects[f"{Bucket}/{Key}"] = Body


def bucket(s3: FakeS3, name: str = "ours") -> TemplateBucket:
    return TemplateBucket(stand_in(lambda _: s3), NAMES, name)


@pytest.fixture
def s3() -> FakeS3:
    return FakeS3(
        ours=(NAMES.account, "eu-west-1"),
        far=(NAMES.account, "us-east-1"),
        theirs=("999999999999", "eu-west-1"),
    )


def test_a_template_that_fits_goes_in_the_request_and_touches_no_bucket(s3: FakeS3) -> None:
    assert bucket(s3, "").source("{}") == {"TemplateBody": "{}"}
    assert s3.objects == {}


def test_a_large_one_lies_in_the_bucket_under_a_name_of_its_own(s3: FakeS3) -> None:
    (one,) = bucket(s3).source(LARGE).values()
    (other,) = bucket(s3).source(LARGE + " ").values()

    assert one.startswith("https://s3.eu-west-1.amazonaws.com/ours/respool-dev/")
    assert one != other
    assert s3.objects[one.split("/", 3)[3]].decode() == LARGE
    assert bucket(s3).source(LARGE) == {"TemplateURL": one}
    assert len(s3.objects) == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "There is no bucket none. Make it by aws s3 mb s3://none --region eu-west-1"),
        ("theirs", "has to be of the account 123456789012"),
        ("far", "is in us-east-1, and the stage in eu-west-1"),
    ],
)
def test_a_bucket_that_cannot_be_used_is_told_before_anything_lies_there(
    s3: FakeS3, name: str, message: str
) -> None:
    with pytest.raises(DeployFailed, match=message):
        bucket(s3, name).source(LARGE)
    assert s3.objects == {}


def test_what_s3_refuses_is_told(s3: FakeS3) -> None:
    s3.full = True
    with pytest.raises(AwsError, match="no s3:PutObject"):
        bucket(s3).source(LARGE)


def test_a_stack_is_made_of_what_lies_in_the_bucket(s3: FakeS3) -> None:
    cloud = FakeCloudFormation(stored=s3.objects)
    stack = Stack(stand_in(cloud), "respool-dev", Clock().patience, source=bucket(s3).source)

    assert stack.create(LARGE, {}) == ["Machine"]
    assert cloud.body == json.loads(LARGE)
