"""What the symbols of chapter 14 are bound to: as far as can be, what nncourse computes."""

import numpy as np

import nncourse as nn
from equations import Chapter, given

chapter = Chapter("14_assistants")
sigmoid, preference = nn.activations.sigmoid, nn.preference


def answer(rng):
    """Five steps over three tokens, of which three steps count."""
    z, mask = rng.normal(size=(5, 3)), np.array([0, 1, 0, 1, 1], bool)
    target = rng.integers(0, 3, 5)
    p = nn.activations.softmax(z)
    return z, target, mask, p


@chapter.evaluates("eq-assist-answer-loss")
def answer_loss(rng):
    z, target, mask, p = answer(rng)
    loss, _ = preference.answer_loss(z[None], target[None], mask[None])
    return {r"\mathbf{m}": mask.astype(float), r"\mathbf{p}": p[np.arange(5), target], "L": loss}


@chapter.evaluates("eq-assist-lora")
def lora(rng):
    layer = nn.lora.LoRA(nn.Dense(5, 3, dtype=np.float64, rng=rng), 2, alpha=3, rng=rng)
    layer.b.value[...] = rng.normal(size=(2, 3))
    layer.dense.bias.value[:] = rng.normal(size=3)
    x = rng.normal(size=(7, 5))
    return {
        r"\mathbf{X}": x,
        r"\mathbf{W}": layer.dense.kernel.value,
        r"\mathbf{b}": layer.dense.bias.value,
        r"\mathbf{A}": layer.a.value,
        r"\mathbf{B}": layer.b.value,
        r"\alpha": 3.0,
        "r": 2,
        r"\mathbf{Y}": layer(x),
    }


@chapter.evaluates("eq-assist-bradley-terry")
def bradley_terry(rng):
    r = rng.normal(size=2)
    return {"r_1": r[0], "r_2": r[1], r"\sigma": sigmoid, "P": preference.bradley_terry(*r)}


@chapter.evaluates(
    "eq-assist-objective", "eq-assist-optimum", "eq-assist-gap", "eq-assist-implicit"
)
def objective(rng):
    q, p, r, beta = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(5)), rng.normal(size=5), 0.7
    best = preference.tilted(q, r, beta)
    kl = preference.kl_divergence(np.log(p), np.log(q))
    return {
        r"\mathbf{q}": q,
        r"\mathbf{p}": p,
        r"\mathbf{r}": r,
        r"\beta": beta,
        r"\mathbf{p}^*": best,
        "Z": np.sum(q * np.exp(r / beta)),
        "J": p @ r - beta * kl,
    }


@chapter.evaluates("eq-assist-policy-gradient")
def policy_gradient(rng):
    z, direction, r = rng.normal(size=(3, 5))
    q, beta, b = rng.dirichlet(np.ones(5)), float(rng.uniform(0.5, 2)), float(rng.normal())

    def objective(v):
        kl = preference.kl_divergence(np.log(v[r"\mathbf{p}"]), np.log(q))
        return v[r"\mathbf{p}"] @ r - beta * kl

    def advantage(v):
        return r - preference.implicit_reward(np.log(v[r"\mathbf{p}"]), np.log(q), beta) - b

    return {
        r"\theta": 0.3,
        r"\mathbf{p}": given(lambda v: nn.activations.softmax(z + v[r"\theta"] * direction)),
        r"\mathbf{q}": q,
        r"\mathbf{r}": r,
        r"\mathbf{a}": given(advantage),
        r"\beta": beta,
        "b": b,
        "J": given(objective),
    }


def pair(rng):
    ell, log_q, beta = rng.normal(size=2), rng.normal(size=2), float(rng.uniform(0.5, 2))
    return ell, log_q, beta


@chapter.evaluates("eq-assist-dpo")
def dpo(rng):
    ell, log_q, beta = pair(rng)
    loss, *_ = preference.dpo_loss(ell[:1], ell[1:], log_q[:1], log_q[1:], beta=beta)
    rewards = [preference.implicit_reward(ell[i], log_q[i], beta) for i in range(2)]
    symbols = {"L": loss, "u": rewards[0] - rewards[1], r"\beta": beta, r"\sigma": sigmoid}
    for i in range(2):
        symbols[f"p_{i + 1}"], symbols[f"q_{i + 1}"] = np.exp(ell[i]), np.exp(log_q[i])
    return symbols


@chapter.evaluates("eq-assist-reward-model")
def reward_model(rng):
    d, w, strength = rng.normal(size=(6, 3)), rng.normal(size=3), float(rng.uniform(0.5, 2))
    even = np.zeros(6)  # no reference, no reward of the other: the margin is the score
    loss, *_ = preference.dpo_loss(d @ w, even, even, even, beta=1)
    symbols = {r"\mathbf{D}": d, r"\mathbf{w}": w, r"\lambda": strength, r"\sigma": sigmoid}
    return symbols | {"L": 6 * loss + strength * w @ w}


@chapter.evaluates("eq-assist-dpo-gradient")
def dpo_gradient(rng):
    ell, log_q, beta = pair(rng)
    q = np.exp(log_q)

    def loss(v):
        args = [v[r"\ell_1"]], [v[r"\ell_2"]], log_q[:1], log_q[1:]
        return preference.dpo_loss(*args, beta=beta)[0]

    return {
        r"\ell_1": ell[0],
        r"\ell_2": ell[1],
        "q_1": q[0],
        "q_2": q[1],
        r"\beta": beta,
        r"\sigma": sigmoid,
        "u": beta * (ell[0] - log_q[0] - ell[1] + log_q[1]),
        "L": given(loss),
    }


@chapter.evaluates("eq-assist-odds")
def odds(rng):
    q, s, beta = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8), float(rng.uniform(0.5, 2))
    r = np.log([s, 1 - s])  # rewards whose difference gives this share
    return {
        "q": q,
        "s": s,
        r"\beta": beta,
        "p^*": preference.tilted(np.array([q, 1 - q]), r, beta)[0],
    }
