"""A sentence through all-MiniLM-L6-v2, as nncourse and PyTorch compute it.

From the text's 16 tokens to the vector of 384 numbers, one sentence at a time, float32, one thread
on one core; beside the matrix products alone. PyTorch runs its own ``nn.TransformerEncoder`` in
inference mode, with the same published weights. Tokenizing is timed by itself.
"""

# First, because it sets the number of threads before NumPy reads it.
from _measure import pin_to_one_core, print_table, ratio, report, side_by_side  # isort: skip

import numpy as np
import torch
from _peers import one_thread

from nncourse.language.pretrained import load_minilm

SENTENCE = "The quick brown fox jumps over the lazy dog near the bank of the river."
STEPS, ROUNDS = 10, 21


def bare_products(model, tokens):
    """The products of the dense layers and of attention, for as many tokens."""
    heads, dim = model.bert.blocks[0].attention.heads, 384
    rng = np.random.default_rng(0)
    layers = [(*block.attention.layers, *block.network) for block in model.bert.blocks]
    kernels = [layer.kernel.value for block in layers for layer in block]
    inputs = {n: rng.random((tokens, n), np.float32) for n in (dim, 4 * dim)}
    queries = rng.random((heads, tokens, dim // heads), np.float32)
    keys = np.ascontiguousarray(queries.swapaxes(1, 2))
    shares = rng.random((heads, tokens, tokens), np.float32)

    def run(steps):
        for _ in range(steps):
            for kernel in kernels:
                inputs[len(kernel)] @ kernel
            for _ in layers:
                queries @ keys
                shares @ queries

    return run


def in_torch(model, ids):
    """The same weights in PyTorch's own encoder."""

    def tensor(parameter):
        return torch.from_numpy(parameter.value)

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
    segments, ids = tensor(bert.segments.table), torch.from_numpy(ids)

    def run(steps):
        with torch.inference_mode():
            for _ in range(steps):
                x = norm(tokens[ids] + positions[: ids.shape[1]] + segments[0])
                mean = encoder(x).mean(dim=1)
                vector = mean / mean.norm(dim=1, keepdim=True)
        return vector.numpy()

    return run


def main():
    """Check that both give the same vector, then time them."""
    pin_to_one_core()
    one_thread()
    model = load_minilm()
    ids, mask = model.tokenizer.batch([SENTENCE])

    def ours(steps):
        for _ in range(steps):
            h = model.bert(ids, mask=mask)
            mean = h.mean(axis=1)
            vector = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return vector

    def with_text(steps):
        for _ in range(steps):
            vector = model.embed([SENTENCE])
        return vector

    torch_run = in_torch(model, ids)
    reference = torch_run(1)
    for run in (ours, with_text):
        if (difference := np.abs(run(1) - reference).max()) > 1e-5:
            raise SystemExit(f"the vectors differ by {difference}; the times mean nothing")
    contenders = {
        "matrix products alone": bare_products(model, ids.shape[1]),
        "nncourse": ours,
        "nncourse, from the text": with_text,
        "PyTorch": torch_run,
    }
    seconds = side_by_side(contenders, steps=STEPS, rounds=ROUNDS)
    title = f"all-MiniLM-L6-v2, a sentence of {ids.shape[1]} tokens, float32, one thread"
    print_table(title, seconds, baseline="matrix products alone")
    print("\nTargets")
    for name in ("nncourse", "nncourse, from the text"):
        value = ratio(seconds, name, "PyTorch")
        report(f"{name} at most 2 × PyTorch", value, value <= 2)


if __name__ == "__main__":
    main()
