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


def test_it_reads_128_pieces_and_forgets_a_tenth_if_it_is_trained(austen):
    model, _ = austen
    dropped = [p.rate for p in nn.layers.core._walk(model) if isinstance(p, nn.Dropout)]
    assert model.context == 128 and set(dropped) == {0.1} and len(model.blocks) == 3
    assert {block.attention.heads for block in model.blocks} == {4}
    ids = np.arange(128)[None]
    assert model(ids).shape == (1, 128, 1024)
    np.testing.assert_array_equal(model(ids), nn.pretrained.load_austen(verbose=False)[0](ids))
    with pytest.raises(ValueError, match="reads at most 128 tokens, got 129"):
        model(np.arange(129)[None])


def test_eight_sentences_are_read_at_a_time_the_short_ones_first():
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"]
    bert, seen = nn.BERT(7, 4, 2, 1, context=12, rng=0), []
    tokenizer = nn.tokenizers.WordPieceTokenizer(words, context=12)
    model = pretrained.MiniLM(
        lambda ids, mask: seen.append(ids.shape) or bert(ids, mask=mask), tokenizer
    )
    model.bert.tokens = bert.tokens
    texts = ["a " * n for n in (9, 1, 2, 1, 1, 1, 3, 1, 1)]
    vectors = model.embed(texts)
    assert seen == [(8, 5), (1, 11)] and vectors.shape == (9, 4)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(model.embed(texts, batch_size=1), vectors, atol=1e-5)
    with pytest.raises(ValueError, match="a positive batch_size, got 0"):
        model.embed(texts, batch_size=0)
