"""The boto3 calls against an emulated control plane, and a data plane that runs the real server."""

import inspect
import io
import os
import re
import socket
import threading
from types import SimpleNamespace

import numpy as np
import pytest

import nncourse as nn
from nncourse.practice import cloud, gateway
from nncourse.practice.bodies import LITERALS
from nncourse.practice.gateway import LocalCloud

pytest.importorskip("moto")
botocore = pytest.importorskip("botocore.session") and pytest.importorskip("botocore")
PLACE = {"image": "registry/nncourse:1", "role": "arn:aws:iam::123456789012:role/serving"}


@pytest.fixture(scope="module")
def here():
    import boto3

    with LocalCloud() as cloud:
        boto3.client("s3").create_bucket(Bucket="digits")
        yield cloud


def network(seed):
    return nn.Sequential(nn.Dense(4, 8, rng=seed), nn.ReLU(), nn.Dense(8, 3, rng=seed + 1))


def as_npy(x):
    file = io.BytesIO()
    np.save(file, x, allow_pickle=False)
    return {"ContentType": "application/x-npy", "Accept": "application/x-npy"} | {
        "Body": file.getvalue()
    }


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
    process = here._data.running["life"][2].process
    gone = cloud.delete("life", "digits")
    assert gone[0] == "endpoint life" and sorted(gone) == sorted(set(gone)) and len(gone) == 7
    assert cloud.left("life", "digits") == [] == cloud.delete("life", "digits")
    with pytest.raises(botocore.exceptions.ClientError, match="no such endpoint"):
        cloud.invoke("life", x)
    assert process.wait(600) is not None


def test_the_same_version_moves_to_another_place(here, x):
    """Another machine, more of them, a mended image: none of it is in the version's hash."""
    import boto3

    books = boto3.client("sagemaker")
    version, _ = put("moves", network(0))
    version, data = cloud.upload("digits", "moves", nn.export.to_onnx(network(0), (4,)))
    place = {"instance": "ml.m5.large", "count": 1} | PLACE
    others = {
        "instance": "ml.c5.large",
        "count": 2,
        "image": "mended:2",
        "role": f"{place['role']}2",
    }
    for name, other in 2 * [*others.items()]:  # a second time, nothing is made twice
        place[name] = other
        assert cloud.deploy("moves", version, data, **place) == "updated"
        config = books.describe_endpoint(EndpointName="moves")["EndpointConfigName"]
        config = books.describe_endpoint_config(EndpointConfigName=config)
        [variant] = config["ProductionVariants"]
        model = books.describe_model(ModelName=variant["ModelName"])
        assert place == {
            "instance": variant["InstanceType"],
            "count": variant["InitialInstanceCount"],
            "image": model["PrimaryContainer"]["Image"],
            "role": model["ExecutionRoleArn"],
        }
    y, served = cloud.invoke("moves", x)
    assert served == f"v-{version}"
    np.testing.assert_allclose(y, network(0)(x), atol=1e-5)
    kinds = [name.split()[0] for name in cloud.delete("moves", "digits")]
    assert (kinds.count("endpoint_config"), kinds.count("model"), kinds.count("object")) == (
        5,
        3,
        1,
    )
    assert cloud.left("moves", "digits") == []


def test_an_update_loses_no_request(here, x):
    """Four clients ask all the time, none tries twice: each answer is the old version's or new."""
    models = {f"v-{put('swap', network(0))[0]}": network(0)}
    logs, done = [[] for _ in range(4)], threading.Event()
    settings = botocore.config.Config(retries={"total_max_attempts": 1})
    runtime = botocore.session.get_session().create_client("sagemaker-runtime", config=settings)

    def keep_asking(log):
        while not done.is_set():
            try:
                answer = runtime.invoke_endpoint(EndpointName="swap", **as_npy(x))
            except Exception as error:  # a lost request; the log tells
                log.append((None, repr(error)))
            else:
                log.append((answer["Body"].read(), answer["InvokedProductionVariant"]))

    threads = [threading.Thread(target=keep_asking, args=(log,)) for log in logs]
    for thread in threads:
        thread.start()
    version, _ = put("swap", network(7))
    models[f"v-{version}"] = network(7)
    for _ in range(60_000):
        if all(log and log[-1][1] == f"v-{version}" for log in logs):
            break
        threads[0].join(0.02)
    done.set()
    for thread in threads:
        thread.join()
    for log in logs:  # no client sees the old version again
        seen = [variant for _, variant in log]
        assert set(seen) == set(models), set(seen) - set(models)
        assert seen == sorted(seen, key=list(models).index)
        for file, variant in log:
            y = np.load(io.BytesIO(file))
            np.testing.assert_allclose(y, models[variant](x), atol=1e-5)
    cloud.delete("swap", "digits")


