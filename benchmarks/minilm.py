"""Sentences through all-MiniLM-L6-v2, as nncourse and PyTorch compute it.

From the tokens to vectors of 384 numbers, one sentence and then 32 together, which are padded to
the longest; float32, one thread on one core; beside the matrix products alone, in the fastest
layout. PyTorch runs its own ``nn.TransformerEncoder`` in inference mode, with the same published
weights. Tokenizing is timed by itself.
"""

# First, because it sets the number of threads before NumPy reads it.
from _measure import pin_to_one_core, print_table, ratio, report, side_by_side  # isort: skip

import json
from importlib import resources

import numpy as np
import torch
from _peers import one_thread

from nncourse.language.pretrained import load_minilm

SENTENCE = "The quick brown fox jumps over the lazy dog near the bank of the river."
BATCH, STEPS, ROUNDS = 32, 10, 21


def bare_products(model, sentences, tokens):
    """The products of the dense layers and of attention, for as many sentences and tokens."""
    heads, dim = model.bert.blocks[0].attention.heads, 384
    rng = np.random.default_rng(0)
    layers = [(*block.attention.layers, *block.network) for block in model.bert.blocks]
    dense = [layer for block in layers for layer in block]
    kernels = [(len(layer.kernel.value), layer.kernel.matrix) for layer in dense]  # in panels
    inputs = {n: rng.random((sentences * tokens, n), np.float32) for n in (dim, 4 * dim)}
    queries = rng.random((sentences * heads, tokens, dim // heads), np.float32)
    keys = np.ascontiguousarray(queries.swapaxes(1, 2))
    shares = rng.random((sentences * heads, tokens, tokens), np.float32)

    def run(steps):
        for _ in range(steps):
            for rows, kernel in kernels:
                inputs[rows] @ kernel
            for _ in layers:
                queries @ keys
                shares @ queries

    return run


def in_torch(model, ids, mask):
    """The same weights in PyTorch's own encoder."""

    def tensor(parameter):
        return torch.tensor(parameter.value)

    bert, heads = model.bert, model.bert.blocks[0].attention.heads
    layer = torch.nn.TransformerEncoderLayer(
        384, heads, 1536, dropout=0.0, activation="gelu", layer_norm_eps=1e-12, batch_first=True
    )
    encoder = torch.nn.TransformerEncoder(layer, len(bert.blocks)).eval()
    norm = torch.nn.LayerNorm(384, eps=1e-12)
    with torch.no_grad():
        for there, here in zip(encoder.layers, bert.blocks, strict=True):
            attention = here.attention
            parts = (attention.query, attention.key, attention.value)
            there.self_attn.in_proj_weight.copy_(torch.cat([tensor(p.kernel).T for p in parts]))
            there.self_attn.in_proj_bias.copy_(torch.cat([tensor(p.bias) for p in parts]))
            pairs = (
                (there.self_attn.out_proj, attention.output),
                (there.linear1, here.network[0]),
                (there.linear2, here.network[1]),
            )
            for linear, dense in pairs:
                linear.weight.copy_(tensor(dense.kernel).T)
                linear.bias.copy_(tensor(dense.bias))
        norms = [norm, *(n for layer in encoder.layers for n in (layer.norm1, layer.norm2))]
        ours = [bert.norm]
        for block in bert.blocks:
            ours += [block.attention_norm, block.network_norm]
        for there, here in zip(norms, ours, strict=True):
            there.weight.copy_(tensor(here.gamma))
            there.bias.copy_(tensor(here.beta))
    tokens, positions = tensor(bert.tokens.table), tensor(bert.positions.positions)
    segments, ids, mask = tensor(bert.segments.table), torch.from_numpy(ids), torch.from_numpy(mask)
    padding = None if mask.all() else ~mask

    def run(steps):
        with torch.inference_mode():
            for _ in range(steps):
                x = norm(tokens[ids] + positions[: ids.shape[1]] + segments[0])
                h = encoder(x, src_key_padding_mask=padding) * mask[:, :, None]
                mean = h.sum(dim=1) / mask.sum(dim=1, keepdim=True)
                vectors = mean / mean.norm(dim=1, keepdim=True)
        return vectors.numpy()

    return run


def compare(model, sentences, steps):
    """Check that both give the same vectors, then time them."""
    ids, mask = model.tokenizer.batch(sentences)
    count, tokens = ids.shape

    def ours(steps):
        for _ in range(steps):
            h = model.bert(ids, mask=mask) * mask[:, :, None]
            mean = h.sum(axis=1) / mask.sum(axis=1, keepdims=True)
            vectors = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return vectors

    def with_text(steps):
        for _ in range(steps):
            vectors = model.embed(sentences)
        return vectors

    torch_run = in_torch(model, ids, mask)
    reference = torch_run(1)
    for run in (ours, with_text):
        if (difference := np.abs(run(1) - reference).max()) > 1e-5:
            raise SystemExit(f"the vectors differ by {difference}; the times mean nothing")
    contenders = {
        "matrix products alone": bare_products(model, count, tokens),
        "nncourse": ours,
        "nncourse, from the text": with_text,
        "PyTorch": torch_run,
    }
    seconds = side_by_side(contenders, steps=steps, rounds=ROUNDS)
    what = f"{count} sentence{'s' * (count > 1)} of {tokens} tokens"
    title = f"all-MiniLM-L6-v2, {what}, float32, one thread"
    print_table(title, seconds, baseline="matrix products alone")
    print("\nTargets")
    for name in ("nncourse", "nncourse, from the text"):
        value = ratio(seconds, "PyTorch", name)
        report(f"{what}: PyTorch at least 0.8 × {name}", value, value >= 0.8)


def main():
    """One sentence, then a batch: the questions of the course's own assistant."""
    pin_to_one_core()
    one_thread()
    model = load_minilm()
    compare(model, [SENTENCE], STEPS)
    data = resources.files("nncourse").joinpath("data", "questions.json")
    questions = json.loads(data.read_text(encoding="utf-8"))["questions"]
    compare(model, [q["question"] for q in questions[:BATCH]], max(1, STEPS // BATCH))


if __name__ == "__main__":
    main()
