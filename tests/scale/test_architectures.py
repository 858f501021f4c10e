"""Sizes of published models, beyond what their numbers of parameters show: from config.json."""

import pytest

from nncourse.scale.architectures import (
    BERT_BASE,
    BERT_LARGE,
    GPT3,
    MIXTRAL,
    SMOLLM2_135M,
    Architecture,
)

# Of the published files: layers, hidden_size, heads, key-value heads, intermediate_size,
# vocab_size, max_position_embeddings, norm eps, rope_theta (10,000 where there is none).
CONFIGS = {
    "mistralai/Mixtral-8x7B-v0.1": (
        MIXTRAL, (32, 4096, 32, 8, 14_336, 32_000, 32_768, 1e-5, 1e6), "own",
    ),
    "HuggingFaceTB/SmolLM2-135M": (
        SMOLLM2_135M, (30, 576, 9, 3, 1536, 49_152, 8192, 1e-5, 1e5), "tied",
    ),
    "google-bert/bert-base-uncased": (
        BERT_BASE, (12, 768, 12, 12, 3072, 30_522, 512, 1e-12, 1e4), None,
    ),
    "google-bert/bert-large-uncased": (
        BERT_LARGE, (24, 1024, 16, 16, 4096, 30_522, 512, 1e-12, 1e4), None,
    ),
}  # fmt: skip
NAMES = (
    "layers", "dim", "heads", "kv_heads", "hidden", "vocabulary", "context", "epsilon", "base",
)  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_architectures_are_those_of_the_published_files(name):
    a, sizes, head = CONFIGS[name]
    assert tuple(getattr(a, each) for each in NAMES) == sizes and a.head == head
    llama = a in (MIXTRAL, SMOLLM2_135M)
    assert (a.rotary, a.gated, a.causal) == (llama,) * 3
    assert (a.bias, a.pooler, a.segments) == (not llama, not llama, 0 if llama else 2)
    assert (a.experts, a.active_experts) == ((8, 2) if a is MIXTRAL else (1, 1))


def test_gpt3_reads_2048_tokens_and_is_what_the_defaults_say():
    """Brown et al. (2020), section 2.1; GPT-2's config.json: layer_norm_epsilon 1e-5."""
    for a in GPT3.values():
        assert (a.context, a.hidden, a.kv_heads, a.epsilon) == (2048, 4 * a.dim, a.heads, 1e-5)
        assert a.bias and a.causal and a.head == "tied"
        assert not (a.rotary or a.gated or a.pooler or a.segments) and a.experts == 1


def test_what_is_just_allowed():
    """The smallest sizes; as many experts at work as there are; no table of positions."""
    least = Architecture(
        layers=1, dim=1, heads=1, vocabulary=1, hidden=1, experts=2, active_experts=2
    )
    assert (least.context, least.segments, least.head_dim, least.kv_dim) == (0, 0, 1, 1)
    with pytest.raises(ValueError, match="kv_heads is a whole number of at least 1, got 0"):
        Architecture(layers=1, dim=4, heads=2, vocabulary=9, kv_heads=0)
    with pytest.raises(ValueError, match="hidden is a whole number of at least 1, got 0"):
        Architecture(layers=1, dim=4, heads=2, vocabulary=9, hidden=0)
    for name in "layers", "dim", "heads", "vocabulary", "experts", "active_experts":
        sizes = {"layers": 1, "dim": 4, "heads": 1, "vocabulary": 9}
        for wrong in 0, True, 1.0:
            with pytest.raises(ValueError, match=f"{name} is a whole number of at least 1, got"):
                Architecture(**sizes | {name: wrong})
    for name in "context", "segments":
        with pytest.raises(ValueError, match=f"{name} is a whole number of at least 0, got -1"):
            Architecture(**sizes | {name: -1})