def test_the_old_version_answers_before_it_is_stopped(here, x):
    """A request that was handed to a server is waited for; a version that runs is not started."""
    put("drains", network(0))
    gateway = here._data
    _, server = gateway.find("drains")  # as a request does, and then takes its time
    gateway.find("drains")
    version, _ = put("drains", network(7))
    now = gateway.running["drains"]
    assert cloud.invoke("drains", x)[1] == f"v-{version}"
    gateway.answered(server)
    assert gateway.asking[server] == 1 and server.process.poll() is None
    gateway.answered(server)
    assert server.process.wait(600) is not None
    put("drains", network(7))
    assert gateway.running["drains"] is now
    cloud.delete("drains", "digits")


def test_a_client_reads_one_header_at_a_time(monkeypatch, x):
    """As the server does: test_threads_of_different_depth_read_headers_side_by_side says why."""
    load, locked = np.load, []

    def watched(*arguments, **options):
        locked.append(LITERALS.locked())
        return load(*arguments, **options)

    monkeypatch.setattr(np, "load", watched)
    answer = {"Body": io.BytesIO(as_npy(x)["Body"]), "InvokedProductionVariant": "v-1"}
    client = SimpleNamespace(invoke_endpoint=lambda **_: answer)
    monkeypatch.setattr(cloud, "_client", lambda service: client)
    y, variant = cloud.invoke("any", x)
    assert locked == [True] and not LITERALS.locked()
    assert np.array_equal(y, x) and variant == "v-1"


def test_a_version_that_does_not_start_leaves_the_old_one(here, x):
    """As the service does: whoever deploys is told, and the next update is made as ever."""
    import boto3

    old, _ = put("stays", network(0))
    version, data = cloud.upload("digits", "stays", b"no model")
    said = f"stays serves stays-{old}-.{{6}}, not stays-{version}-.{{6}}: the server did not start"
    with pytest.raises(RuntimeError, match=said):
        cloud.deploy("stays", version, data, **PLACE)
    books = boto3.client("sagemaker").describe_endpoint(EndpointName="stays")
    assert books["EndpointConfigName"].startswith(f"stays-{old}-")
    assert books["EndpointStatus"] == "InService" and "did not start" in books["FailureReason"]
    assert cloud.invoke("stays", x)[1] == f"v-{old}"
    new, what = put("stays", network(7))
    books = boto3.client("sagemaker").describe_endpoint(EndpointName="stays")
    assert what == "updated" and "FailureReason" not in books
    assert books["ProductionVariants"][0]["VariantName"] == f"v-{new}"
    assert cloud.invoke("stays", x)[1] == f"v-{new}"
    cloud.delete("stays", "digits")


def test_a_first_version_that_does_not_start_says_why(here, x):
    """The endpoint exists, is called failed, and can only be deleted, as with Amazon."""
    version, data = cloud.upload("digits", "never", b"no model")
    with pytest.raises(botocore.exceptions.WaiterError) as error:
        cloud.deploy("never", version, data, **PLACE)
    assert error.value.last_response["EndpointStatus"] == "Failed"
    assert "the server did not start" in error.value.last_response["FailureReason"]
    with pytest.raises(botocore.exceptions.ClientError, match="no such endpoint"):
        cloud.invoke("never", x)
    with pytest.raises(botocore.exceptions.ClientError, match="can only be deleted"):
        put("never", network(0))
    cloud.delete("never", "digits")
    good, what = put("never", network(0))
    assert what == "created" and cloud.invoke("never", x)[1] == f"v-{good}"
    cloud.delete("never", "digits")


