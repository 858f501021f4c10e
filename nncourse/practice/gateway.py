"""Gateway: a small cloud on this machine, for trying a deployment without an account.

Two halves stand for Amazon's. The *control plane*, which keeps the books (models, configurations,
endpoints, objects in S3), is moto's server. The *data plane*, which moto answers with a constant,
is the gateway below: it looks an endpoint up in the books, downloads its artifact, runs the real
server of :mod:`nncourse.practice.serving` on it, and hands requests on. An updated endpoint is
served by its old version until the new one answers.

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
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .serving import ServerProcess

__all__ = ["LocalCloud"]

KEPT = ("content-type", "accept", "content-length")  # headers that reach the container
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
        from moto.sagemaker.responses import SageMakerResponse
        from moto.server import ThreadedMotoServer

        if not hasattr(SageMakerResponse, "update_endpoint"):  # moto 5.2 has none
            SageMakerResponse.update_endpoint = _update_endpoint
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._control = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._control.start()
        self._data = _Gateway()
        threading.Thread(target=self._data.serve_forever, daemon=True).start()
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
        return self

    def __exit__(self, *_):
        self._data.shutdown()
        self._data.server_close()
        self._data.stop_all()
        self._control.stop()
        self._replace(self._before)

    @staticmethod
    def _replace(variables):
        """Set these, and remove whatever else concerns AWS."""
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(variables)


def _update_endpoint(self):
    """Write the books of an endpoint that exists anew: what moto's response class lacks."""
    self.sagemaker_backend.describe_endpoint(self._get_param("EndpointName"))
    return self.create_endpoint()


class _Gateway(ThreadingHTTPServer):
    """Endpoints and their servers: from a name to (configuration, variant, server)."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.running, self.coming, self.lock = {}, {}, threading.Condition()
        self.asking = Counter()  # requests that a server has not answered yet

    @cached_property
    def books(self):
        """The control plane's client: making one takes longer than asking it."""
        import boto3

        return boto3.client("sagemaker")

    def find(self, endpoint):
        """Return variant and server of an endpoint, or None if there is none of this name.

        The server is not stopped before :meth:`answered` was called for it.
        """
        wanted = _look_up(self.books, endpoint)
        with self.lock:
            now = self.running.get(endpoint)
            if wanted is None:
                self.running.pop(endpoint, None)
            elif now is None:  # the first request waits
                now = self.running[endpoint] = (*wanted[:2], _start(wanted[2]))
            elif now[0] != wanted[0] and self.coming.get(endpoint) is None:
                self.coming[endpoint] = threading.Thread(
                    target=self.replace, args=(endpoint,), daemon=True
                )
                self.coming[endpoint].start()
            if wanted is not None:
                self.asking[now[2]] += 1
        if wanted is None and now is not None:
            self.drain(now[2])
        return None if wanted is None else now[1:]

    def answered(self, server):
        """Count one request less."""
        with self.lock:
            self.asking[server] -= 1
            self.lock.notify_all()

    def replace(self, endpoint):
        """Start the new version, move the traffic, then stop the old one: blue, then green."""
        wanted = _look_up(self.books, endpoint)  # who sent us here may have looked long ago
        with self.lock:
            old = self.running.get(endpoint)
        new = wanted and old and wanted[0] != old[0] and (*wanted[:2], _start(wanted[2]))
        with self.lock:
            self.coming[endpoint] = None
            moved = new and self.running.get(endpoint) is old  # not deleted meanwhile
            if moved:
                self.running[endpoint] = new
        if new:
            self.drain((old if moved else new)[2])

    def drain(self, server):
        """Wait until a server that gets no more requests has answered all, and stop it."""
        with self.lock:
            self.lock.wait_for(lambda: not self.asking[server])
            del self.asking[server]
        server.stop()

    def stop_all(self):
        for thread in filter(None, self.coming.values()):
            thread.join()
        for _, _, server in self.running.values():
            server.stop()


def _look_up(sagemaker, endpoint):
    """Ask the books: configuration, variant and the address of the artifact, or None."""
    from botocore.exceptions import ClientError

    try:
        name = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    except ClientError:
        return None
    config = sagemaker.describe_endpoint_config(EndpointConfigName=name)
    variant = config["ProductionVariants"][0]
    model = sagemaker.describe_model(ModelName=variant["ModelName"])
    return name, variant["VariantName"], model["PrimaryContainer"]["ModelDataUrl"]


def _start(address):
    """Download an artifact and serve it."""
    import boto3

    url = urlsplit(address)
    packed = boto3.client("s3").get_object(Bucket=url.netloc, Key=url.path[1:])["Body"].read()
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
            self.answer(400, {"x-amzn-ErrorType": "ValidationError"}, _said("no such endpoint"))
            return
        variant, server = found
        try:
            self.hand_on(variant, server, body)
        finally:
            self.server.answered(server)

    def hand_on(self, variant, server, body):
        headers = {k: v for k, v in self.headers.items() if k.lower() in KEPT}
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
        connection.request("POST", "/invocations", body, headers)
        got = connection.getresponse()
        content = got.read()
        connection.close()
        if got.status == 200:
            kept = {"content-type": got.headers["content-type"]}
            self.answer(200, kept | {"x-Amzn-Invoked-Production-Variant": variant}, content)
        else:
            said = {"OriginalStatusCode": got.status, "OriginalMessage": content.decode()}
            self.answer(424, {"x-amzn-ErrorType": "ModelError"}, _said("refused", **said))

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in (headers | {"content-length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


def _said(message, **more):
    return json.dumps({"Message": message} | more).encode()
