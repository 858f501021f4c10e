"""Serving: a model behind HTTP, as Amazon SageMaker expects it of a container.

``GET /ping`` says whether the model answers; ``POST /invocations`` takes examples and returns
predictions. What is wrong with a request is told with a status between 400 and 499; nothing that
comes in can make the server fail. Source: "Custom Inference Code with Hosting Services", in the
developer guide of Amazon SageMaker AI.

On the command line: ``python -m nncourse.practice.serving model.onnx``.
"""

import argparse
import asyncio
import io
import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

from .bodies import CODES, BadInput, read_body
from .runtime import OnnxModel

__all__ = ["ServerProcess", "main", "make_app"]

LIMIT = 6 * 2**20  # bytes in a body: the limit of InvokeEndpoint
BATCH = 1024  # examples in a request
PATIENCE = 20.0  # seconds for a body to arrive, and for a last answer after SIGTERM


def make_app(model, *, limit=LIMIT, batch=BATCH, patience=PATIENCE):
    """Make a web application that answers with a model's predictions.

    Parameters
    ----------
    model : OnnxModel
        Or another function of an array, with ``shape`` and ``dtype`` of its input.
    limit : int
        The most bytes that a body may have.
    batch : int
        The most examples that a request may have.
    patience : float
        Seconds that a body may take to arrive.

    Returns
    -------
    fastapi.FastAPI

    Examples
    --------
    >>> import nncourse as nn
    >>> app = make_app(nn.runtime.OnnxModel(nn.export.to_onnx(nn.Dense(4, 3, rng=0), (4,))))
    >>> [route.path for route in app.routes]
    ['/ping', '/invocations']
    """
    from fastapi import FastAPI, Request
    from fastapi.concurrency import run_in_threadpool
    from fastapi.responses import JSONResponse, Response
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect

    app = FastAPI(openapi_url=None)  # no documentation pages: they load scripts from elsewhere

    @app.exception_handler(BadInput)
    async def explain(_, error):
        headers = {"Connection": "close"} if error.status in (408, 413) else None
        return JSONResponse({"error": str(error)}, error.status, headers)

    @app.exception_handler(HTTPException)
    async def explain_address(_, error):
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)

    @app.get("/ping")
    async def ping():
        return Response(status_code=200)

    async def body_of(request: Request):
        """Collect the body, unless it is too long or too slow.

        One that is somewhat too long is read and dropped, so that whoever sends it lives to see
        the answer; a connection that is closed in the middle would lose it.
        """
        said = request.headers.get("content-length", "0")
        parts, size = [], int(said) if said.isdecimal() else 0
        try:
            async with asyncio.timeout(patience):
                if size <= 4 * limit:
                    size = 0
                    async for part in request.stream():
                        size += len(part)
                        if size <= limit:
                            parts.append(part)
                        elif size > 4 * limit:
                            break
        except TimeoutError:
            raise BadInput(408, f"expected the body within {patience:g} s") from None
        except ClientDisconnect:
            raise BadInput(400, "the connection ended before the body did") from None
        if size > limit:
            raise BadInput(413, f"expected at most {limit:,} bytes, got more")
        return b"".join(parts)

    def predict(body, content_type):
        x = read_body(body, content_type, model.shape, model.dtype)
        if len(x) > batch:
            raise BadInput(413, f"expected at most {batch:,} examples, got {len(x):,}")
        try:
            y = model(x)
        except ValueError as error:
            raise BadInput(422, f"the model cannot take this: {str(error)[:120]}") from None
        if not np.isfinite(y).all():
            raise BadInput(422, "expected numbers as in training, got such that overflow inside")
        return y

    @app.post("/invocations")
    async def invocations(request: Request):
        if request.headers.get("content-encoding", "identity") != "identity":
            raise BadInput(415, "expected a body that is not compressed")
        accepted = _answer_format(request.headers.get("accept", "*/*"))
        body = await body_of(request)
        y = await run_in_threadpool(predict, body, request.headers.get("content-type", ""))
        if accepted == "application/json":
            return Response(json.dumps({"predictions": y.tolist()}), media_type=accepted)
        file = io.BytesIO()
        np.save(file, y, allow_pickle=False)
        return Response(file.getvalue(), media_type=accepted)

    return app


def _answer_format(accept):
    """Return the first format in an Accept header that there is."""
    for wanted in (each.partition(";")[0].strip().lower() for each in accept.split(",")):
        if wanted in CODES:
            return wanted
        if wanted in ("*/*", "application/*", ""):
            return "application/json"
    raise BadInput(406, f"answers are {' or '.join(CODES)}, not {accept[:80]}")


class ServerProcess:
    """The server as a process of its own on this machine, on a free port.

    It is there when the ``with`` block begins, and gone when it ends.

    Parameters
    ----------
    model : path
        An ONNX file, or the folder of a ``model.onnx``.

    Attributes
    ----------
    url : str
        Where it listens.
    process : subprocess.Popen

    Raises
    ------
    RuntimeError
        If it does not start; the message is its own.

    Examples
    --------
    >>> ServerProcess("no/such/model.onnx")
    Traceback (most recent call last):
    ...
    RuntimeError: the server did not start: cannot serve no/such/model.onnx: ...
    """

    def __init__(self, model):
        command = [sys.executable, "-m", "nncourse.practice.serving", str(model), "--port", "0"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        last, line = "", self.process.stdout.readline()
        while line and not line.startswith("listening on "):
            last, line = line, self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.process.stdout.close()
            raise RuntimeError(f"the server did not start: {last.strip()}")
        self.url = line.split()[-1]
        # A pipe that nobody reads is full after some thousand lines of its log: then it would wait.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for _ in self.process.stdout:
            pass

    def stop(self, seconds=30.0):
        """Ask it to end (SIGTERM), as a cloud does; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self._reader.join()
            self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def main(arguments=None):
    """Serve a model until SIGTERM; requests that have begun are answered first.

    Examples
    --------
    >>> main(["no/such/model.onnx"])
    Traceback (most recent call last):
    ...
    SystemExit: cannot serve no/such/model.onnx: ...
    """
    import uvicorn

    parser = argparse.ArgumentParser(
        prog="python -m nncourse.practice.serving", description="Serve an ONNX model over HTTP."
    )
    parser.add_argument("model", type=Path, help="a file, or the folder of a model.onnx")
    parser.add_argument("serve", nargs="?", choices=["serve"], help="what SageMaker adds; ignored")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 for any that is free")
    given = parser.parse_intermixed_args(arguments)  # "serve" comes after the options
    path = given.model / "model.onnx" if given.model.is_dir() else given.model
    try:
        model = OnnxModel(path.read_bytes())
        model(np.zeros([n if isinstance(n, int) else 1 for n in model.shape], model.dtype))
    except (OSError, ValueError) as error:
        raise SystemExit(f"cannot serve {path}: {error}") from None
    listening = socket.create_server((given.host, given.port))
    print(f"listening on http://{given.host}:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        make_app(model),
        log_level="warning",
        timeout_graceful_shutdown=int(PATIENCE),
        limit_concurrency=256,
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
