"""Speculative decoding: the same text when greedy, the same distribution when drawn."""

from itertools import product

import numpy as np
import pytest

from nncourse.language.llama import Llama, weight_shapes
from nncourse.language.sampling import probabilities
from nncourse.language.speculative import CopyDraft, residual, speculate, verify
from nncourse.scale.architectures import Architecture


class Paths:
    """A generator that takes every path once: it is asked to choose, and counts along."""

    def __init__(self, prefix):
        self.prefix, self.taken, self.options, self.probability = prefix, [], [], 1.0

    def choice(self, n, *, p):
        possible = [i for i in range(n) if p[i] > 0]
        step = len(self.taken)
        index = self.prefix[step] if step < len(self.prefix) else 0
        self.taken.append(index)
        self.options.append(len(possible))
        self.probability *= p[possible[index]]
        return possible[index]


def every_path(run):
    """Yield what ``run`` returns and its probability, for every sequence of choices."""
    prefix = []
    while prefix is not None:
        paths = Paths(prefix)
        yield run(paths), paths.probability
        prefix = None
        for step in range(len(paths.taken) - 1, -1, -1):
            if paths.taken[step] + 1 < paths.options[step]:
                prefix = [*paths.taken[:step], paths.taken[step] + 1]
                break


@pytest.mark.parametrize("seed", range(3))
def test_all_paths_together_are_the_model_alone(seed):
    """Three tokens from two guesses, by a model and a draft that depend on the tokens before."""
    rng, v, ahead = np.random.default_rng(seed), 3, 2
    prefixes = [t for n in range(ahead + 1) for t in product(range(v), repeat=n)]
    model = {t: rng.dirichlet(np.full(v, 0.6)) for t in prefixes}
    draft = {t: rng.dirichlet(np.full(v, 0.6)) for t in prefixes}

    def run(paths):
        guess = []
        for _ in range(ahead):
            guess.append(int(paths.choice(v, p=draft[tuple(guess)])))
        starts = [tuple(guess[:n]) for n in range(ahead + 1)]
        tokens = verify([model[s] for s in starts], [draft[s] for s in starts[:-1]], guess, paths)
        while len(tokens) < ahead + 1:  # what is still missing comes from the model alone
            tokens = [*tokens, int(paths.choice(v, p=model[tuple(tokens)]))]
        return tuple(tokens)

    made = dict.fromkeys(product(range(v), repeat=ahead + 1), 0.0)
    for tokens, probability in every_path(run):
        made[tokens] += probability
    for tokens, probability in made.items():
        alone = np.prod([model[tokens[:i]][tokens[i]] for i in range(ahead + 1)])
        assert probability == pytest.approx(alone, abs=1e-12), tokens
    assert sum(made.values()) == pytest.approx(1)


def test_the_residual_of_equal_distributions_is_never_needed_but_is_one():
    p = np.array([0.2, 0.3, 0.5])
    np.testing.assert_array_equal(residual(p, p), p)
    np.testing.assert_allclose(residual(p, np.array([1.0, 0, 0])), [0, 0.375, 0.625], rtol=1e-12)


@pytest.fixture(scope="module")
def model():
    a = Architecture.llama(
        layers=2, dim=12, heads=2, kv_heads=1, hidden=16, vocabulary=7, context=40
    )
    rng = np.random.default_rng(1)
    weights = {n: rng.normal(scale=0.6, size=shape) for n, shape in weight_shapes(a).items()}
    return Llama(a, weights)


def no_idea(ids):
    return None


@pytest.mark.parametrize("ahead", [1, 3, 8])
@pytest.mark.parametrize("draft", [CopyDraft(7), CopyDraft(7, order=1), no_idea])
def test_greedy_text_is_that_of_generate(model, draft, ahead):
    for ids in ([1], [1, 2, 3, 1, 2], [6, 6, 6]):
        for count in (1, 9, 100):  # the last runs into the end of the context
            made = speculate(model, draft, ids, max_new_tokens=count, ahead=ahead)
            assert made.ids == model.generate(ids, max_new_tokens=count)
            assert made.passes + made.accepted >= len(made.ids)
            assert made.accepted <= made.proposed


def test_it_stops_where_generate_does(model):
    text = model.generate([1, 2], max_new_tokens=20)
    made = speculate(model, CopyDraft(7), [1, 2], max_new_tokens=20, stop=text[6])
    assert made.ids == model.generate([1, 2], max_new_tokens=20, stop=text[6])


def test_a_draft_that_knows_saves_passes(model):
    text = [1, 2, *model.generate([1, 2], max_new_tokens=24)]

    def knows(ids):
        return np.eye(7)[text[len(ids)]]

    made = speculate(model, knows, [1, 2], max_new_tokens=20, ahead=4)
    assert made.ids == text[2:22] and made.passes == 4


