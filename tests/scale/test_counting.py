"""Counts are held against published numbers, and against the products of a model that is run."""

import numpy as np
import pytest

import nncourse as nn
from nncourse.scale.architectures import (
    BERT_BASE,
    BERT_LARGE,
    GPT3,
    MIXTRAL,
    SMOLLM2_135M,
    Architecture,
)
from nncourse.scale.counting import (
    activation_bytes,
    count_parameters,
    forward_flops,
    kv_cache_bytes,
    run_cost,
    run_energy,
    run_seconds,
    training_bytes,
    training_flops,
)


def size(a):
    return sum(count_parameters(a).values())


LLAMA2_7B = Architecture(
    layers=32, dim=4096, heads=32, hidden=11_008, vocabulary=32_000, gated=True, bias=False,
    head="own",
)  # fmt: skip
LLAMA2_70B = Architecture(
    layers=80, dim=8192, heads=64, kv_heads=8, hidden=28_672, vocabulary=32_000, gated=True,
    bias=False, head="own",
)  # fmt: skip
MINILM = Architecture(
    layers=6, dim=384, heads=12, vocabulary=30_522, context=512, segments=2, causal=False,
    pooler=True, head=None,
)  # fmt: skip
GPT2 = Architecture(layers=12, dim=768, heads=12, vocabulary=50_257, context=1024)


@pytest.mark.parametrize(
    ("architecture", "numbers_in_the_published_file"),
    [
        (BERT_BASE, 109_482_240),
        (BERT_LARGE, 335_141_888),
        (MINILM, 22_713_216),
        (GPT2, 124_439_808),
        (SMOLLM2_135M, 134_515_008),
        (LLAMA2_7B, 6_738_415_616),
        (LLAMA2_70B, 68_976_648_192),
    ],
)
def test_parameters_equal_those_of_published_weights(architecture, numbers_in_the_published_file):
    assert size(architecture) == numbers_in_the_published_file


def significant(number, digits):
    return float(f"{number:.{digits - 1}e}")


def test_bert_has_the_size_that_its_paper_prints():
    assert significant(size(BERT_BASE), 2) == 110e6  # Devlin et al. (2019), section 3
    assert significant(size(BERT_LARGE), 2) == 340e6


# Brown et al. (2020): model, table 2.1's size with its digits, its d_model, heads and d_head, and
# table D.1's size in millions with its digits.
GPT3_TABLES = [
    ("Small", 125e6, 3, 768, 12, 64, 125, 3),
    ("Medium", 350e6, 2, 1024, 16, 64, 356, 3),
    ("Large", 760e6, 2, 1536, 16, 96, 760, 3),
    ("XL", 1.3e9, 2, 2048, 24, 128, 1320, 3),
    ("2.7B", 2.7e9, 2, 2560, 32, 80, 2650, 3),
    ("6.7B", 6.7e9, 2, 4096, 32, 128, 6660, 3),
    ("13B", 13e9, 2, 5140, 40, 128, 12_850, 4),
    ("175B", 175e9, 3, 12_288, 96, 128, 174_600, 4),
]


@pytest.mark.parametrize("row", GPT3_TABLES, ids=[row[0] for row in GPT3_TABLES])
def test_gpt3_has_the_sizes_that_its_paper_prints(row):
    name, printed, digits, _, _, head_dim, millions, digits_d1 = row
    counted = size(GPT3[name])
    assert significant(counted, digits_d1) == millions * 1e6
    if name == "Medium":  # table 2.1 says 350M; its own table D.1 says 356M, and so does the count
        assert significant(counted, 3) == 356e6 and printed == 350e6
    else:
        assert significant(counted, digits) == printed
    assert GPT3[name].head_dim == head_dim
    assert GPT3[name].vocabulary == GPT2.vocabulary  # section 2.1: GPT-2's tokenization


def test_two_rows_of_gpt3s_table_contradict_themselves():
    """The other six have d_model = heads · d_head; these two are read as their sizes demand."""
    wrong = [row[0] for row in GPT3_TABLES if row[3] != row[4] * row[5]]
    assert wrong == ["XL", "13B"]
    # 13B: with the printed 5140 features, table D.1's 12,850 million would be 12,953 million.
    as_printed = Architecture(layers=40, dim=5140, heads=1, vocabulary=50_257, context=2048)
    assert significant(size(as_printed), 4) == 12_950e6
    # XL: 24 heads of 128 make four matrices of 2048 × 3072 a block, 0.2 billion too many.
    extra = 24 * 4 * 2048 * (24 * 128 - 2048)
    assert significant(size(GPT3["XL"]) + extra, 2) == 1.5e9


