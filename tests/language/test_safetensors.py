"""Safetensors files from outside: a damaged one, or one of another model, is a ValueError."""

import numpy as np
import pytest
from safetensors.numpy import save

import nncourse as nn
from nncourse.language.pretrained import _read_bert

LAYER = "encoder.layer.0."


def bert():
    return nn.BERT(7, 4, 2, 1, context=5, rng=0)


def tensors():
    """The names and shapes of Hugging Face's BERT, with random numbers: matrices (out, in)."""
    shapes = {
        "embeddings.word_embeddings.weight": (7, 4),
        "embeddings.position_embeddings.weight": (5, 4),
        "embeddings.token_type_embeddings.weight": (2, 4),
        "embeddings.LayerNorm.weight": (4,), "embeddings.LayerNorm.bias": (4,),
    }  # fmt: skip
    for name, (outputs, inputs) in {
        "attention.self.query": (4, 4), "attention.self.key": (4, 4),
        "attention.self.value": (4, 4), "attention.output.dense": (4, 4),
        "intermediate.dense": (16, 4), "output.dense": (4, 16),
    }.items():  # fmt: skip
        shapes |= {f"{LAYER}{name}.weight": (outputs, inputs), f"{LAYER}{name}.bias": (outputs,)}
    for name in "attention.output.LayerNorm", "output.LayerNorm":
        shapes |= {f"{LAYER}{name}.weight": (4,), f"{LAYER}{name}.bias": (4,)}
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape).astype("f4") for name, shape in shapes.items()}


@pytest.fixture
def read(tmp_path):
    def read(content):
        (tmp_path / "a.safetensors").write_bytes(content)
        model = bert()
        _read_bert(model, tmp_path / "a.safetensors")
        return model

    return read


def test_a_tiny_model_is_read(read):
    given = tensors()
    model = read(save(given))
    block = model.blocks[0]
    intermediate = given[LAYER + "intermediate.dense.weight"]
    np.testing.assert_array_equal(block.network[0].kernel.value, intermediate.T)
    np.testing.assert_array_equal(
        block.network_norm.gamma.value, given[LAYER + "output.LayerNorm.weight"]
    )
    assert model.count_parameters() == sum(array.size for array in given.values())


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("embeddings.LayerNorm.bias", None, r"does not contain tensor embeddings\.LayerNorm\.bias"),
        ("embeddings.LayerNorm.bias", lambda a: a[:3], r"must be float32 \(4,\), got float32 \(3,"),
        ("embeddings.LayerNorm.bias", lambda a: a.astype("f8"), "got float64"),
        ("embeddings.LayerNorm.bias", lambda a: a.astype("i4"), "got int32"),
        ("embeddings.LayerNorm.bias", lambda a: a * np.nan, "bias holds NaN or infinity"),
        (LAYER + "output.dense.weight", lambda a: a.T, r"must be float32 \(16, 4\), got"),
    ],
)
def test_tensors_that_cannot_be(read, name, change, words):
    given = tensors()
    array = given.pop(name)
    if change:
        given[name] = np.ascontiguousarray(change(array))
    with pytest.raises(ValueError, match=words) as error:
        read(save(given))
    assert "a.safetensors is damaged, or of another model" in str(error.value)


def test_a_damaged_file_is_read_or_refused_with_a_value_error(read):
    content, rng, refused = save(tensors()), np.random.default_rng(0), 0
    damaged = [content[:length] for length in range(0, len(content), 50)]
    for place in range(0, len(content) - 1600, 5):  # numbers may change: nobody can tell
        other = content[place] ^ int(rng.choice([1, 128, 255]))
        damaged.append(content[:place] + bytes([other]) + content[place + 1 :])
    for bad in damaged:
        try:
            read(bad)
        except ValueError as error:
            assert "a.safetensors" in str(error)
            refused += 1
    assert len(damaged) / 2 < refused <= len(damaged)