def test_second_tokens_are_distributed_as_the_models(model):
    """800 texts of two tokens, against the exact distribution."""
    rng, v = np.random.default_rng(0), 7
    first = probabilities(model.logits([1, 2])[-1])
    exact = sum(first[i] * probabilities(model.logits([1, 2, i])[-1]) for i in range(v))

    def uniform(ids):
        return np.full(v, 1 / v)

    drawn = [
        speculate(model, uniform, [1, 2], max_new_tokens=2, ahead=2, temperature=1, rng=rng).ids[1]
        for _ in range(800)
    ]
    observed = np.bincount(drawn, minlength=v) / 800
    assert np.abs(observed - exact).max() < 4 * np.sqrt(0.25 / 800)


def test_copying_prefers_the_longest_and_latest():
    draft = CopyDraft(9, order=2, source=[5, 6, 7])
    assert draft([1, 2, 3, 4, 2, 8, 1, 2]).argmax() == 3  # after 1, 2
    assert draft([4, 2, 3, 2, 5, 2]).argmax() == 5  # the latest after 2
    assert draft([0, 6]).argmax() == 7  # from the source
    with pytest.raises(ValueError, match="order"):
        CopyDraft(9, order=0)


@pytest.mark.parametrize(
    "options",
    [
        {"max_new_tokens": 0},
        {"max_new_tokens": -9},
        {"max_new_tokens": 3, "ahead": 0},
        {"max_new_tokens": 3, "ahead": -9},
    ],
)
def test_numbers_out_of_range_are_refused(model, options):
    with pytest.raises(ValueError, match="at least 1"):
        speculate(model, no_idea, [1], **options)


def test_a_cache_can_be_cut_but_not_grown(model):
    cache = model.cache()
    model.logits([1, 2, 3], cache)
    cache.rewind(1)
    np.testing.assert_allclose(
        model.logits([2, 3], cache), model.logits([1, 2, 3])[1:], rtol=1e-4, atol=1e-5
    )
    with pytest.raises(ValueError, match="cannot be cut"):
        cache.rewind(9)


def test_a_text_that_is_too_long_is_refused_as_in_generate(model):
    context, vocabulary = model.architecture.context, model.architecture.vocabulary
    for ids in ([1] * (context + 1), [vocabulary] * context, []):
        with pytest.raises(ValueError, match=r"from 1 to|token ids must lie"):
            model.generate(ids, max_new_tokens=2)
        with pytest.raises(ValueError, match=r"from 1 to|token ids must lie"):
            speculate(model, CopyDraft(vocabulary), ids, max_new_tokens=2)
    full = [1] * context
    assert speculate(model, CopyDraft(vocabulary), full, max_new_tokens=2).ids == []


def test_a_draft_reads_what_is_new_alone(monkeypatch):
    """Else each token would take a time that grows with the text."""
    rng = np.random.default_rng(0)
    ids, draft = rng.integers(0, 9, 500).tolist(), CopyDraft(9, order=3)
    draft(ids)
    looks = []
    ends = CopyDraft._ends
    monkeypatch.setattr(CopyDraft, "_ends", lambda self: looks.append(0) or ends(self))
    for text in ([*ids, 1], [*ids, 1, 2], [*ids, 3], ids[:250]):
        found, fresh = draft(text), CopyDraft(9, order=3)
        before = len(looks)
        np.testing.assert_array_equal(found, fresh(text))
        del looks[before:]
    assert len(looks) == 1 + 1 + 3 + 251


def test_three_tokens_are_looked_up_and_four_are_guessed_unless_told(model):
    seen = [2, 3, 4, 5, 1, 3, 4, 6, 2, 3, 4]  # after 2, 3, 4 came 5, after 3, 4 the latest 6
    assert CopyDraft(9)(seen).argmax() == 5 and CopyDraft(9, order=2)(seen).argmax() == 6
    longer = [7, 2, 3, 4, 5, 0, 2, 3, 4, 6, 7, 2, 3, 4]
    assert CopyDraft(9)(longer).argmax() == 6 and CopyDraft(9, order=4)(longer).argmax() == 5
    text = [1, 2, *model.generate([1, 2], max_new_tokens=24)]
    made = speculate(model, lambda ids: np.eye(7)[text[len(ids)]], [1, 2], max_new_tokens=20)
    assert (made.passes, made.proposed, made.accepted) == (4, 16, 16)
    made = speculate(model, lambda ids: np.eye(7)[text[len(ids)]], [1, 2], max_new_tokens=6)
    assert (made.passes, made.proposed, made.accepted) == (2, 4, 4)  # of the last, no guess
    with pytest.raises(ValueError, match=r"ahead is a whole number of at least 1, got 1\.5"):
        speculate(model, no_idea, [1], max_new_tokens=1, ahead=1.5)


def test_a_draft_without_an_idea_reads_token_by_token(model):
    made = speculate(model, no_idea, [1, 2], max_new_tokens=5)
    assert (made.passes, made.proposed, made.accepted) == (5, 0, 0)
    assert CopyDraft(9)([4, 5, 6]) is None and CopyDraft(9)([]) is None