@pytest.mark.parametrize(("dim", "heads"), [(24, 4), (10, 1), (14, 7)])
@pytest.mark.parametrize("rotary", [False, True])
def test_parameters_equal_those_of_our_own_models(rotary, dim, heads):
    model = nn.GPT(51, dim, heads, 3, context=17, rotary=rotary)
    a = Architecture(layers=3, dim=dim, heads=heads, vocabulary=51, context=17, rotary=rotary)
    assert sum(p.value.size for p in model.parameters()) == size(a)
    model = nn.BERT(51, dim, heads, 3, context=17)
    sizes = {"layers": 3, "dim": dim, "heads": heads, "vocabulary": 51, "context": 17}
    sizes["segments"] = 2
    assert sum(p.value.size for p in model.parameters()) == size(Architecture(**sizes, head=None))


class Counted:
    """An array that counts the FLOPs of its matrix products."""

    total = 0

    def __init__(self, *shape):
        self.shape = shape

    def __matmul__(self, other):
        (n, k), (k_again, m) = self.shape, other.shape
        assert k == k_again
        Counted.total += 2 * n * k * m
        return Counted(n, m)


@pytest.mark.parametrize("past", [0, 5])
@pytest.mark.parametrize(
    "a",
    [
        Architecture(layers=2, dim=24, heads=4, vocabulary=50, context=16),
        Architecture(
            layers=3, dim=24, heads=6, kv_heads=2, vocabulary=50, hidden=40, gated=True, bias=False
        ),
        Architecture(
            layers=2, dim=24, heads=4, vocabulary=50, causal=False, pooler=True, head=None
        ),
        Architecture(layers=3, dim=15, heads=3, vocabulary=57, hidden=13, context=16),
    ],
    ids=["GPT", "Llama", "BERT", "odd"],
)
def test_forward_flops_equal_the_products_of_a_model(a, past):
    if past and not a.causal:
        with pytest.raises(ValueError, match="only a causal model"):
            forward_flops(a, 7, past=past)
        return
    Counted.total, tokens, size_of_head = 0, 7, a.dim // a.heads
    for _ in range(a.layers):
        x = Counted(tokens, a.dim)
        _ = x @ Counted(a.dim, a.heads * size_of_head)  # queries
        for _ in "kv":
            _ = x @ Counted(a.dim, a.kv_heads * size_of_head)
        for _ in range(a.heads):
            for t in range(tokens):
                seen = past + t + 1 if a.causal else tokens
                weights = Counted(1, size_of_head) @ Counted(size_of_head, seen)
                _ = weights @ Counted(seen, size_of_head)
        _ = Counted(tokens, a.heads * size_of_head) @ Counted(a.dim, a.dim)
        for _ in range(2 if a.gated else 1):
            _ = x @ Counted(a.dim, a.hidden)
        _ = Counted(tokens, a.hidden) @ Counted(a.hidden, a.dim)
    if a.pooler:
        _ = Counted(1, a.dim) @ Counted(a.dim, a.dim)
    if a.head:
        _ = Counted(tokens, a.dim) @ Counted(a.dim, a.vocabulary)
    assert forward_flops(a, tokens, past=past) == Counted.total


def test_reading_in_pieces_costs_as_much_as_in_one():
    a = GPT3["Small"]
    assert forward_flops(a, 5) + forward_flops(a, 3, past=5) == forward_flops(a, 8)
    assert forward_flops(a=a, tokens=8) == forward_flops(a, 8)


# Brown et al. (2020), table D.1: total training compute in FLOPs, for 300 billion tokens.
@pytest.mark.parametrize(
    ("name", "flops"),
    [
        ("Small", 2.25e20),
        ("Medium", 6.41e20),
        ("Large", 1.37e21),
        ("XL", 2.38e21),
        ("2.7B", 4.77e21),
        ("6.7B", 1.20e22),
        ("13B", 2.31e22),
        ("175B", 3.14e23),
    ],
)
def test_training_flops_equal_gpt3s_table(name, flops):
    """The paper multiplied sizes that it had rounded to three digits: hence half a percent."""
    assert training_flops(size(GPT3[name]), 300e9) == pytest.approx(flops, rel=5e-3)