def test_a_model_that_unpacks_to_too_much_is_refused(here, monkeypatch):
    monkeypatch.setattr(gateway, "LARGEST", 9)
    version, data = cloud.upload("digits", "large", b"ten bytes.")
    with pytest.raises(botocore.exceptions.WaiterError) as error:
        cloud.deploy("large", version, data, **PLACE)
    assert "no ordinary file of a fair size" in error.value.last_response["FailureReason"]
    cloud.delete("large", "digits")


def test_an_answer_that_nobody_takes_holds_nothing_up(here):
    """A server is stopped when it has answered, not when the client has read."""
    put("long", nn.Dense(4, 3000, rng=0))
    body = as_npy(np.ones((1000, 4), np.float32))["Body"]
    with socket.create_connection(("127.0.0.1", here._data.server_port)) as line:
        head = f"POST /endpoints/long/invocations HTTP/1.1\r\nContent-Length: {len(body)}\r\n"
        kinds = "Content-Type: application/x-npy\r\nAccept: application/x-npy\r\n\r\n"
        line.sendall((head + kinds).encode() + body)
        line.recv(9)  # of twelve megabytes
        process = here._data.running["long"][2].process
        cloud.delete("long", "digits")
        assert process.wait(600) is not None


def test_whose_update_did_not_come_to_serve_is_told(here, monkeypatch):
    """As after a rollback, or when somebody else deploys at the same time."""
    put("both", network(0))
    client = cloud._client
    theirs = client("sagemaker").describe_endpoint(EndpointName="both")["EndpointConfigName"]

    class Meanwhile:
        def __init__(self, service):
            self.client = client(service)

        def __getattr__(self, name):
            return getattr(self.client, name)

        def update_endpoint(self, **given):
            given["EndpointConfigName"] = theirs  # the last one to ask for a version
            self.client.update_endpoint(**given)

    monkeypatch.setattr(cloud, "_client", Meanwhile)
    with pytest.raises(RuntimeError, match=f"both serves {theirs}, not both-"):
        put("both", network(7))
    monkeypatch.undo()
    cloud.delete("both", "digits")


def test_what_the_model_refuses_comes_back_with_its_reason_and_so_does_its_end(here):
    put("refuses", network(0))
    with pytest.raises(botocore.exceptions.ClientError) as error:
        cloud.invoke("refuses", np.ones((1, 5), np.float32))
    assert error.value.response["Error"]["Code"] == "ModelError"
    assert error.value.response["OriginalStatusCode"] == 422
    assert "5 instead of 4" in error.value.response["OriginalMessage"]
    process = here._data.running["refuses"][2].process
    process.kill()
    process.wait()
    with pytest.raises(botocore.exceptions.ClientError) as error:
        cloud.invoke("refuses", np.ones((1, 4), np.float32))
    assert error.value.response["OriginalStatusCode"] == 0
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


def test_no_server_outlives_its_cloud(x):
    """Nothing is started at the end, and what drains is stopped, too; then moto is as before."""
    import boto3
    from moto.sagemaker.responses import SageMakerResponse

    before = dict(vars(SageMakerResponse))
    with LocalCloud() as here:
        boto3.client("s3").create_bucket(Bucket="digits")
        put("waits", network(0))
        _, server = here._data.find("waits")  # and never an answer
        cloud.delete("waits", "digits")
        put("stands", network(0))
        standing = here._data.running["stands"][2]
        here._data.stop_all()
        assert server.process.poll() is not None and standing.process.poll() is not None
        assert here._data.find("stands") is None
        with pytest.raises(botocore.exceptions.WaiterError):
            put("late", network(0))
        for endpoint in ("stands", "late"):
            cloud.delete(endpoint, "digits")
        here._data.answered(server)
    assert dict(vars(SageMakerResponse)) == before
