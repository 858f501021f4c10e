"""Measure SmolLM2 for chapter 14: ``python book/tools/measure_assistant.py`` (some minutes).

Thirty-six questions with four options each, asked without a text, with the passage of the book that
MiniLM finds, and with the passage that holds the answer; each option's log-probability, and a free
answer; each option's tokens, and its log-probability after a conversation that asks nothing. And
opposites of words, after 0 to 16 examples. And what the chapter does with the small GPT, by the
chapter's own cells, once for each of five seeds, and its preferences once more with four times the
pairs at half the rate, for two; its policy gradient at beta = 1 with four times the answers at half
the rate, for two; and how many of 2,000 answers its preferences lose and gain.
Everything goes to ``nncourse/data/assistant.json``, which the chapter draws and repeats in part;
``--only seeds``, ``long``, ``trial``, ``kept`` or ``unasked`` measures a part alone and keeps the
rest. The questions, their options and the passages, as the book had them in November 2026, are in
``questions.json`` there.
"""

import argparse
import copy
import json
from pathlib import Path

import numpy as np

import nncourse as nn
from nncourse.language.chat import chat_ids
from nncourse.layers.lora import add_lora

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "nncourse" / "data"
SYSTEM = "You answer questions in a few words."
ASK = "Answer in a few words."
LONG = {"steps": 120, "rate": 1e-4, "size": 24}  # the chapter: 60 steps of 12 pairs at 2e-4
OPPOSITES = """hot cold,big small,up down,old new,good bad,fast slow,happy sad,open closed
early late
rich poor,strong weak,light dark,full empty,hard soft,high low,wet dry,long short,clean dirty
thick thin,near far,first last,left right,day night,true false,war peace,win lose,push pull
buy sell,love hate,remember forget,inside outside,alive dead,above below,before after,more less
always never"""
OPPOSITES = [pair.split() for pair in OPPOSITES.replace("\n", ",").split(",")]


def prompt(llm, question, passage=None):
    """Return the ids of a conversation that asks one question, under a passage or without."""
    text = question if passage is None else f"{passage}\n\nQuestion: {question}"
    return chat_ids(llm.tokenizer, f"{text}\n{ASK}", system=SYSTEM)


def score(llm, ids, options):
    """Return the log-probability of each option after the prompt; the prompt is read once."""
    cache, scores = llm.cache(len(ids) + 40), []
    first = llm.logits(ids, cache)[-1:]
    for option in options:
        answer = np.array(llm.tokenizer.encode(option[0].upper() + option[1:]))
        cache.length = len(ids)  # forget the option before
        logits = np.concatenate([first, llm.logits(answer, cache)[:-1]])[None]
        mask = np.ones((1, len(answer)), bool)
        total, _ = nn.preference.sequence_log_probability(logits, answer[None], mask)
        scores.append(float(total[0]))
    return scores


def unasked(llm, questions):
    """Return the number of tokens of each option, and its score where nothing was asked."""
    ids, encode = chat_ids(llm.tokenizer, ASK, system=SYSTEM), llm.tokenizer.encode
    tokens = [[len(encode(o[0].upper() + o[1:])) for o in q["options"]] for q in questions]
    scores = [[round(s, 4) for s in score(llm, ids, q["options"])] for q in questions]
    return {"tokens": tokens, "unasked": scores}


def opposites(llm, examples, seed, *, shuffled=False, tests=12):
    """Return how many of some words get their opposite after so many examples."""
    tokenizer, rng = llm.tokenizer, np.random.default_rng(seed)
    order = rng.permutation(len(OPPOSITES))
    asked = [OPPOSITES[i] for i in order[:tests]]
    shown = [OPPOSITES[i] for i in order[tests : tests + examples]]
    answers = [b for _, b in shown]
    if shuffled:
        answers = answers[1:] + answers[:1]  # nobody keeps its own
    text = "".join(f"{a} -> {b}\n" for (a, _), b in zip(shown, answers, strict=True))
    cache = llm.cache(400)
    if text:
        llm.logits(tokenizer.encode(text), cache)
    start, right = cache.length, 0
    for word, opposite in asked:
        cache.length = start
        best = llm.logits(tokenizer.encode(f"{word} ->"), cache)[-1].argmax()
        right += int(best) == tokenizer.encode(f" {opposite}")[0]
    return right