def test_six_n_d_leaves_out_little_of_a_large_model_and_more_of_a_small_one():
    """Kaplan et al. (2020), section 2.1: attention matters if the context is not below 12 d."""
    ratios = {
        name: 3 * forward_flops(a, 2048) / training_flops(size(a), 2048) for name, a in GPT3.items()
    }
    assert 1.0 < ratios["175B"] < 1.02
    assert 1.10 < ratios["Small"] < 1.20


def test_memory_of_training_is_that_of_the_zero_paper():
    """Rajbhandari et al. (2020), section 3.1: GPT-2 with 1.5 billion needs at least 24 GB."""
    assert sum(training_bytes(1.5e9, mixed=True).values()) == 24e9
    assert training_bytes(1.5e9, mixed=True)["weights"] == 3e9
    assert sum(training_bytes(10).values()) == 10 * (4 + 4 + 4 + 4)


def test_activations_of_gpt3_are_those_of_the_formula():
    """Korthikanti et al. (2022): 5 heads s / d = 80 for GPT-3, so s b d (34 + 80) a layer."""
    assert activation_bytes(GPT3["175B"], 1, 2048) == 96 * 2048 * 12_288 * (34 + 80)
    assert activation_bytes(GPT3["Small"], 8, 512) == 8 * activation_bytes(GPT3["Small"], 1, 512)
    with pytest.raises(ValueError, match="hidden = 4 dim"):
        activation_bytes(SMOLLM2_135M, 1, 2048)


def test_key_value_cache():
    assert kv_cache_bytes(LLAMA2_7B, 4096) == 2 * 2**30  # two GiB in 16 bits
    as_multi_head = Architecture(layers=80, dim=8192, heads=64, vocabulary=32_000, hidden=28_672)
    assert kv_cache_bytes(as_multi_head, 100) == 8 * kv_cache_bytes(LLAMA2_70B, 100)
    keys = np.zeros((3, 30, 3, 50, 64), np.float32)  # batch, layers, kv_heads, tokens, head_dim
    assert kv_cache_bytes(SMOLLM2_135M, 50, batch=3, bytes_per_number=4) == 2 * keys.nbytes


def test_time_and_energy_of_gpt3_are_those_of_patterson():
    """Patterson et al. (2021), table 4: 10,000 V100, 24.6 TFLOP/s of 125 each, 330 W, PUE 1.10."""
    seconds = run_seconds(
        3.14e23, devices=10_000, peak_flops_per_second=125e12, utilization=24.6 / 125
    )
    assert seconds / 86_400 == pytest.approx(14.8, abs=0.05)
    energy = run_energy(seconds, devices=10_000, watts_per_device=330, overhead=1.10)
    assert energy / 1000 == pytest.approx(1287, abs=1)
    assert run_cost(3600 * 5, devices=4, price_per_device_hour=1.5) == 30


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Architecture(layers=0, dim=8, heads=2, vocabulary=9), "layers is a whole number"),
        (lambda: Architecture(layers=1, dim=8.0, heads=2, vocabulary=9), "got 8.0"),
        (lambda: Architecture(layers=1, dim=8, heads=3, vocabulary=9), "dim=8, heads=3"),
        (lambda: Architecture(layers=1, dim=8, heads=2, kv_heads=4, vocabulary=9), "kv_heads=4"),
        (lambda: Architecture(layers=1, dim=8, heads=2, vocabulary=9, head="x"), "got 'x'"),
        (lambda: Architecture(layers=1, dim=8, heads=2, vocabulary=9, context=-1), "context"),
        (lambda: forward_flops(GPT2, 0), "tokens is a whole number of at least 1, got 0"),
        (lambda: forward_flops(GPT2, 1, past=-1), "past is a whole number"),
        (lambda: training_flops(-1, 1), "n_parameters is a positive number, got -1"),
        (lambda: training_flops(1, float("nan")), "tokens is a positive number, got nan"),
        (lambda: training_bytes(0), "n_parameters"),
        (lambda: kv_cache_bytes(GPT2, 1.5), "tokens is a whole number"),
        (lambda: kv_cache_bytes(GPT2, 1, bytes_per_number=0), "bytes_per_number"),
        (
            lambda: run_seconds(1, devices=1, peak_flops_per_second=1, utilization=43),
            "share of the peak",
        ),
        (lambda: run_cost(1, devices=0, price_per_device_hour=1), "devices is a positive number"),
        (lambda: run_energy(1, devices=1, watts_per_device=1, overhead=0.9), "at least 1, got 0.9"),
    ],
)
def test_bad_numbers_are_explained(call, words):
    with pytest.raises(ValueError, match=words):
        call()


