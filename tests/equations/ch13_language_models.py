"""What the symbols of chapter 13 are bound to: as far as can be, what nncourse computes."""

import numpy as np

import nncourse as nn
from equations import Chapter
from nncourse.language.lens import logit_lens, residual_stream
from nncourse.language.llama import KeyValueCache, Llama, weight_shapes
from nncourse.language.pretrained import MiniLM
from nncourse.language.speculative import residual
from nncourse.language.tokenizers import WordPieceTokenizer
from nncourse.scale.architectures import Architecture

chapter = Chapter("13_language_models")


@chapter.evaluates("eq-sentence-vector", rtol=1e-4, because="the vectors are float32")
def sentence_vector(rng):
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "neural", "net", "##s"]
    bert = nn.BERT(8, 6, 2, 1, context=16, rng=rng)
    for p in bert.parameters():
        p.value += rng.normal(size=p.value.shape).astype(np.float32)
    model = MiniLM(bert, WordPieceTokenizer(tokens))
    h = bert(np.array([model.tokenizer.encode("neural nets net")]))[0].astype(float)
    symbols = {rf"\mathbf{{h}}_{t}": vector for t, vector in enumerate(h, 1)}
    e = model.embed(["neural nets net"])[0].astype(float)
    return symbols | {"T": len(h), r"\mathbf{m}": h.mean(axis=0), r"\mathbf{e}": e}


@chapter.evaluates("eq-llama-norm")
def rms_norm(rng):
    d, epsilon = 7, 0.3
    layer = nn.RMSNorm(d, epsilon=epsilon, dtype=np.float64)
    (gain,) = layer.parameters()
    gain.value = rng.normal(size=d)
    x = rng.normal(size=d)
    return {
        r"\mathbf{x}": x,
        r"\mathbf{g}": gain.value,
        r"\epsilon": epsilon,
        "d": d,
        r"\mathbf{y}": layer(x[None])[0],
    }


@chapter.evaluates("eq-swiglu", rtol=1e-4, because="the model computes in float32")
def swiglu(rng):
    """The second half of a Llama's block, taken alone: attention adds nothing to the stream."""
    sizes = {"layers": 1, "dim": 6, "heads": 1, "hidden": 10, "vocabulary": 11, "context": 8}
    a = Architecture.llama(**sizes)
    weights = {name: rng.normal(size=shape) for name, shape in weight_shapes(a).items()}
    weights["blk.0.attn_output.weight"][:] = 0
    weights["blk.0.ffn_norm.weight"][:] = 1
    model, ids = Llama(a, weights), [3, 8, 5]
    stream = weights["token_embd.weight"][ids].astype(np.float32)
    rotation = nn.rotary.rotary_tables(3, 6)
    y = model.blocks[0](stream, rotation, KeyValueCache(a, 8)) - stream
    x = stream / np.sqrt(np.square(stream).mean(axis=1, keepdims=True) + a.epsilon)
    kernels = (weights[f"blk.0.ffn_{part}.weight"].T for part in ("gate", "up", "down"))
    return {
        r"\mathbf{X}": x.astype(float),
        r"\mathbf{Y}": y.astype(float),
        **{rf"\mathbf{{W}}_{i}": kernel for i, kernel in enumerate(kernels, 1)},
        "f": nn.activations.silu,
        r"\sigma": nn.activations.sigmoid,
        "z": rng.normal(),
    }


@chapter.evaluates("eq-logit-lens", rtol=1e-4, because="the model computes in float32")
def lens(rng):
    sizes = {"layers": 2, "dim": 6, "heads": 1, "hidden": 10, "vocabulary": 11, "context": 8}
    a = Architecture.llama(**sizes, epsilon=0.2)
    weights = {name: rng.normal(size=shape) for name, shape in weight_shapes(a).items()}
    model = Llama(a, weights)
    h = residual_stream(model, [3, 8, 5])[1, -1]
    symbols = {
        r"\mathbf{h}": h.astype(float),
        r"\mathbf{W}": weights["token_embd.weight"],
        r"\mathbf{g}": weights["output_norm.weight"],
        r"\mathbf{z}": logit_lens(model, h).astype(float),
        r"\epsilon": 0.2,
        "d": 6,
    }
    return symbols


@chapter.evaluates("eq-cache-bytes")
def cache_bytes(rng):
    sizes = {"layers": 3, "dim": 48, "heads": 4, "kv_heads": 2, "vocabulary": 9, "context": 64}
    a = Architecture.llama(**sizes)
    cache = KeyValueCache(a, int(rng.integers(5, 60)))
    return {
        "M": a.layers,
        "K": a.kv_heads,
        "d_h": a.head_dim,
        "T": cache.capacity,
        "s": cache.keys.itemsize,
        r"\text{bytes}": cache.keys.nbytes + cache.values.nbytes,
    }


@chapter.evaluates("eq-residual", "eq-speculative")
def speculative(rng):
    p, q = rng.dirichlet(np.ones(5), size=2)
    return {
        r"\mathbf{p}": p,
        r"\mathbf{q}": q,
        r"\mathbf{r}": residual(p, q),
        "V": 5,
        "a": np.minimum(p, q).sum(),
    }


@chapter.evaluates("eq-q4", "eq-q4-error")
def q4(rng):
    step, minimum = 2.0 ** -int(rng.integers(2, 6)), -float(rng.integers(1, 9)) / 4  # exact in F16
    w = minimum + step * rng.uniform(0, 15, 32)
    w[rng.permutation(32)[:2]] = minimum, minimum + 15 * step
    data = nn.quantization.quantize(w.astype(np.float32), "Q4_1")
    q = np.concatenate([data[4:] & 15, data[4:] >> 4]).astype(float)
    return {
        r"\mathbf{w}": w,
        r"\mathbf{q}": q,
        r"\hat{\mathbf{w}}": nn.quantization.dequantize(data, "Q4_1").astype(float),
        "s": step,
        "m": minimum,
    }


@chapter.evaluates("eq-perplexity")
def perplexity(rng):
    logits, target = rng.normal(size=(6, 9)), rng.integers(0, 9, 6)
    loss, _ = nn.losses.softmax_cross_entropy(logits, target)
    p = nn.activations.softmax(logits)[np.arange(6), target]
    return {r"\mathbf{p}": p, "n": 6, r"\text{PPL}": np.exp(loss)}
