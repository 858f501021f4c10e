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
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
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

        if not hasattr(SageMakerResponse, "update_endpoint"):  # moto 5.2 has none
            SageMakerResponse.update_endpoint = _update_endpoint
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._control = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._control.start()
        self._data = _Gateway()
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
    """Endpoints and their servers: from a name to (configuration, variant, server).

    ``books`` and ``store`` are the control plane's clients. ``asking`` counts, for each server that
    is not stopped, the requests that it has not answered.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.running, self.coming, self.failed = {}, {}, {}
        self.asking, self.lock, self.closed = Counter(), threading.Condition(), False

    def find(self, endpoint):
        """Return variant and server of an endpoint, or None if there is none of this name.

        The server is not stopped before :meth:`answered` was called for it.
        """
        wanted = _look_up(self.books, endpoint)
        with self.lock:
            if self.closed:  # nothing is started any more
                return None
            now = self.running.get(endpoint)
            if wanted is None:
                self.running.pop(endpoint, None)
                self.failed.pop(endpoint, None)
            elif now is None:  # the first request waits
                now = self.running[endpoint] = self.start(wanted)
            elif wanted[0] not in (now[0], self.failed.get(endpoint)):
                if endpoint not in self.coming:
                    thread = threading.Thread(target=self.replace, args=(endpoint,), daemon=True)
                    self.coming[endpoint] = thread
                    thread.start()
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

    def start(self, wanted):
        """Return configuration, variant and a server of its own."""
        server = _serve(self.store, wanted[2])
        self.asking[server] = 0
        return *wanted[:2], server

    def replace(self, endpoint):
        """Start the new version, move the traffic, then stop the old one: blue, then green.

        A version that does not start is not tried again, as long as the endpoint exists and no
        other comes; the old one goes on.
        """
        wanted = new = failed = None
        with self.lock:
            old = self.running.get(endpoint)
        try:
            wanted = _look_up(self.books, endpoint)  # who sent us here may have looked long ago
            if wanted and old and wanted[0] != old[0]:
                new = self.start(wanted)
        except Exception as error:
            failed = wanted and wanted[0]
            logging.getLogger(__name__).warning("%s keeps its version: %s", endpoint, error)
        with self.lock:
            self.coming.pop(endpoint, None)
            moved = new and self.running.get(endpoint) is old  # not deleted meanwhile
            if moved:
                self.running[endpoint] = new
            self.failed[endpoint] = failed
        if new:
            self.drain((old if moved else new)[2])

    def drain(self, server):
        """Wait until a server that gets no more requests has answered all, and stop it."""
        with self.lock:
            self.lock.wait_for(lambda: not self.asking[server])
        server.stop()
        with self.lock:
            del self.asking[server]

    def stop_all(self):
        with self.lock:
            self.closed, coming = True, list(self.coming.values())
        for thread in coming:
            thread.join()
        for server in list(self.asking):
            server.stop()


def _look_up(sagemaker, endpoint):
    """Ask the books: configuration, variant and the address of the artifact, or None."""
    from botocore.exceptions import ClientError

    try:
        name = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        config = sagemaker.describe_endpoint_config(EndpointConfigName=name)
        variant = config["ProductionVariants"][0]
        model = sagemaker.describe_model(ModelName=variant["ModelName"])
    except ClientError:  # deleted, perhaps between two of these questions
        return None
    return name, variant["VariantName"], model["PrimaryContainer"]["ModelDataUrl"]


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
        try:
            found = self.server.find(unquote(path[1])) if path else None
        except Exception as error:  # an artifact that is none, a model that cannot be served
            self.answer(400, INVALID, _said(f"the endpoint does not start: {error}"))
            return
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
