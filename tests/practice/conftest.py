import http.client
from urllib.parse import urlsplit

import numpy as np
import pytest

import nncourse as nn


@pytest.fixture(scope="package")
def model():
    """A small network whose outputs overflow where its inputs are enormous."""
    net = nn.Sequential(nn.Dense(4, 8, rng=0), nn.ReLU(), nn.Dense(8, 3, rng=1))
    net[2].kernel.value *= 100
    return net


@pytest.fixture(scope="package")
def model_file(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    path.write_bytes(nn.export.to_onnx(model, (4,)))
    return path


@pytest.fixture(scope="package")
def server(model_file):
    with nn.serving.ServerProcess(model_file) as process:
        yield process


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)


@pytest.fixture
def ask(server):
    """Send one request; return its status, the headers and the body of the answer."""

    def ask(method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=600)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    return ask
