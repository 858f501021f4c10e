"""A token of SmolLM2-135M: how near decoding comes to the speed at which memory can be read.

Each new token needs every weight once: 135 million float32, 538 MB, far more than the caches hold.
The bound is one product of a matrix of this size with a vector, read from memory in the same run.
Float32, one thread on one core; the last column compares decoding without the cache of keys and
values, which reads the whole sequence again for each token.
"""

# First, because it sets the number of threads before NumPy reads it.
from _measure import pin_to_one_core, print_table, ratio, report, side_by_side  # isort: skip

import statistics

import numpy as np

import nncourse as nn
from nncourse.language.pretrained import load_smollm2

PROMPT, STEPS, ROUNDS = "Once upon a time", 24, 7


def one_product(model):
    """As many bytes as the model has, in one matrix; numbers of a usual size."""
    rows = model.count_parameters() // 4096
    matrix = np.full((rows, 4096), 0.5, np.float32)
    vector = np.full(4096, 0.5, np.float32)

    def run(steps):
        for _ in range(steps):
            matrix @ vector

    return run


def its_products(model):
    """The products of one token with the model's own matrices, and nothing between them."""
    matrices = [
        matrix
        for block in model.blocks
        for matrix in (block.query_key_value, block.attention_output, block.gate_up, block.down)
    ]
    matrices.append(model.output)
    vectors = {n: np.full((1, n), 0.5, np.float32) for n in {len(m) for m in matrices}}

    def run(steps):
        for _ in range(steps):
            for matrix in matrices:
                vectors[len(matrix)] @ matrix

    return run


def main():
    """Time decoding beside its bound, with and without the cache."""
    pin_to_one_core()
    loading = nn.measure.Run()
    model = load_smollm2()
    print(f"loaded in {loading.seconds:.1f} s, peak memory {loading.megabytes:.0f} MB")
    ids = model.tokenizer.encode(PROMPT)

    def decode(cache):
        def run(steps):
            return model.generate(ids, max_new_tokens=steps, stop=(), cache=cache)

        return run

    if decode(True)(8) != decode(False)(8):
        raise SystemExit("the cache changes the text; the times mean nothing")
    contenders = {
        "one product of this size": one_product(model),
        "its products alone": its_products(model),
        "nncourse": decode(True),
        "nncourse, without the cache": decode(False),
    }
    seconds = side_by_side(contenders, steps=STEPS, rounds=ROUNDS)
    size = 4 * model.count_parameters()
    title = f"SmolLM2-135M, {STEPS} tokens after {len(ids)}, float32, one thread"
    print_table(title, seconds, baseline="one product of this size")
    bound = statistics.median(seconds["one product of this size"])
    print(f"\n{size / 1e6:.0f} MB of weights, read at {size / bound / 1e9:.1f} GB/s")
    for name in ("nncourse", "nncourse, without the cache"):
        print(f"{name}: {1 / statistics.median(seconds[name]):.1f} tokens a second")
    print("\nTargets")
    value = ratio(seconds, "nncourse", "one product of this size")
    report("nncourse at most 2 × the bound", value, value <= 2)


if __name__ == "__main__":
    main()
