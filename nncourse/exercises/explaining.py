"""Checks for the exercises of chapter 16, "Why did it say that?"."""

import math

import numpy as np

from .core import Exercise, Mistake

__all__ = ["EXERCISES"]


# 1. Find the bug: attributions that add up


def _attributions(
    pixels, black, mean, std, kernel, bias, out, steps, *, raw=False, shift=0.5, unscaled=False,
    end=False, total=False, from_zero=False, black_seen=False,
):  # fmt: skip
    seen, start = (pixels - mean) / std, (black - mean) / std
    if from_zero:
        start = np.zeros_like(start)
    if unscaled:
        seen, start = pixels, black
    if black_seen:
        start = black
    way, slopes = seen - start, 0.0
    for k in range(steps):
        point = seen if end else start + (k + shift) / steps * way
        slopes = slopes + kernel @ ((1 - np.tanh(point @ kernel + bias) ** 2) * out)
    return (pixels - black if raw else way) * slopes / (1 if total else steps)


def _attributions_with(**options):
    return lambda *arguments: _attributions(*arguments, **options)


def _without_way(pixels, black, mean, std, kernel, bias, out, steps):
    way = (pixels - black) / std
    return _attributions(pixels, black, mean, std, kernel, bias, out, steps) / way


def _slope_by_pixels(pixels, black, *rest):
    return _attributions(pixels, black, *rest) / (pixels - black)


def _attributions_cases(rng):
    def case(d, hidden, steps):
        return (
            rng.uniform(0.3, 1, d), rng.uniform(0, 0.2, d), rng.uniform(0.3, 0.6, d),
            rng.uniform(0.15, 0.4, d), rng.normal(size=(d, hidden)), rng.normal(size=hidden),
            rng.normal(size=hidden), steps,
        )  # fmt: skip

    return [case(3, 4, 5), case(2, 2, 2), case(6, 3, 8), case(4, 5, 3)]


MENDED = Exercise(
    "mended_attributions",
    answer=_attributions,
    cases=_attributions_cases,
    mistakes=(
        Mistake(
            _attributions_with(raw=True),
            "That is the bug of this page: the gradient is by what the network sees, the "
            "difference is of the pixels. Give both the same units.",
        ),
        Mistake(_attributions_with(shift=0), "Each step is asked at its middle, not at its start."),
        Mistake(_attributions_with(shift=1), "Each step is asked at its middle, not at its end."),
        Mistake(_attributions_with(unscaled=True), "What does the network see of a pixel?"),
        Mistake(_attributions_with(end=True), "Where is the gradient asked? All along the way."),
        Mistake(_attributions_with(total=True), "The mean of the gradients, or their sum?"),
        Mistake(_without_way, "The mean gradient is a slope. What is it multiplied by?"),
        Mistake(
            _attributions_with(from_zero=True),
            "What does the network see of the baseline? Not zeros.",
        ),
        Mistake(
            lambda pixels, black, *rest: (
                _attributions(pixels, black, *rest) * pixels / (pixels - black)
            ),
            "The way begins at the baseline: multiply by the difference, not by the pixels.",
        ),
        Mistake(
            _slope_by_pixels,
            "Those are mean slopes by the pixels. An attribution is a slope times a difference.",
        ),
        Mistake(
            _attributions_with(black_seen=True),
            "The baseline is given in pixels, too. What does the network see of it?",
        ),
    ),
    points=2,
)


# 2. Which example does not add up?


def _gaps(attributions, outputs, base, target):
    rows = np.arange(len(outputs))
    return attributions.sum(axis=1) - (outputs[rows, target] - base[target])


def _worst(gaps):
    worst = int(np.abs(gaps).argmax())
    return worst, gaps[worst]


def _worst_gap(attributions, outputs, base, target):
    return _worst(_gaps(attributions, outputs, base, target))


def _no_base(attributions, outputs, base, target):
    return _worst(attributions.sum(axis=1) - outputs[np.arange(len(outputs)), target])


def _largest(attributions, outputs, base, target):
    gaps = _gaps(attributions, outputs, base, target)
    return int(gaps.argmax()), gaps.max()


def _unsigned(attributions, outputs, base, target):
    worst, gap = _worst_gap(attributions, outputs, base, target)
    return worst, abs(gap)


def _other_sign(attributions, outputs, base, target):
    worst, gap = _worst_gap(attributions, outputs, base, target)
    return worst, -gap


def _best_class(attributions, outputs, base, target):
    return _worst_gap(attributions, outputs, base, outputs.argmax(axis=1))


