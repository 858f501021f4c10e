"""The server keeps SageMaker's contract, explains every bad input, and ends when it is told to."""

import gc
import io
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
from bad_inputs import BAD, JSON, NPY, instances, npy

import nncourse as nn
from nncourse.practice import serving
from nncourse.practice.bodies import BadInput, read_body

pytest.importorskip("uvicorn")
SHAPE = ("batch", 4)


def test_ping_is_answered_with_nothing(ask):
    status, _, body = ask("GET", "/ping")
    assert status == 200 and body == b""


def test_json_is_answered_with_json(ask, model, x):
    status, headers, body = ask(
        "POST", "/invocations", instances(x.tolist()), {"content-type": JSON}
    )
    assert status == 200 and headers["content-type"] == JSON
    np.testing.assert_allclose(json.loads(body)["predictions"], model(x), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f4", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_numpy_file_is_answered_with_one(ask, model, x, kind, order):
    body = npy(np.asarray(x, kind, order=order))
    status, headers, answer = ask(
        "POST", "/invocations", body, {"content-type": NPY, "accept": NPY}
    )
    assert status == 200 and headers["content-type"] == NPY
    got = np.load(io.BytesIO(answer), allow_pickle=False)
    np.testing.assert_allclose(got, model(x.astype(kind).astype("f4")), rtol=1e-4, atol=1e-3)


def test_a_batch_gives_what_its_examples_give_alone(ask, x):
    def predictions(rows):
        body = instances(rows.tolist())
        return json.loads(ask("POST", "/invocations", body, {"content-type": JSON})[2])[
            "predictions"
        ]

    alone = [predictions(row[None])[0] for row in x]
    np.testing.assert_allclose(predictions(x), alone, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", BAD)
def test_every_bad_input_is_explained(ask, name):
    body, kind, status, word = BAD[name]
    got, headers, answer = ask("POST", "/invocations", body, {"content-type": kind})
    assert (got, headers["content-type"]) == (status, JSON), answer[:200]
    message = json.loads(answer)["error"]
    assert word in message and len(message) < 300


def test_a_body_that_is_too_long_is_refused(server):
    """A claim of much more is enough; a little more is read, and dropped, before the answer."""
    for head, body in (
        ("Content-Length: 9000000000", b""),
        ("Content-Length: 6291457", b" " * 6_291_457),
        ("Transfer-Encoding: chunked", b"600001\r\n" + b" " * 0x600001 + b"\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", b"8000000\r\n" + b" " * 30_000_000),
    ):
        with socket.create_connection(urlsplit(server.url).netloc.split(":"), timeout=600) as line:
            start = (
                f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\n{head}\r\n\r\n"
            )
            line.sendall(start.encode())
            try:
                line.sendall(body)
            except OSError:  # it has hung up already
                pass
            assert line.recv(99).startswith(b"HTTP/1.1 413"), head


def test_a_body_and_a_batch_of_just_the_limit_are_read(ask):
    """6 MB, as InvokeEndpoint has it (6,291,456 bytes); 1,024 examples."""
    body = instances([[1, 2, 3, 4]])
    body = body + b" " * (6_291_456 - len(body))
    assert ask("POST", "/invocations", body, {"content-type": JSON})[0] == 200
    rows = npy(np.ones((1024, 4), np.float32))
    status, _, answer = ask("POST", "/invocations", rows, {"content-type": NPY})
    assert status == 200 and len(json.loads(answer)["predictions"]) == 1024


@pytest.mark.parametrize(
    "method, path, headers, status",
    [
        ("GET", "/invocations", {}, 405),
        ("POST", "/ping", {}, 405),
        ("GET", "/", {}, 404),
        ("GET", "/../../etc/passwd", {}, 404),
        ("GET", "/docs", {}, 404),
        ("GET", "/openapi.json", {}, 404),
        ("POST", "/invocations", {"content-type": JSON, "content-encoding": "gzip"}, 415),
        ("POST", "/invocations", {"content-type": JSON, "accept": "image/png"}, 406),
    ],
)
def test_wrong_addresses_and_headers_are_explained(ask, method, path, headers, status):
    got, _, answer = ask(method, path, instances([[1, 2, 3, 4]]), headers)
    assert got == status and json.loads(answer)["error"]


def test_the_server_is_alive_after_all_of_them(ask, server, x):
    assert server.process.poll() is None
    status, _, _ = ask("POST", "/invocations", instances(x.tolist()), {"content-type": JSON})
    assert status == 200


def test_requests_side_by_side_get_their_own_answers(ask, model):
    rows = np.random.default_rng(1).normal(size=(40, 1, 4)).astype(np.float32)
    answers = [None] * len(rows)

    def one(start):
        for i in range(start, len(rows), 4):
            body = npy(rows[i])
            answers[i] = ask("POST", "/invocations", body, {"content-type": NPY, "accept": NPY})[2]

    threads = [threading.Thread(target=one, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for row, answer in zip(rows, answers, strict=True):
        y = np.load(io.BytesIO(answer), allow_pickle=False)
        np.testing.assert_allclose(y, model(row), rtol=1e-4, atol=1e-3)


def test_threads_of_different_depth_read_headers_side_by_side():
    """Python 3.11 has one count of a literal's depth for all threads ("recursion depth mismatch").

    A thread may be exchanged for another inside a literal when the garbage collector finds
    objects with a finalizer, as it does all the time in a server.
    """

    class Knot:
        def __init__(self):
            self.itself = self

        def __del__(self):
            time.sleep(0)

    body, shapes, wrong = npy(np.ones((1, 4), "f4")), [], []

    def read(depth):
        if depth:
            return read(depth - 1)
        for _ in range(500):
            Knot()
            try:
                shapes.append(read_body(body, NPY, SHAPE).shape)
            except BadInput as error:
                wrong.append(str(error))

    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(5, 5, 5)
    try:
        threads = [threading.Thread(target=read, args=(7 * k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)
    assert wrong == [] and shapes == [(1, 4)] * 2000


def test_it_answers_what_has_begun_and_ends(model_file, x):
    """SIGTERM comes while half a body is there; the other half is still read and answered."""
    with serving.ServerProcess(model_file) as process:
        body = instances(x.tolist())
        host, port = urlsplit(process.url).netloc.split(":")
        with socket.create_connection((host, port), timeout=600) as line:
            head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\n"
            line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:9])
            assert ping(process.url) == 200  # by now the request above has begun
            process.process.terminate()
            wait_until_deaf(int(port))
            line.sendall(body[9:])
            answer = b"".join(iter(lambda: line.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 200") and b"predictions" in answer
        assert process.stop() in (0, -15, 143)


def test_it_ends_when_asked(model_file):
    with serving.ServerProcess(model_file) as process:
        assert process.stop() in (0, -15, 143)  # and not -9: it was not killed


def ping(url):
    import urllib.request

    with urllib.request.urlopen(f"{url}/ping", timeout=600) as answer:
        return answer.status


def wait_until_deaf(port):
    """Return when no new connection is taken any more."""
    for _ in range(60_000):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=600).close()
        except OSError:
            return
        time.sleep(0.01)
    raise AssertionError("it still listens")


@pytest.mark.parametrize("content", [b"", b"not a model"])
def test_it_says_why_it_does_not_start(tmp_path, content):
    path = tmp_path / "model.onnx"
    if content:
        path.write_bytes(content)
    with pytest.raises(RuntimeError, match=r"cannot serve .*model\.onnx"):
        serving.ServerProcess(tmp_path)


def test_one_that_ends_without_a_word_is_reported(monkeypatch, tmp_path):
    silent = shutil.which("true")
    if not silent:
        pytest.skip("no program that does nothing")
    monkeypatch.setattr(serving.sys, "executable", silent)
    with pytest.raises(RuntimeError, match="did not start"):
        serving.ServerProcess(tmp_path)


def test_its_log_does_not_stop_it(server):
    """A warning for each of 3,000 requests is more than a pipe holds that nobody reads."""
    place = urlsplit(server.url)
    for _ in range(3000):
        with socket.create_connection((place.hostname, place.port), timeout=600) as line:
            line.sendall(b"nonsense\r\n\r\n")
            assert line.recv(12) == b"HTTP/1.1 400"


def test_ids_are_whole_numbers_that_the_model_knows():
    model = nn.runtime.OnnxModel(nn.export.to_onnx(nn.Embedding(6, 2, rng=0), (None,)))
    assert read_body(b'{"instances": [[0, 5]]}', JSON, model.shape, model.dtype).dtype == np.int64
    with pytest.raises(BadInput, match="decimal point"):
        read_body(b'{"instances": [[0, 5.0]]}', JSON, model.shape, model.dtype)
    with pytest.raises(ValueError):
        model(np.array([[6]]))


@pytest.mark.parametrize("name", ["", " ; CHARSET=UTF-8", ';charset="utf-8"'])
def test_harmless_spellings_of_the_type_are_taken(name):
    assert read_body(b'{"instances": [[1,2,3,4]]}', "Application/JSON" + name, SHAPE).shape == (
        1,
        4,
    )


def test_random_bytes_never_raise_anything_else():
    rng = np.random.default_rng(0)
    for kind, start in ((JSON, instances([[1, 2, 3, 4]])), (NPY, npy(np.ones((1, 4), "f4")))):
        for _ in range(400):
            body = bytearray(start)
            for _ in range(rng.integers(1, 4)):
                body[rng.integers(len(body))] = rng.integers(256)
            try:
                read_body(bytes(body), kind, SHAPE)
            except BadInput as error:
                assert 400 <= error.status < 500


def test_one_that_does_not_end_is_killed():
    """It ignores SIGTERM: after the time that it is given, SIGKILL."""
    deaf = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(99)"
    )
    process = object.__new__(serving.ServerProcess)
    process.process = subprocess.Popen(
        [sys.executable, "-c", deaf], stdout=subprocess.PIPE, text=True
    )
    process.process.stdout.readline()
    process._reader = threading.Thread(target=process._read)
    process._reader.start()
    assert process.stop(seconds=0.1) == process.stop(seconds=0.1) == -9
    assert process.process.stdout.closed and not process._reader.is_alive()