SIZES = ("layers", "dim", "heads", "context", "hidden", "kv_heads")


def test_numpy_integers_do_not_overflow():
    n, d = 175_000_000_000, 300_000_000_000
    assert training_flops(np.int64(n), np.int64(d)) == 6 * n * d
    assert training_bytes(np.int32(2**30))["optimizer"] == 2**33
    large = GPT3["175B"]
    sizes = {name: np.int16(getattr(GPT3["Small"], name)) for name in SIZES}
    same = Architecture(**sizes, vocabulary=np.uint16(GPT3["Small"].vocabulary))
    assert same == GPT3["Small"] and count_parameters(same) == count_parameters(GPT3["Small"])
    wide = Architecture(layers=1, dim=np.int16(12_288), heads=96, vocabulary=9)
    assert wide.hidden == 49_152
    past = np.int16(30_000)
    assert forward_flops(large, np.int16(1), past=past) == forward_flops(large, 1, past=30_000)
    assert kv_cache_bytes(large, past) == kv_cache_bytes(large, 30_000)
    assert activation_bytes(large, np.uint8(1), past) == activation_bytes(large, 1, 30_000)


def test_a_mixture_has_two_sizes():
    """Jiang et al. (2024): 47 billion parameters, of which 13 billion work for a token."""
    whole, active = (count_parameters(MIXTRAL, active=only) for only in (False, True))
    assert significant(sum(whole.values()), 3) == 46.7e9
    assert significant(sum(active.values()), 3) == 12.9e9
    assert whole == count_parameters(MIXTRAL)
    assert whole["feed_forward"] == 4 * active["feed_forward"]
    assert whole["router"] == active["router"] == 32 * 4096 * 8
    dense = count_parameters(SMOLLM2_135M)
    assert count_parameters(SMOLLM2_135M, active=True) == dense and "router" not in dense
    no_pairs = forward_flops(MIXTRAL, 1) - 4 * 4096 * 32
    table, norms = 32_000 * 4096, active["norms"]
    assert no_pairs == 2 * (sum(active.values()) - table - norms)  # looked up; no product


def test_no_more_experts_serve_than_there_are():
    sizes = {"layers": 1, "dim": 4, "heads": 1, "vocabulary": 9}
    with pytest.raises(ValueError, match="3 experts serve a token, of 2"):
        Architecture(**sizes, experts=2, active_experts=3)


@pytest.mark.parametrize("name", ["epsilon", "base"])
def test_numbers_of_norms_and_rotations_are_positive(name):
    sizes = {"layers": 1, "dim": 4, "heads": 1, "vocabulary": 3, "context": 2}
    assert type(getattr(Architecture(**sizes, **{name: np.float32(0.5)}), name)) is float
    with pytest.raises(ValueError, match=f"{name} .*got 0"):
        Architecture(**sizes, **{name: 0})


def test_a_gated_block_with_biases_by_hand():
    """Three matrices and their biases; keys and values of one head of two."""
    a = Architecture(
        layers=3, dim=10, heads=2, kv_heads=1, hidden=7, vocabulary=11, gated=True, segments=1
    )
    assert count_parameters(a) == {
        "embeddings": 12 * 10, "attention": 3 * (2 * 100 + 2 * 50 + 2 * 10 + 2 * 5),
        "feed_forward": 3 * (3 * 70 + 7 + 10 + 7), "norms": 7 * 20, "pooler": 0, "head": 0,
    }  # fmt: skip
    assert kv_cache_bytes(a, 7, batch=3) == 2 * 3 * 5 * 7 * 3 * 2  # two bytes a number
    assert run_energy(3600, devices=1, watts_per_device=1000) == 1  # no building unless told