def chapter():
    """Return what the chapter's cells define about the small GPT, without running its results."""
    notebook = json.loads((ROOT / "book" / "14_assistants.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    wanted = ("USER, BOT, END", "def example", "def shown", "def fine_tune", "def accuracy",
              "def adapted", "def pairs_of", "def prefer", "judged =", "def sampled",
              "def courteous")  # fmt: skip
    austen, tokenizer = nn.pretrained.load_austen(verbose=False)
    given = {"nn": nn, "np": np, "copy": copy, "preference": nn.preference, "add_lora": add_lora,
             "austen": austen, "tokenizer": tokenizer,
             "softmax": nn.activations.softmax}  # fmt: skip
    for start in wanted:
        cell = next(cell for cell in cells if cell.startswith(start))
        exec(cell.split("\n\n\nfor ")[0], given)
    return given


def small_model(seeds):
    """Return the small GPT's results for each seed, by experiment; LoRA and DPO start from one."""
    g = chapter()
    accuracy, tune, found = g["accuracy"], g["fine_tune"], {}

    def note(name, *numbers):
        found.setdefault(name, []).append([round(float(number), 4) for number in numbers])

    for seed in range(seeds):
        for name, everything in ("answers", False), ("prompts too", True):
            model = tune(copy.deepcopy(g["austen"]), 200, everything=everything, seed=seed)
            note(name, accuracy(model), g["novel_bits"](model))
            g.setdefault("assistant", model)  # the first one, of seed 0
        for name, rank, rate in ("all weights", 0, 0.001), ("rank 4", 4, 0.01):
            model, _ = g["adapted"](rank, seed, rate)
            note(name, accuracy(model, kinds=("second",)), accuracy(model))
        for beta in 1, 2, 4:
            model = g["prefer"](beta, seed=seed)
            odds = g["odds"](model)
            share = np.mean(odds / (1 + odds))
            note(f"beta {beta}", share, accuracy(model))
        print(f"seed {seed}", {name: rows[-1] for name, rows in found.items()}, flush=True)
    return found


def long_preferences(seeds):
    """Return the share of courteous answers, and of right ones, after :data:`LONG`, by beta."""
    g, found = chapter(), {}
    g["assistant"] = g["fine_tune"](copy.deepcopy(g["austen"]), 200)
    for beta in 1, 2, 4:
        for seed in range(seeds):
            model = g["prefer"](beta, seed=seed, **LONG)
            odds = g["odds"](model)
            row = np.mean(odds / (1 + odds)), g["accuracy"](model)
            found.setdefault(f"beta {beta}", []).append([round(float(x), 4) for x in row])
            print(f"long, beta {beta}, seed {seed}", row, flush=True)
    return found


def long_trial(seeds):
    """Return the share of courteous answers after a long policy gradient at beta = 1, by seed."""
    g = chapter()
    g["assistant"] = g["fine_tune"](copy.deepcopy(g["austen"]), 200)
    found = []
    for seed in range(seeds):
        odds = g["odds"](g["reinforce"](1, steps=120, rate=1e-4, prompts=8, seed=seed))
        found.append(round(float(np.mean(odds / (1 + odds))), 4))
        print(f"long trial, seed {seed}", found[-1], flush=True)
    return found


def kept():
    """Return how many answers of 2,000 are right no more after preferences, and how many anew."""
    g, found = chapter(), {}
    g["assistant"] = g["fine_tune"](copy.deepcopy(g["austen"]), 200)
    rng = np.random.default_rng(99)
    ids, mask = g["rows"]([g["example"](rng) for _ in range(2000)])

    def right(model):
        return ((model(ids[:, :-1]).argmax(axis=-1) == ids[:, 1:]) | ~mask).all(axis=1)

    before = right(g["assistant"])
    for beta in 1, 2, 4:
        after = right(g["prefer"](beta))
        found[f"beta {beta}"] = [int((before & ~after).sum()), int((after & ~before).sum())]
    return found


def library():
    """Return the passages and the questions."""
    found = json.loads((DATA / "questions.json").read_text(encoding="utf-8"))
    return [passage["text"] for passage in found["passages"]], found["questions"]


def published_models():
    """Return the answers of SmolLM2, with what MiniLM finds, and its opposites."""
    passages, questions = library()
    minilm = nn.pretrained.load_minilm()
    shelf = minilm.embed(passages)
    asked = minilm.embed([q["question"] for q in questions])
    found = np.argsort(-(asked @ shelf.T), axis=1)[:, :5].tolist()
    llm = nn.pretrained.load_smollm2()
    measured = {"found": found, "closed": [], "retrieved": [], "given": [], "free": []}
    for question, places in zip(questions, found, strict=True):
        best = passages[places[0]]
        for name, passage in (
            ("closed", None),
            ("retrieved", best),
            ("given", passages[question["passage"]]),
        ):
            ids = prompt(llm, question["question"], passage)
            scores = score(llm, ids, question["options"])
            measured[name].append([round(s, 4) for s in scores])
        ids = [prompt(llm, question["question"], passage) for passage in (None, best)]
        answers = [llm.tokenizer.decode(llm.generate(i, max_new_tokens=14)) for i in ids]
        measured["free"].append(answers)
    measured |= unasked(llm, questions)
    measured["opposites"] = {
        str(k): [opposites(llm, k, seed) for seed in range(5)] for k in (0, 1, 2, 4, 8, 16)
    }
    measured["shuffled"] = [opposites(llm, 16, seed, shuffled=True) for seed in range(5)]
    return measured


def main():
    """Measure, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=DATA / "assistant.json")
    parser.add_argument(
        "--only", choices=("seeds", "long", "trial", "kept", "unasked"), help="measure this alone"
    )
    options = parser.parse_args()
    only = options.only
    if only:
        measured = json.loads((DATA / "assistant.json").read_text(encoding="utf-8"))
    else:
        measured = published_models()
    if only == "unasked":
        measured |= unasked(nn.pretrained.load_smollm2(), library()[1])
    if only in (None, "seeds"):
        measured["seeds"] = small_model(5)
    if only in (None, "long"):
        measured["long"] = long_preferences(2)
    if only in (None, "trial"):
        measured["long trial"] = long_trial(2)
    if only in (None, "kept"):
        measured["kept"] = kept()
    text = json.dumps(measured, ensure_ascii=False, indent=1) + "\n"
    options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
