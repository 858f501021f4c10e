"""The boto3 calls against an emulated control plane, and a data plane that runs the real server."""

import inspect
import os
import re
import threading

import numpy as np
import pytest

import nncourse as nn
from nncourse.practice import cloud
from nncourse.practice.gateway import LocalCloud

pytest.importorskip("moto")
botocore = pytest.importorskip("botocore")
PLACE = {"image": "registry/nncourse:1", "role": "arn:aws:iam::123456789012:role/serving"}


@pytest.fixture(scope="module")
def here():
    import boto3

    with LocalCloud() as cloud:
        boto3.client("s3").create_bucket(Bucket="digits")
        yield cloud


def network(seed):
    return nn.Sequential(nn.Dense(4, 8, rng=seed), nn.ReLU(), nn.Dense(8, 3, rng=seed + 1))


def put(endpoint, model):
    version, data = cloud.upload("digits", endpoint, nn.export.to_onnx(model, (4,)))
    return version, cloud.deploy(endpoint, version, data, **PLACE)


def test_an_endpoint_from_nothing_to_nothing(here, x):
    first, second = network(0), network(5)
    assert cloud.left("life", "digits") == []
    version, what = put("life", first)
    assert what == "created" and len(cloud.left("life", "digits")) == 4
    y, variant = cloud.invoke("life", x)
    assert variant == f"v-{version}"
    np.testing.assert_allclose(y, first(x), atol=1e-5)
    assert put("life", second)[1] == "updated"
    assert put("life", second)[1] == "updated"  # a second time: nothing is made twice
    assert len(cloud.left("life", "digits")) == 7
    gone = cloud.delete("life", "digits")
    assert gone[0] == "endpoint life" and sorted(gone) == sorted(set(gone)) and len(gone) == 7
    assert cloud.left("life", "digits") == [] == cloud.delete("life", "digits")
    with pytest.raises(botocore.exceptions.ClientError, match="no such endpoint"):
        cloud.invoke("life", x)


def test_an_update_loses_no_request(here, x):
    """Requests go on all the time: each is answered by the old version or by the new one."""
    models = {f"v-{put('swap', network(seed))[0]}": network(seed) for seed in (0,)}
    answers, done = [], threading.Event()

    def keep_asking():
        while not done.is_set():
            answers.append(cloud.invoke("swap", x))

    thread = threading.Thread(target=keep_asking)
    thread.start()
    version, _ = put("swap", network(7))
    models[f"v-{version}"] = network(7)
    for _ in range(2000):
        if answers and answers[-1][1] == f"v-{version}":
            break
        thread.join(0.02)
    done.set()
    thread.join()
    seen = [variant for _, variant in answers]
    assert seen == sorted(seen, key=list(models).index) and set(seen) == set(models)
    for y, variant in answers:
        np.testing.assert_allclose(y, models[variant](x), atol=1e-5)
    cloud.delete("swap", "digits")


def test_what_the_model_refuses_comes_back_with_its_reason(here):
    put("refuses", network(0))
    with pytest.raises(botocore.exceptions.ClientError) as error:
        cloud.invoke("refuses", np.ones((1, 5), np.float32))
    assert error.value.response["Error"]["Code"] == "ModelError"
    assert error.value.response["OriginalStatusCode"] == 422
    assert "5 instead of 4" in error.value.response["OriginalMessage"]
    cloud.delete("refuses", "digits")


def test_an_endpoint_leaves_its_neighbors_alone(here, x):
    put("one", network(0))
    put("one-more", network(1))
    assert all("more" not in name for name in cloud.delete("one", "digits"))
    cloud.invoke("one-more", x)
    cloud.delete("one-more", "digits")


def test_the_script_does_not_know_where_it_runs():
    """No address, no account and no branch: the environment alone decides."""
    code = re.sub(r'""".*?"""', "", inspect.getsource(cloud), flags=re.S)
    for word in ("localhost", "127.0.0.1", "moto", "environ", "endpoint_url", "http", "local"):
        assert word not in code.lower(), word


def test_the_environment_is_as_before(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "mine")
    before = dict(os.environ)
    with LocalCloud() as cloud:
        assert "AWS_PROFILE" not in os.environ
        assert all("127.0.0.1" in cloud.environment[k] for k in cloud.environment if "URL" in k)
    assert dict(os.environ) == before


def test_nothing_is_left_running(here, x):
    put("ends", network(0))
    cloud.invoke("ends", x)
    process = here._data.running["ends"][2].process
    cloud.delete("ends", "digits")
    with pytest.raises(botocore.exceptions.ClientError):
        cloud.invoke("ends", x)
    assert process.poll() is not None
