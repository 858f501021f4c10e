"""Measure SmolLM2 for chapter 14: ``python book/tools/measure_assistant.py`` (some minutes).

Thirty-six questions with four options each, asked without a text, with the passage of the book that
MiniLM finds, and with the passage that holds the answer; each option's log-probability, and a free
answer. And opposites of words, after 0 to 16 examples. Everything goes to
``nncourse/data/assistant.json``, which the chapter draws and repeats in part. The questions, their
options and the passages, as the book had them in November 2026, are in ``questions.json`` there.
"""

import argparse
import json
from pathlib import Path

import numpy as np

import nncourse as nn
from nncourse.language.chat import chat_ids

DATA = Path(__file__).resolve().parents[2] / "nncourse" / "data"
SYSTEM = "You answer questions in a few words."
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
    return chat_ids(llm.tokenizer, f"{text}\nAnswer in a few words.", system=SYSTEM)


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


def main():
    """Measure, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=DATA / "assistant.json")
    output = parser.parse_args().output
    library = json.loads((DATA / "questions.json").read_text(encoding="utf-8"))
    passages = [passage["text"] for passage in library["passages"]]
    questions = library["questions"]
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
    measured["opposites"] = {
        str(k): [opposites(llm, k, seed) for seed in range(5)] for k in (0, 1, 2, 4, 8, 16)
    }
    measured["shuffled"] = [opposites(llm, 16, seed, shuffled=True) for seed in range(5)]
    output.write_text(json.dumps(measured, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
