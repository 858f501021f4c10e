"""SmolLM2-135M: how near decoding comes to the speed at which memory can be read; and a prompt.

Each new token needs every weight once: 135 million float32, 538 MB, far more than the caches hold.
The bound is one product of a matrix of this size with a vector, read from memory in the same run.
Float32, one thread on one core; decoding without the cache of keys and values, too, which reads the
whole sequence again for each token. A prompt is read in one go, up to the logits of its last token:
there the products bound, not memory.
"""

# First, because it sets the number of threads before NumPy reads it.
from _measure import pin_to_one_core, print_table, ratio, report, side_by_side  # isort: skip

import statistics

import numpy as np

import nncourse as nn
from nncourse.language.pretrained import load_smollm2

PROMPT, STEPS, ROUNDS, LENGTH = "Once upon a time", 24, 7, 128


def one_product(model):
    """As many bytes as the model has, in one matrix; numbers of a usual size."""
    rows = model.count_parameters() // 4096
    matrix = np.full((rows, 4096), 0.5, np.float32)
    vector = np.full(4096, 0.5, np.float32)

    def run(steps):
        for _ in range(steps):
            matrix @ vector

    return run


def its_products(model, tokens):
    """The products of tokens with the model's own matrices, and nothing between them.

    Only the last one's successor is asked for.
    """
    matrices = [
        matrix
        for block in model.blocks
        for matrix in (block.query_key_value, block.attention_output, block.gate_up, block.down)
    ]
    vectors = {n: np.full((tokens, n), 0.5, np.float32) for n in {m.shape[0] for m in matrices}}

    def run(steps):
        for _ in range(steps):
            for matrix in matrices:
                vectors[matrix.shape[0]] @ matrix
            vectors[len(model.output)][:1] @ model.output

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
        "its products alone": its_products(model, 1),
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
    report("nncourse at most 1.2 × the bound", value, value <= 1.2)

    ids = model.tokenizer.encode(" ".join([PROMPT] * LENGTH))[:LENGTH]

    def read(steps):
        for _ in range(steps):
            model.generate(ids, max_new_tokens=1, stop=())

    contenders = {"its products alone": its_products(model, LENGTH), "nncourse": read}
    seconds = side_by_side(contenders, steps=1, rounds=ROUNDS)
    title = f"SmolLM2-135M, a prompt of {LENGTH} tokens, float32, one thread"
    print_table(title, seconds, baseline="its products alone")
    print(f"\n{LENGTH / statistics.median(seconds['nncourse']):.0f} tokens a second")
    print("\nTargets")
    value = ratio(seconds, "nncourse", "its products alone")
    report("nncourse at most 1.5 × its products", value, value <= 1.5)


if __name__ == "__main__":
    main()
