"""Downloads: every way in which they fail, from mirrors on this machine; no network is used."""

import http.server
import multiprocessing
import socket
import sys
import threading
from pathlib import Path

import pytest

from nncourse import datasets, downloads
from nncourse.datasets import DatasetError, load_mnist

FULL = Path(__file__).resolve().parents[1] / "book" / "data" / "mnist.npz"
FULL_LINE = "MNIST: full set, 60,000 training and 10,000 test images"
SAMPLE_LINE = "MNIST: embedded sample, 10,000 training and 2,000 test images"
pytestmark = pytest.mark.usefixtures("offline")  # both fixtures are in conftest.py


class Mirror(http.server.BaseHTTPRequestHandler):
    """One server, a mirror for each kind of trouble; /good may wait until two ask at once."""

    gate = None

    def do_GET(self):
        content = FULL.read_bytes()
        length = len(content)
        if self.path == "/missing":
            return self.send_error(404)
        if self.path == "/corrupt":
            content = content[:1000] + b"x" + content[1001:]
        if self.path in ("/cut", "/short"):  # cut: promises more than comes
            content = content[: length // 2]
        if self.path in ("/short", "/portal"):
            content = b"<html>Please log in</html>" if self.path == "/portal" else content
            length = len(content)
        if self.gate:
            self.gate.wait(timeout=1200)
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def mirror(cache, monkeypatch):
    """Allow downloads, from a server on this machine; call it to choose the mirrors."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"

        def choose(*paths):
            urls = tuple(path if "://" in path else address + path for path in paths)
            monkeypatch.setattr(datasets, "MIRRORS", urls)
            return urls

        choose("/good")
        monkeypatch.delenv("NNCOURSE_OFFLINE")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield choose
        server.shutdown()
        thread.join()


def test_download_once_then_from_the_cache(mirror, cache, capsys, monkeypatch):
    mnist = load_mnist(flatten=True)
    host = datasets.MIRRORS[0].split("/")[2]
    assert capsys.readouterr().out == f"Downloading mnist.npz from {host}\n{FULL_LINE}\n"
    assert mnist.path == cache / "mnist.npz"
    assert [p.name for p in cache.iterdir()] == ["mnist.npz"]
    assert (cache / "mnist.npz").read_bytes() == FULL.read_bytes()
    monkeypatch.setattr(datasets, "MIRRORS", ())  # not asked again
    assert load_mnist(source="full").path == cache / "mnist.npz"
    assert capsys.readouterr().out == FULL_LINE + "\n"


def test_download_goes_to_the_chosen_folder(mirror, cache, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NNCOURSE_DATA", str(tmp_path / "a" / "b"))
    assert load_mnist(verbose=False).path == tmp_path / "a" / "b" / "mnist.npz"
    assert not cache.exists() and capsys.readouterr().out == ""


def refused():
    """An address on this machine at which nobody answers."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}/mnist.npz"


TROUBLE = {
    "/missing": "404",
    "/corrupt": "received sha256",
    "/cut": "broken",
    "/short": "received sha256",
    "/portal": "26 bytes",
    "refused": "refused",
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_the_next_mirror_is_tried(mirror, cache, trouble):
    mirror(refused() if trouble == "refused" else trouble, "/good")
    assert load_mnist(source="full").source == "full"
    assert [p.name for p in cache.iterdir()] == ["mnist.npz"]


def test_all_mirrors_fail(mirror, cache, capsys):
    urls = mirror(*(refused() if t == "refused" else t for t in TROUBLE))
    with pytest.raises(DatasetError, match="no mirror delivered it") as failure:
        load_mnist(source="full")
    for url, symptom in zip(urls, TROUBLE.values(), strict=True):
        if symptom != "refused":
            assert url in str(failure.value)
        assert symptom in str(failure.value)
    assert 'source="sample"' in str(failure.value)
    assert list(cache.iterdir()) == []  # nothing half-written
    capsys.readouterr()
    mnist = load_mnist()
    assert mnist.source == "sample"
    why = "(mnist.npz is not on this machine, and no mirror delivered it)"
    assert capsys.readouterr().out.splitlines()[-1] == f"{SAMPLE_LINE} {why}"
    assert list(cache.iterdir()) == []


def test_folder_cannot_be_written(mirror, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("NNCOURSE_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(DatasetError, match=r"cannot be written(?s:.*)file/data") as failure:
        load_mnist(source="full")
    assert "NNCOURSE_DATA" in str(failure.value)
    load_mnist()
    line = capsys.readouterr().out
    assert "cannot be written" in line and str(tmp_path) not in line  # the same on each machine


def test_last_step_fails(mirror, cache, monkeypatch):
    def full_disk(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads.os, "replace", full_disk)
    with pytest.raises(DatasetError, match="No space left on device"):
        load_mnist(source="full")
    assert list(cache.iterdir()) == []


def test_interrupted_download_leaves_nothing(mirror, cache, monkeypatch):
    import pooch

    def interrupted(self, url, output_file, pooch):
        Path(output_file).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_mnist()
    assert list(cache.iterdir()) == []


def test_pooch_missing(mirror, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DatasetError, match="pip install pooch"):
        load_mnist(source="full")
    assert load_mnist().source == "sample"
    assert "pip install pooch" in capsys.readouterr().out


def test_platformdirs_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert load_mnist(verbose=False).path == FULL


def load_in_another_process(urls, folder, answers):
    downloads._folders = lambda: [Path(folder)]
    downloads._cache = lambda: Path(folder)
    datasets.MIRRORS = urls
    answers.put(len(load_mnist(source="full", verbose=False).x_train))


def test_two_processes_at_once(mirror, cache, monkeypatch):
    monkeypatch.setattr(Mirror, "gate", threading.Barrier(2))  # neither is served before both ask
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    arguments = (datasets.MIRRORS, str(cache), answers)
    both = [context.Process(target=load_in_another_process, args=arguments) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(timeout=1200)
    assert [process.exitcode for process in both] == [0, 0]
    assert [answers.get(timeout=1200) for _ in both] == [60_000, 60_000]
    assert [p.name for p in cache.iterdir()] == ["mnist.npz"]
    answers.close()
    answers.join_thread()


def test_the_clone_that_the_package_lies_in_is_looked_into(tmp_path, monkeypatch):
    """From anywhere: a notebook may run outside of it."""
    monkeypatch.chdir(tmp_path)
    clone = Path(downloads.__file__).resolve().parent.parent
    assert clone / "book" / "data" in downloads._folders()
