"""What the symbols of chapter 12 are bound to: as far as can be, what nncourse computes."""

import numpy as np

import nncourse as nn
from equations import Chapter
from nncourse.language.llama import KeyValueCache, Llama, weight_shapes
from nncourse.language.pretrained import MiniLM
from nncourse.language.tokenizers import WordPieceTokenizer
from nncourse.scale.architectures import GPT3, Architecture
from nncourse.scale.scaling import LossLaw, PowerLaw

chapter = Chapter("12_scaling")


@chapter.evaluates("eq-gpt-parameters")
def gpt_parameters(rng):
    v, t, m = (int(n) for n in rng.integers(3, 40, 3))
    d = 2 * int(rng.integers(2, 9))
    model = nn.GPT(v, d, 2, m, context=t)
    return {"V": v, "T": t, "M": m, "d": d, "P": sum(p.value.size for p in model.parameters())}


@chapter.evaluates("eq-forward-flops")
def forward_flops(rng):
    v, m, n = (int(size) for size in rng.integers(3, 40, 3))
    d = 2 * int(rng.integers(2, 9))
    a = Architecture(layers=m, dim=d, heads=2, vocabulary=v, context=50)
    return {"V": v, "M": m, "n": n, "d": d, "F": nn.counting.forward_flops(a, n)}


@chapter.evaluates("eq-six-nd", rtol=0.015, because="attention's pairs are neglected: 1.4 %")
def six_nd(rng):
    a, tokens = GPT3["175B"], float(rng.uniform(1e9, 1e12))
    per_token = 3 * nn.counting.forward_flops(a, 2048) / 2048
    return {
        "N": sum(nn.counting.count_parameters(a).values()),
        "D": tokens,
        "C": per_token * tokens,
    }


@chapter.evaluates("eq-run-time")
def run_time(rng):
    c, s, u = rng.uniform(1, 5), rng.uniform(1, 5), rng.uniform(0.2, 0.8)
    k = int(rng.integers(2, 9))
    options = {"devices": k, "peak_flops_per_second": s, "utilization": u}
    return {"C": c, "K": k, "S": s, "u": u, "t": nn.counting.run_seconds(c, **options)}


@chapter.evaluates("eq-training-memory")
def training_memory(rng):
    n = float(rng.integers(1000, 9999))
    return {"N": n, "B": sum(nn.counting.training_bytes(n).values())}


@chapter.evaluates("eq-power-law", "eq-power-law-line")
def power_law(rng):
    alpha, c, n = rng.uniform(0.1, 0.9), rng.uniform(2, 9), rng.uniform(10, 1000)
    unused = dict.fromkeys(
        ("floor", "exponent_error", "coefficient_error", "floor_error", "residual"), 0.0
    )
    law = PowerLaw(exponent=-alpha, coefficient=c, degrees_of_freedom=1, **unused)
    return {r"\alpha": alpha, "c": c, "N": n, "L": float(law(n))}


@chapter.evaluates("eq-loss-law", "eq-compute-optimal")
def loss_law(rng):
    constants = {name: rng.uniform(1, 3) for name in ("E", "A", "B")}
    exponents = {name: rng.uniform(0.2, 0.8) for name in ("alpha", "beta")}
    law, n, d, c = LossLaw(**constants, **exponents), *rng.uniform(2, 90, 3)
    a, b = exponents.values()
    return {
        **constants,
        r"\alpha": a,
        r"\beta": b,
        "N": n,
        "D": d,
        "L": law(n, d),
        "C": c,
        "N^*": law.optimum(c)[0],
        "G": (a * constants["A"] / b / constants["B"]) ** (1 / (a + b)),
    }


@chapter.evaluates("eq-chinchilla-rule")
def chinchilla_rule(rng):
    c = float(rng.uniform(1e20, 1e24))
    n, d = nn.scaling.tokens_per_parameter_rule(c)
    return {"C": c, "N": n, "D": d}


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
        "B": cache.keys.nbytes + cache.values.nbytes,
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


@chapter.evaluates("eq-lora")
def lora(rng):
    dense = nn.Dense(5, 3, rng=rng, dtype=np.float64)
    dense.bias.value = rng.normal(size=3)
    layer = nn.layers.LoRA(dense, 2, alpha=7.0, rng=rng)
    layer.b.value = rng.normal(size=(2, 3))
    x = rng.normal(size=(7, 5))
    return {
        r"\mathbf{X}": x,
        r"\mathbf{W}": dense.kernel.value,
        r"\mathbf{b}": dense.bias.value,
        r"\mathbf{A}": layer.a.value,
        r"\mathbf{B}": layer.b.value,
        r"\alpha": 7.0,
        "r": 2,
        r"\mathbf{Y}": layer(x),
    }
