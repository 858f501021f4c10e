"""What is read from a file or an answer is numbers: nothing in it is executed."""

import io
from types import SimpleNamespace

import numpy as np
import pytest

import nncourse as nn
from nncourse import datasets
from nncourse.practice import cloud
from nncourse.scale.distributed_worker import read_checkpoint

RUN = []


class Trap:
    """Whoever unpickles it runs `sprung`."""

    def __reduce__(self):
        return sprung, ()


def sprung():
    RUN.append(True)


def trapped(write):
    file = io.BytesIO()
    write(file, np.array([Trap()], object), allow_pickle=True)
    return file.getvalue()


def from_checkpoint(tmp_path, monkeypatch):
    (tmp_path / "checkpoint.npz").write_bytes(trapped(np.savez))
    return read_checkpoint(tmp_path)


def from_answer(tmp_path, monkeypatch):
    answer = {"Body": io.BytesIO(trapped(np.save)), "InvokedProductionVariant": "v"}
    client = SimpleNamespace(invoke_endpoint=lambda **_: answer)
    monkeypatch.setattr(cloud, "_client", lambda service: client)
    return cloud.invoke("digits", np.ones(2))


def from_model(tmp_path, monkeypatch):
    (tmp_path / "model.npz").write_bytes(trapped(np.savez))
    return nn.load(nn.Dense(2, 1), tmp_path / "model.npz")


def from_digits(tmp_path, monkeypatch):
    return datasets._arrays(trapped(np.savez))


@pytest.mark.parametrize("read", [from_checkpoint, from_answer, from_model, from_digits])
def test_an_object_is_refused_and_not_run(read, tmp_path, monkeypatch):
    RUN.clear()
    with pytest.raises(ValueError, match=r"allow_pickle=False|not a file written by"):
        read(tmp_path, monkeypatch)
    assert not RUN


def test_the_trap_works():
    RUN.clear()
    np.load(io.BytesIO(trapped(np.save)), allow_pickle=True)
    assert RUN == [True]
