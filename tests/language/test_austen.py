"""Our own GPT: it is what SOURCES.md says, and predicts text that it has not seen."""

import sys
from pathlib import Path

import numpy as np
import pytest

import nncourse as nn
from nncourse.downloads import DatasetError
from nncourse.language import pretrained

sys.path.append(str(Path(__file__).parents[2] / "book" / "tools"))
import train_gpt


@pytest.fixture(scope="module")
def austen():
    return nn.pretrained.load_austen(verbose=False)


def test_its_pieces_are_those_that_the_recipe_learns(austen):
    novel = nn.datasets.load_novel()
    _, tokenizer = austen
    held_out = novel[int(0.9 * len(novel)) :]
    assert tokenizer.decode(tokenizer.encode(held_out)) == held_out
    learned = nn.tokenizers.BytePairTokenizer.train(novel[: len(novel) * 9 // 10], 300)
    assert tokenizer.merges[:44] == learned.merges
    assert len(tokenizer.tokens) == train_gpt.SIZES["vocabulary"] == 1024


def test_it_predicts_the_beginning_of_what_it_has_not_seen(austen):
    novel = nn.datasets.load_novel()
    model, tokenizer = austen
    text = novel[int(0.9 * len(novel)) :][:8000]
    ids = np.array(tokenizer.encode(text))
    scores = np.concatenate([model(part[None])[0] for part in np.split(ids[:2560], 40)])
    shares = nn.activations.softmax(scores.astype(float).reshape(40, 64, -1)[:, :-1])
    right = np.take_along_axis(shares, ids[:2560].reshape(40, 64)[:, 1:, None], -1)
    characters = len(tokenizer.decode(ids[:2560]))
    assert -np.log2(right).sum() / characters < 1.8  # windows begin with nothing before them


def test_what_the_recipe_writes_is_what_is_loaded(austen, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train_gpt", "--steps", "1", "--output", str(tmp_path / "w")])
    monkeypatch.setattr(train_gpt, "total_bits", lambda *arguments: 0.0)
    train_gpt.main()
    with np.load(tmp_path / "w.npz") as arrays:
        written = {name: array.shape for name, array in arrays.items()}
    model, _ = austen
    expected = {name: array.shape for name, array in nn.state(model).items()}
    assert written == expected | {"merges": (768, 2)}


def test_a_damaged_file_is_refused(monkeypatch):
    monkeypatch.setattr(pretrained, "AUSTEN_SHA256", "0" * 64)
    with pytest.raises(DatasetError, match=r"austen_gpt\.npz"):
        nn.pretrained.load_austen()