def _mean_of(attributions, outputs, base, target):
    rows = np.arange(len(outputs))
    return _worst(attributions.mean(axis=1) - (outputs[rows, target] - base[target]))


def _worst_gap_cases(rng):
    def case(n, d, classes, worst, slip):
        outputs, base = rng.normal(0, 2, (n, classes)), rng.normal(0, 1, classes)
        target = (outputs.argmax(axis=1) + 1) % classes
        target[::2] = outputs.argmax(axis=1)[::2]
        parts = rng.dirichlet(np.ones(d), n)
        gained = outputs[np.arange(n), target] - base[target]
        slips = rng.uniform(-0.1, 0.1, n)
        slips[worst] = slip
        return parts * (gained + slips)[:, None], outputs, base, target

    return [case(4, 3, 3, 1, -0.7), case(3, 2, 4, 1, -0.6), case(6, 5, 3, 4, 0.9)]


GAP = Exercise(
    "worst_gap",
    answer=_worst_gap,
    cases=_worst_gap_cases,
    mistakes=(
        Mistake(_no_base, "Attributions add up to a difference. To which one?"),
        Mistake(_largest, "A sum that is far too small is a gap, too."),
        Mistake(_unsigned, "The right example. Return its gap with its sign."),
        Mistake(_other_sign, "The right size. Is the sum too large or too small?"),
        Mistake(_best_class, "Which class was explained? Not always the one with the best score."),
        Mistake(_mean_of, "Do attributions add up as a mean, or as a sum?"),
        Mistake(
            lambda *given: (_worst_gap(*given)[0] + 1, _worst_gap(*given)[1]),
            "The gap is right. The examples are counted from 0, as their rows are.",
        ),
    ),
    points=1,
)


# 3. The shares of a maximum


def _max_shares(x):
    order = np.argsort(x)
    shares = np.empty(len(x))
    shares[order] = np.cumsum(np.diff(x[order], prepend=0.0) / np.arange(len(x), 0, -1))
    return shares


def _winner(x):
    return np.where(np.arange(len(x)) == x.argmax(), x.max(), 0.0)


def _lead(x):
    return np.where(np.arange(len(x)) == x.argmax(), x.max() - np.sort(np.append(x, 0.0))[-2], 0.0)


def _proportional(x):
    return x * x.max() / x.sum()


def _equal(x):
    return np.full(len(x), x.max() / len(x))


def _by_rank(x):
    order = np.argsort(x)
    shares = np.empty(len(x))
    shares[order] = np.cumsum(np.diff(x[order], prepend=0.0) / np.arange(1, len(x) + 1))
    return shares


def _unsorted(x):
    return np.sort(_max_shares(x))


def _no_sum(x):
    order = np.argsort(x)
    shares = np.empty(len(x))
    shares[order] = np.diff(x[order], prepend=0.0) / np.arange(len(x), 0, -1)
    return shares


def _max_cases(rng):
    return [
        (np.array([3.0, 1.0]),),
        (np.array([2.0, 6.0, 3.0]),),
        (np.array([3, 1, 4]),),
        (np.array([4.0, 0.0, 4.0, 1.0]),),
        (rng.uniform(0, 9, 6),),
        (rng.uniform(0, 9, 1000),),
    ]


MAXIMUM = Exercise(
    "max_shares",
    answer=_max_shares,
    cases=_max_cases,
    mistakes=(
        Mistake(_unsorted, "These are the right shares, in sorted order. Whose is which?"),
        Mistake(_no_sum, "A large player has a share of every part that it reaches."),
        Mistake(_by_rank, "How many players reach a part: those before it in order, or after?"),
        Mistake(_winner, "If the largest comes last, what is left for it to add?"),
        Mistake(_lead, "That is what occlusion says. Do these shares add up to the maximum?"),
        Mistake(_proportional, "They add up. What does a small player add who comes first?"),
        Mistake(_equal, "Equal shares: also for a player who is 0 and never adds anything?"),
        Mistake(
            lambda x: _max_shares(x).astype(x.dtype),
            "Right, but for whole numbers: an array made like x cuts the shares off.",
        ),
    ),
    points=3,
)


# 4. What SmoothGrad tends to


def _below(t):
    return 0.5 * (1 + math.erf(t / math.sqrt(2)))


def _smooth_limit(x, w, b, noise):
    return w * _below((w @ x + b) / (noise * np.linalg.norm(w)))


