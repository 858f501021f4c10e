"""Gateway: a small cloud on this machine, for trying a deployment without an account.

Two halves stand for Amazon's. The *control plane*, which keeps the books (models, configurations,
endpoints, objects in S3), is moto's server. The *data plane*, which moto answers with a constant,
is the gateway below: when the books get an endpoint, it downloads the artifact, runs the real
server of :mod:`nncourse.practice.serving` on it, and hands requests on. An updated endpoint is
served by its old version until the new one answers; if that does not start, the old one stays, in
the books, too. A new endpoint that does not start is "Failed", with the reason.

What it does not show: start-up times, permissions, images, several machines, prices.
"""

import http.client
import io
import json
import logging
import os
import re
import tarfile
import tempfile
import threading
from collections import Counter
from contextlib import suppress
from functools import partialmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import patch
from urllib.parse import unquote, urlsplit

from .serving import ServerProcess

__all__ = ["LocalCloud"]

KEPT = ("content-type", "accept", "content-length")  # headers that reach the container
INVALID = {"x-amzn-ErrorType": "ValidationError"}
LARGEST = 512 * 2**20  # bytes of an unpacked model


class LocalCloud:
    """Run both halves on 127.0.0.1, and let the environment point boto3 to them.

    Within the ``with`` block every AWS client of this process talks to this machine; afterwards all
    of the environment is as before, and no process is left.

    Attributes
    ----------
    environment : dict
        The variables that are set, for another process.

    Raises
    ------
    ImportError
        If moto is missing: ``pip install "nncourse[deploy]"``.

    Examples
    --------
    See :func:`nncourse.practice.cloud.deploy`.
    """

    def __enter__(self):
        import boto3
        from moto.sagemaker.responses import SageMakerResponse
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._control = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._control.start()
        self._data = _Gateway()
        ours = {each.__name__[1:]: partialmethod(each, self._data) for each in OURS}
        self._moto = patch.multiple(SageMakerResponse, create=True, **ours)  # moto 5.2: no update
        self._moto.start()
        host, port = self._control.get_host_and_port()
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": f"http://127.0.0.1:{self._data.server_port}",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        self._before = {k: v for k, v in os.environ.items() if k.startswith("AWS_")}
        self._replace(self.environment)
        # boto3 makes clients in one thread only; whoever has one may share it.
        self._data.books, self._data.store = boto3.client("sagemaker"), boto3.client("s3")
        threading.Thread(target=self._data.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._data.shutdown()
        self._data.server_close()
        self._data.stop_all()
        self._control.stop()
        self._moto.stop()
        self._replace(self._before)

    @staticmethod
    def _replace(variables):
        """Set these, and remove whatever else concerns AWS."""
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(variables)


def _create_endpoint(self, gateway):
    """Start what moto only writes down."""
    from moto.core.responses import ActionResult

    name, config = self._get_param("EndpointName"), self._get_param("EndpointConfigName")
    endpoint = self.sagemaker_backend.create_endpoint(name, config, self._get_param("Tags"))
    endpoint.endpoint_status = "Creating"
    try:
        gateway.serve(name, config)
        endpoint.endpoint_status = "InService"
    except Exception as error:  # an artifact that is none, a model that cannot be served
        endpoint.endpoint_status, endpoint.failure_reason = "Failed", str(error)
    return ActionResult({"EndpointArn": endpoint.arn})


def _update_endpoint(self, gateway):
    """Serve another configuration, which moto 5.2 cannot; or keep the old one, and say why."""
    from moto.core.responses import ActionResult
    from moto.sagemaker.exceptions import ValidationError

    name, config = self._get_param("EndpointName"), self._get_param("EndpointConfigName")
    if self.sagemaker_backend.describe_endpoint(name)["EndpointStatus"] == "Failed":
        raise ValidationError(f"{name} has failed: it can only be deleted")
    variants = self.sagemaker_backend.describe_endpoint_config(config)["ProductionVariants"]
    endpoint = self.sagemaker_backend.endpoints[name]
    try:
        gateway.serve(name, config)
        endpoint.endpoint_config_name, endpoint.failure_reason = config, None
        endpoint.production_variants = endpoint._process_production_variants(variants)
    except Exception as error:  # as above; the books are as before
        endpoint.failure_reason = str(error)
    return ActionResult({"EndpointArn": endpoint.arn})


def _delete_endpoint(self, gateway):
    """Stop what moto only crosses out."""
    from moto.core.responses import EmptyResult

    self.sagemaker_backend.delete_endpoint(self._get_param("EndpointName"))
    gateway.remove(self._get_param("EndpointName"))
    return EmptyResult()


OURS = _create_endpoint, _update_endpoint, _delete_endpoint


class _Gateway(ThreadingHTTPServer):
    """Endpoints and their servers: from a name to (configuration, variant, server).

    ``books`` and ``store`` are the control plane's clients. ``asking`` counts, for each server that
    is not stopped, the requests that it has not answered.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.running, self.asking, self.closed = {}, Counter(), False
        self.lock, self.changing = threading.Condition(), threading.Lock()  # one change at a time

    def find(self, endpoint):
        """Return variant and server of an endpoint, or None if there is none of this name.

        The server is not stopped before :meth:`answered` was called for it.
        """
        with self.lock:
            now = self.running.get(endpoint)
            if now:
                self.asking[now[2]] += 1
        return now and now[1:]

    def answered(self, server):
        """Count one request less."""
        with self.lock:
            self.asking[server] -= 1
            self.lock.notify_all()

    def serve(self, endpoint, config):
        """Start a configuration, move the traffic, then stop the old one: blue, then green.

        If it does not start, this raises, and the old one goes on.
        """
        with self.changing:
            if self.closed:
                raise RuntimeError("this cloud is closed")
            old = self.running.get(endpoint)
            if old and old[0] == config:  # nothing to do
                return
            variant, address = _look_up(self.books, config)
            server = _serve(self.store, address)
            with self.lock:
                self.asking[server] = 0
                self.running[endpoint] = config, variant, server
            if old:
                self.drain(old[2])

    def remove(self, endpoint):
        """Give no more requests to an endpoint."""
        with self.changing, self.lock:
            old = self.running.pop(endpoint, None)
        if old:
            self.drain(old[2])

    def drain(self, server):
        """Stop a server that gets no more requests when it has answered all; wait for nothing."""

        def wait():
            with self.lock:
                self.lock.wait_for(lambda: not self.asking[server])
            server.stop()
            with self.lock:
                del self.asking[server]

        threading.Thread(target=wait, daemon=True).start()

    def stop_all(self):
        with self.changing, self.lock:  # what is about to start is waited for
            self.closed, servers = True, list(self.asking)
            self.running.clear()
        for server in servers:
            server.stop()


def _look_up(sagemaker, config):
    """Ask the books: the variant of a configuration and the address of its artifact."""
    variant = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]
    model = sagemaker.describe_model(ModelName=variant["ModelName"])
    return variant["VariantName"], model["PrimaryContainer"]["ModelDataUrl"]


def _serve(store, address):
    """Download an artifact and serve it."""
    url = urlsplit(address)
    packed = store.get_object(Bucket=url.netloc, Key=url.path[1:])["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        member = archive.getmember("model.onnx")  # this one file, wherever the others want to go
        if not member.isfile() or member.size > LARGEST:
            raise ValueError(f"model.onnx in {address} is no ordinary file of a fair size")
        onnx = archive.extractfile(member).read()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.onnx").write_bytes(onnx)
        return ServerProcess(folder)  # it has read the file when this returns


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = re.fullmatch(r"/endpoints/([^/]+)/invocations", self.path)
        found = self.server.find(unquote(path[1])) if path else None
        if found is None:
            self.answer(400, INVALID, _said("no such endpoint"))
            return
        variant, server = found
        try:
            status, kind, content = self.hand_on(server, body)
        except (OSError, http.client.HTTPException) as error:  # it died, or took a minute
            status, kind, content = 0, "", repr(error).encode()
        finally:
            self.server.answered(server)  # even if nobody takes the answer
        if status == 200:
            kept = {"content-type": kind, "x-Amzn-Invoked-Production-Variant": variant}
            self.answer(200, kept, content)
        else:
            said = {"OriginalStatusCode": status, "OriginalMessage": content.decode()}
            self.answer(424, {"x-amzn-ErrorType": "ModelError"}, _said("refused", **said))

    def hand_on(self, server, body):
        headers = {k: v for k, v in self.headers.items() if k.lower() in KEPT}
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
        try:
            connection.request("POST", "/invocations", body, headers)
            got = connection.getresponse()
            return got.status, got.headers["content-type"], got.read()
        finally:
            connection.close()

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in (headers | {"content-length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):  # who asked may have gone
            self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


def _said(message, **more):
    return json.dumps({"Message": message} | more).encode()
