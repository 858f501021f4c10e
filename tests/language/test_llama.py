"""The Llama-type decoder, small and with random weights, against one written out with loops."""

from dataclasses import replace

import numpy as np
import pytest

from nncourse import llama
from nncourse.language.bytepair import BytePairTokenizer
from nncourse.language.llama import KeyValueCache, Llama, weight_shapes
from nncourse.layers.embedding import sinusoids
from nncourse.layers.rotary import rotary_tables, rotate
from nncourse.scale.architectures import BERT_BASE, GPT3, SMOLLM2_135M, Architecture

SIZES = {"vocabulary": 40, "dim": 24, "hidden": 20, "layers": 2, "heads": 6, "kv_heads": 2}
TINY = Architecture.llama(**SIZES, context=32, base=100.0)
IDS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]


def random_weights(seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(len(shape) == 1, 0.3, shape).astype(np.float32)
        for name, shape in weight_shapes(TINY).items()
    }


@pytest.fixture
def model():
    return Llama(TINY, random_weights())


def by_loops(weights, ids):
    """One token, one head, one earlier token at a time, in float64; rotation by complex numbers."""
    w = {name: array.astype(float) for name, array in weights.items()}
    c, d = TINY, TINY.head_dim
    group = c.heads // c.kv_heads

    def norm(x, gain):
        return [
            xi / np.sqrt(sum(v * v for v in x) / len(x) + c.epsilon) * g
            for xi, g in zip(x, gain, strict=True)
        ]

    def turn(x, position):
        frequency = c.base ** (-2 * np.arange(d // 2) / d)
        z = (x[0::2] + 1j * x[1::2]) * np.exp(1j * position * frequency)
        return np.stack([z.real, z.imag], axis=1).ravel()

    stream = [w["token_embd.weight"][i] for i in ids]
    for layer in range(c.layers):
        start = f"blk.{layer}."
        b = {k.removeprefix(start)[:-7]: v for k, v in w.items() if k.startswith(start)}
        normed = [norm(x, b["attn_norm"]) for x in stream]
        keys = [(b["attn_k"] @ x).reshape(c.kv_heads, d) for x in normed]
        values = [(b["attn_v"] @ x).reshape(c.kv_heads, d) for x in normed]
        for t, x in enumerate(normed):
            queries, mixed = (b["attn_q"] @ x).reshape(c.heads, d), []
            for h in range(c.heads):
                q, score = turn(queries[h], t), []
                for s in range(t + 1):
                    score.append(q @ turn(keys[s][h // group], s) / np.sqrt(d))
                share = np.exp(score) / np.exp(score).sum()
                mixed.append(sum(a * values[s][h // group] for s, a in enumerate(share)))
            stream[t] = stream[t] + b["attn_output"] @ np.concatenate(mixed)
        for t, x in enumerate(stream):
            h = norm(x, b["ffn_norm"])
            gate = b["ffn_gate"] @ h
            stream[t] = x + b["ffn_down"] @ (gate / (1 + np.exp(-gate)) * (b["ffn_up"] @ h))
    return np.array([w["token_embd.weight"] @ norm(x, w["output_norm.weight"]) for x in stream])


def test_equals_the_loops(model):
    expected = by_loops(random_weights(), IDS)
    logits = model.logits(IDS)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("parts", [[11], [1] * 11, [4, 7], [10, 1], [1, 10]])
def test_reading_in_parts_is_reading_at_once(model, parts):
    cache, start, received = model.cache(11), 0, []
    for length in parts:
        received.append(model.logits(IDS[start : start + length], cache))
        start += length
    assert cache.length == 11
    np.testing.assert_allclose(np.concatenate(received), model.logits(IDS), atol=1e-4)


def test_long_prompts_are_read_in_chunks(model, monkeypatch):
    expected = model.logits(IDS)
    monkeypatch.setattr(llama, "CHUNK", 4)
    np.testing.assert_allclose(model.logits(IDS), expected, atol=1e-4)


def test_another_thread_may_leave_short_tables_of_angles(model, monkeypatch):
    """They grow with what is read; who reads little at the same time may put shorter ones there."""
    expected = model.logits(IDS)
    monkeypatch.setattr(llama, "CHUNK", 4)
    block = model.blocks[0]

    def meanwhile(*arguments):
        model._rotation = rotary_tables(4, TINY.head_dim, TINY.base)
        return block(*arguments)

    model.blocks[0] = meanwhile
    np.testing.assert_allclose(model.logits(IDS), expected, atol=1e-4)


def test_the_future_is_not_seen(model):
    changed = [*IDS[:6], 39, 38, 37, 36, 35]
    np.testing.assert_allclose(model.logits(changed)[:6], model.logits(IDS)[:6], atol=1e-5)


def test_greedy_takes_the_best_each_time(model):
    ids = list(IDS)
    for _ in range(6):
        ids.append(int(model.logits(ids)[-1].argmax()))
    assert model.generate(IDS, max_new_tokens=6) == ids[len(IDS) :]
    assert model.generate(IDS, max_new_tokens=6, cache=False) == ids[len(IDS) :]
    assert model.generate(np.array(IDS), max_new_tokens=1) == ids[len(IDS) : len(IDS) + 1]


def test_generation_ends(model):
    new = model.generate(IDS, max_new_tokens=8)
    cut = new.index(new[3])
    assert model.generate(IDS, max_new_tokens=8, stop=[new[3]]) == new[:cut]
    assert model.generate(IDS, max_new_tokens=8, stop=new[3]) == new[:cut]
    ending = Llama(TINY, random_weights(), end=[new[3]])
    assert ending.generate(IDS, max_new_tokens=8) == new[:cut]
    assert ending.generate(IDS, max_new_tokens=8, stop=()) == new
    assert len(model.generate(IDS, max_new_tokens=100)) == TINY.context - len(IDS)
    assert model.generate([1] * 32, max_new_tokens=3) == []


def test_draws_depend_on_the_generator_alone(model):
    options = {"max_new_tokens": 12, "temperature": 2.0}
    first = model.generate(IDS, rng=1, **options)
    assert first == model.generate(IDS, rng=np.random.default_rng(1), **options)
    assert first == model.generate(IDS, rng=1, cache=False, **options)
    assert first != model.generate(IDS, rng=2, **options)
    greedy = model.generate(IDS, max_new_tokens=12)
    assert model.generate(IDS, rng=1, top_k=1, **options) == greedy


def test_text_goes_in_and_comes_out():
    tokenizer = BytePairTokenizer([bytes([97 + i]) for i in range(40)], [])
    model = Llama(TINY, random_weights(), tokenizer=tokenizer)
    pieces = []
    text = model.complete("hello", max_new_tokens=7, stream=pieces.append)
    assert "".join(pieces) == text
    ids = model.generate(tokenizer.encode("hello"), max_new_tokens=7)
    assert tokenizer.decode(ids) == text and len(pieces) == 8  # the last one ends the stream


def test_the_cache_says_how_full_it_is(model):
    cache = model.cache(8)
    assert repr(cache) == "KeyValueCache(0 of 8 tokens, 0.0 MB)"
    model.logits([1, 2, 3], cache)
    assert cache.length == 3 and cache.keys.shape == (2, 2, 8, 4)
    before = cache.keys.copy()
    with pytest.raises(ValueError, match=r"3 of 8 tokens.* no room for 6 more"):
        model.logits([1] * 6, cache)
    assert cache.length == 3 and (cache.keys == before).all()
    assert KeyValueCache(TINY, 32).values.shape == model.cache().values.shape


def test_parameters_are_counted():
    size = sum(array.size for array in random_weights().values())
    assert Llama(TINY, random_weights()).count_parameters() == size


@pytest.mark.parametrize("ids", [[], [40], [-1], [1.5], "abc", None, [[1, 2]], [1] * 33])
def test_ids_that_cannot_be_read(model, ids):
    message = "from 1 to 32 tokens" if ids in ([], [1] * 33) else "token ids"
    with pytest.raises(ValueError, match=message):
        model.generate(ids, max_new_tokens=1)
    with pytest.raises(ValueError, match=message):
        model.logits(ids)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_k": 0}, "top_k"),
        ({"max_new_tokens": 0}, "max_new_tokens is a whole number of at least 1, got 0"),
        ({"max_new_tokens": 2.5}, "at least 1, got 2.5"),
        ({"stream": print}, "no tokenizer"),
        ({"stop": "."}, r"token ids must be .*, got '\.'. A text goes through a tokenizer first"),
        ({"stop": 40}, "token ids must lie in 0 ... 39, got 40"),
    ],
)
def test_settings_are_checked_before_the_prompt_is_read(model, options, message, monkeypatch):
    monkeypatch.setattr(model, "blocks", None)  # nothing can be read
    with pytest.raises(ValueError, match=message):
        model.generate(IDS, **{"max_new_tokens": 3} | options)


def test_a_chat_needs_a_tokenizer(model):
    with pytest.raises(ValueError, match="no tokenizer"):
        model.chat("Hello")
    with pytest.raises(ValueError, match="no tokenizer"):
        model.complete("Hello")


def test_weights_that_do_not_fit():
    weights = random_weights()
    weights["blk.1.attn_k.weight"] = weights["blk.1.attn_q.weight"]
    with pytest.raises(ValueError, match=r"'blk.1.attn_k.weight' must have shape \(8, 24\)"):
        Llama(TINY, weights)
    weights = random_weights()
    weights["output_norm.weight"][3] = np.inf
    with pytest.raises(ValueError, match=r"'output_norm\.weight' holds NaN or infinity"):
        Llama(TINY, weights)


OTHERS = [
    {"heads": 24, "kv_heads": 24}, {"head": "own"}, {"context": 0}, {"bias": True},
    {"rotary": False}, {"gated": False}, {"causal": False}, {"pooler": True}, {"segments": 2},
    {"experts": 2},
]  # fmt: skip


@pytest.mark.parametrize("other", [GPT3["Small"], BERT_BASE, *(replace(TINY, **o) for o in OTHERS)])
def test_other_architectures_are_refused(other):
    with pytest.raises(ValueError, match=r"expected Architecture.llama\(\.\.\.\)"):
        Llama(other, {})


def test_the_context_bounds_the_running_total(model):
    """7 tokens are read, and 3 more from the cache: 10, of which the context has 8."""
    small = Llama(replace(TINY, context=8), random_weights())
    cache = small.cache()
    small.logits([1] * 7, cache)
    before = cache.keys.copy()
    with pytest.raises(ValueError, match="from 1 to 8 tokens in all, got 3 after the 7 in the"):
        small.logits([1] * 3, cache)
    assert cache.length == 7 and (cache.keys == before).all()
    small.logits([1], cache)
    with pytest.raises(ValueError, match="got 1 after the 8"):
        small.logits([1], cache)
    large = model.cache()  # of another model, with room for 32
    model.logits([1] * 7, large)
    with pytest.raises(ValueError, match="from 1 to 8 tokens in all, got 3 after the 7"):
        small.logits([1] * 3, large)


@pytest.mark.parametrize("capacity", [0, -1, -99, 33, 99, 2.0])
def test_a_cache_fits_the_context(model, capacity):
    with pytest.raises(ValueError, match="a cache holds from 1 to 32 tokens, got"):
        model.cache(capacity)


def test_a_full_cache_takes_no_more():
    cache = KeyValueCache(TINY, 2)
    cache.length = 2
    for tokens in 1, 3:
        keys = np.ones((2, tokens, 4), np.float32)
        with pytest.raises(ValueError, match=f"2 of 2 tokens.* has no room for {tokens} more"):
            cache.extend(0, keys, keys)


def test_the_rotation_is_that_of_the_papers():
    """Base 10,000 in Su et al. (2021), section 3.2.2; 100,000 and 1e-5 on SmolLM2's card."""
    assert TINY.epsilon == SMOLLM2_135M.epsilon == 1e-5
    assert replace(TINY, base=Architecture.base).base == 10_000
    assert SMOLLM2_135M.base == 100_000 and SMOLLM2_135M.context == 8192
    cos, sin = rotary_tables(2, 4, dtype=float)  # angle 1 of pair 1: 10,000^(-1/2)
    np.testing.assert_allclose([cos[1, 1], sin[1, 1]], [np.cos(0.01), np.sin(0.01)], rtol=1e-12)
    waves = sinusoids(2, 4, float)  # Vaswani et al. (2017), section 3.5: the same speeds
    np.testing.assert_allclose(waves[1, 2:], [np.sin(0.01), np.cos(0.01)], rtol=1e-12)


def test_a_rotation_is_not_broadcast():
    x = np.ones((2, 3, 4))
    for rows, pairs in ((1, 2), (2, 2), (4, 2), (3, 1)):
        cos, sin = rotary_tables(rows, 2 * pairs)
        with pytest.raises(ValueError, match="a row for each step and a column for each pair"):
            rotate(x, cos, sin)
    with pytest.raises(ValueError, match="floating-point type, got dtype=int64"):
        rotary_tables(3, 4, dtype=np.int64)


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "i8"])
def test_whole_numbers_turn_into_fractions(dtype):
    x, tables = np.arange(12).reshape(3, 4), rotary_tables(3, 4, dtype=float)
    np.testing.assert_allclose(rotate(x.astype(dtype), *tables), rotate(x.astype(float), *tables))


def test_an_answer_has_256_tokens_at_most_unless_told(monkeypatch):
    special = ["<|im_start|>", "<|im_end|>"]
    tokens = [bytes([i]) for i in range(256)] + [text.encode() for text in special]
    tokenizer, asked = BytePairTokenizer(tokens, [], special=special), []
    model = Llama(TINY, random_weights(), tokenizer=tokenizer)

    def generate(ids, *, max_new_tokens, **options):
        asked.append(max_new_tokens)
        return [97]

    monkeypatch.setattr(model, "generate", generate)
    for answer in (model.complete, model.chat):
        assert answer("Hello?") == answer("Hello?", max_new_tokens=3) == "a"
    assert asked == [256, 3] * 2