def _no_norm(x, w, b, noise):
    return w * _below((w @ x + b) / noise)


def _no_bias(x, w, b, noise):
    return w * _below(w @ x / (noise * np.linalg.norm(w)))


def _variance(x, w, b, noise):
    return w * _below((w @ x + b) / (noise**2 * (w @ w)))


def _no_weights(x, w, b, noise):
    return np.full(len(w), _below((w @ x + b) / (noise * np.linalg.norm(w))))


def _plain(x, w, b, noise):
    return w * float(w @ x + b > 0)


def _no_root_two(x, w, b, noise):
    return w * 0.5 * (1 + math.erf((w @ x + b) / (noise * np.linalg.norm(w))))


def _smooth_cases(rng):
    def case(d, score, noise):
        w, x = rng.normal(size=d) * 1.5, rng.normal(size=d)
        return x, w, float(score * noise * np.linalg.norm(w) - w @ x), noise

    return [case(3, 0.5, 0.4), case(2, -0.7, 0.3), case(5, 1.1, 2.0), case(4, -0.2, 0.7)]


LIMIT = Exercise(
    "smooth_limit",
    answer=_smooth_limit,
    cases=_smooth_cases,
    mistakes=(
        Mistake(_no_norm, "The noise is in each input. How large is its weighted sum?"),
        Mistake(_no_bias, "When is the neuron on? The bias has a say."),
        Mistake(_variance, "That divides by a variance. By which number is t measured?"),
        Mistake(_no_weights, "That is how often the neuron is on. And its gradient when it is?"),
        Mistake(_plain, "That is the gradient at x. Nearby, with noise, is the neuron always so?"),
        Mistake(_no_root_two, "erf is not yet the normal distribution function: see the √2."),
        Mistake(
            lambda x, w, b, noise: (
                w * (1 + math.erf((x @ w + b) / (noise * np.abs(w).sum() * math.sqrt(2)))) / 2
            ),
            "Independent noise adds up as variances: which length of w is that?",
        ),
    ),
    points=2,
)


# 5. How many orders?


def _orders(gains, tolerance, *, ddof=1, over=np.max, z=1.96, power=2, rounding=np.ceil):
    spread = over(gains.std(axis=0, ddof=ddof))
    return int(rounding((z * spread / tolerance) ** power))


def _orders_with(**options):
    return lambda gains, tolerance: _orders(gains, tolerance, **options)


def _already_divided(gains, tolerance):
    error = (gains.std(axis=0, ddof=1) / np.sqrt(len(gains))).max()
    return int(np.ceil((1.96 * error / tolerance) ** 2))


def _other_axis(gains, tolerance):
    return int(np.ceil((1.96 * gains.std(axis=1, ddof=1).max() / tolerance) ** 2))


def _orders_cases(rng):
    def case(orders, players, tolerance):
        spread = rng.uniform(0.5, 3, players)
        return rng.normal(0, 1, (orders, players)) * spread + rng.normal(0, 4, players), tolerance

    return [case(6, 3, 0.1), case(10, 5, 0.05), case(4, 2, 0.03), case(8, 4, 0.2)]


ORDERS = Exercise(
    "orders_needed",
    answer=_orders,
    cases=_orders_cases,
    mistakes=(
        Mistake(_orders_with(over=np.mean), "For every player: whose spread decides?"),
        Mistake(_orders_with(ddof=0), "The spread is estimated from few orders: n − 1."),
        Mistake(_orders_with(z=1), "An interval of 95 % reaches how many standard errors?"),
        Mistake(_orders_with(power=1), "The error falls like one over the *root* of the orders."),
        Mistake(_orders_with(rounding=np.floor), "Rounded down, it is not quite precise enough."),
        Mistake(_orders_with(z=3.92), "± tolerance: to each side, not in all."),
        Mistake(_already_divided, "That divides by the orders of the pilot run. Which are sought?"),
        Mistake(_other_axis, "The spread of one player over the orders, not of one order."),
        Mistake(
            lambda gains, tolerance: int(
                np.ceil(gains.var(axis=0, ddof=1).mean() * (1.96 / tolerance) ** 2)
            ),
            "For every player: whose variance decides, the mean's or the largest?",
        ),
        Mistake(
            lambda gains, tolerance: max(0, _orders(gains, tolerance) - len(gains)),
            "In all: the orders of the pilot run count among them.",
        ),
    ),
    points=2,
)

EXERCISES = (MENDED, GAP, MAXIMUM, LIMIT, ORDERS)
