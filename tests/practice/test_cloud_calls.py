"""What the cloud is asked for, call by call, without a cloud."""

import hashlib
from unittest.mock import MagicMock

import pytest

from nncourse.practice import cloud


@pytest.fixture
def aws(monkeypatch):
    """One client for all; nothing exists there, and the endpoint then serves what it is told."""
    client = MagicMock()
    client.get_paginator.return_value.paginate.return_value = []
    client.describe_endpoint.side_effect = lambda EndpointName: {
        "EndpointConfigName": client.create_endpoint.call_args.kwargs["EndpointConfigName"]
    }
    monkeypatch.setattr(cloud, "_client", lambda service: client)
    return client


@pytest.mark.parametrize(
    ("options", "instance", "count"),
    [({}, "ml.m5.large", 1), ({"instance": "ml.c5.xlarge", "count": 3}, "ml.c5.xlarge", 3)],
)
def test_one_machine_of_the_usual_kind_unless_told(aws, options, instance, count):
    made = cloud.deploy("digits", "v1", "s3://b/k", image="i", role="r", **options)
    assert made == "created" and not aws.update_endpoint.called
    (variant,) = aws.create_endpoint_config.call_args.kwargs["ProductionVariants"]
    model = aws.create_model.call_args.kwargs["ModelName"]
    assert model.startswith("digits-v1") and variant == {
        "VariantName": "v-v1", "ModelName": model, "InstanceType": instance,
        "InitialInstanceCount": count,
    }  # fmt: skip
    container = aws.create_model.call_args.kwargs["PrimaryContainer"]
    assert container == {"Image": "i", "ModelDataUrl": "s3://b/k"}


def test_a_version_is_the_first_twelve_digits_of_a_checksum(aws):
    version, address = cloud.upload("bucket", "digits", b"a model")
    assert version == hashlib.sha256(b"a model").hexdigest()[:12]
    assert address == f"s3://bucket/digits/{version}/model.tar.gz"
    asked = aws.put_object.call_args.kwargs
    assert (asked["Bucket"], f"s3://bucket/{asked['Key']}") == ("bucket", address)
    assert asked["Body"] == cloud.pack(b"a model") or len(asked["Body"]) > 100


def test_any_version_is_found_again(aws):
    """Whoever names versions by hand may deploy one twice, and delete it; neighbors stay."""
    cloud.deploy("one", "v1", "s3://b/k", image="i", role="r")
    made = aws.create_model.call_args.kwargs["ModelName"]
    found = [{"Models": [{"ModelName": name} for name in (made, made.replace("one", "one-more"))]}]
    aws.get_paginator.return_value.paginate.return_value = found
    assert cloud._names("model", "one") == [made]
