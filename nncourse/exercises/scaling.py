"""Checks for the exercises of chapter 12, "What size costs"."""

import numpy as np

from .core import Exercise, Mistake


def _law_gradient(theta, n, d, loss, *, outer=2.0, logs=True, over=True, sign=-1, mean=False):
    a, b, e, alpha, beta = theta
    size, data, floor = np.exp(a) / n**alpha, np.exp(b) / d**beta, np.exp(e)
    law = size + data + floor
    error = outer * (np.log(law) - np.log(loss)) / (law if over else 1)
    by_alpha = sign * size * (np.log(n) if logs else 1)
    by_beta = sign * data * (np.log(d) if logs else 1)
    parts = [size, data, floor + 0 * n, by_alpha, by_beta]
    return np.array([(error * part).mean() if mean else (error * part).sum() for part in parts])


def _floor_alone(theta, n, d, loss):
    found = _law_gradient(theta, n, d, loss)
    a, b, e, alpha, beta = theta
    law = np.exp(a) / n**alpha + np.exp(b) / d**beta + np.exp(e)
    found[2] = (2 * (np.log(law) - np.log(loss))).sum()
    return found


def _by_e_without_e(theta, n, d, loss):
    found = _law_gradient(theta, n, d, loss)
    found[2] /= np.exp(theta[2])
    return found


def _by_power_rule(theta, n, d, loss):
    a, b, e, alpha, beta = theta
    size, data = np.exp(a) / n**alpha, np.exp(b) / d**beta
    law = size + data + np.exp(e)
    error = 2 * (np.log(law) - np.log(loss)) / law
    found = _law_gradient(theta, n, d, loss)
    found[3:] = -(error * alpha * size / n).sum(), -(error * beta * data / d).sum()
    return found


def _of_constants(theta, n, d, loss):
    return _law_gradient(theta, n, d, loss) / np.exp([*theta[:3], 0, 0])


def _of_plain_losses(theta, n, d, loss):
    a, b, e, alpha, beta = theta
    size, data, floor = np.exp(a) / n**alpha, np.exp(b) / d**beta, np.exp(e)
    error = 2 * (size + data + floor - loss)
    parts = [size, data, floor + 0 * n, -size * np.log(n), -data * np.log(d)]
    return np.array([(error * part).sum() for part in parts])


def _gradient_cases(rng):
    def case(runs):
        theta = np.array([1.2, 1.7, 0.3, 0.35, 0.3]) + rng.normal(scale=0.1, size=5)
        n, d = rng.uniform(2e3, 1e5, runs), rng.uniform(5e4, 8e5, runs)
        return theta, n, d, rng.uniform(1.6, 2.6, runs)

    return [case(2), case(5), case(12)]


def _misderived(**changes):
    return lambda *arguments: _law_gradient(*arguments, **changes)


LAW_GRADIENT = Exercise(
    "law_gradient",
    answer=_law_gradient,
    cases=_gradient_cases,
    mistakes=(
        Mistake(_misderived(mean=True), "That is the gradient of the mean, and small for that."),
        Mistake(_misderived(outer=1.0), "What does a square leave when it is derived?"),
        Mistake(_misderived(over=False), "The derivative of log y is 1/y times that of y."),
        Mistake(
            _misderived(logs=False), "Derive n to the power of −alpha by alpha: a log appears."
        ),
        Mistake(_misderived(sign=1), "A larger alpha makes the term smaller: which sign?"),
        Mistake(_of_constants, "By a, not by A = exp(a): the chain rule has one more factor."),
        Mistake(
            _floor_alone,
            "All but the derivative by e are right. E is only a part of the loss: its part is the "
            "factor.",
        ),
        Mistake(_of_plain_losses, "The errors are those of log L, not of L."),
        Mistake(
            _by_e_without_e,
            "All but the derivative by e are right. E = exp(e) moves with e: one more factor.",
        ),
        Mistake(
            _by_power_rule,
            "By alpha, not by n: n to the power of −alpha is an exponential in alpha.",
        ),
    ),
    points=2,
    tolerance=1e-8,
    without=("complex",),
)


def _moe(
    layers, dim, hidden, vocabulary, experts, chosen, *,
    shared=1, router=True, seen=None, matrices=3, norms=2, last=1, tables=1,
):  # fmt: skip
    def total(networks, scored):
        block = 4 * dim * dim + norms * dim + dim * scored * router
        return (
            tables * vocabulary * dim
            + layers * (block + networks * matrices * dim * hidden)
            + (last * dim)
        )

    at_work = experts if seen is None else chosen
    return total(experts + shared, experts), total(chosen + shared, at_work)


def _moe_cases(rng):
    fixed = [(2, 8, 12, 50, 4, 2), (3, 16, 10, 30, 8, 1)]
    sizes = (rng.integers(1, 9), *rng.integers(4, 60, 3), rng.integers(5, 16), rng.integers(1, 4))
    return [*fixed, tuple(map(int, sizes))]


def _miscounted(**changes):
    return lambda *sizes: _moe(*sizes, **changes)


def _all_multiplied(layers, dim, hidden, vocabulary, experts, chosen):
    dense = 4 * dim * dim + 3 * dim * hidden
    return experts * layers * dense + vocabulary * dim, chosen * layers * dense + vocabulary * dim


MOE_PARAMETERS = Exercise(
    "moe_parameters",
    answer=_moe,
    cases=_moe_cases,
    mistakes=(
        Mistake(_miscounted(shared=0), "One network serves every token, beside the experts."),
        Mistake(_miscounted(router=False), "Something has to choose the experts. How large is it?"),
        Mistake(
            _miscounted(seen="chosen"),
            "To choose some, the router has to score all: all of it works for each token.",
        ),
        Mistake(
            _miscounted(norms=3),
            "Each block has dim numbers too many. Whom does the router score: the network that "
            "always works, too? And how many normalizations are there?",
        ),
        Mistake(_miscounted(matrices=2), "A gated network has three matrices."),
        Mistake(_miscounted(norms=0, last=0), "The normalizations have gains."),
        Mistake(_miscounted(last=0), "One normalization ends the model."),
        Mistake(_miscounted(tables=2), "The output's kernel is the token table once more."),
        Mistake(_all_multiplied, "Only the feed-forward networks come several times."),
    ),
    points=2,
)


def _bottoms(n, losses):
    fits = [np.polyfit(np.log(size), loss, 2) for size, loss in zip(n, losses, strict=True)]
    return np.array([-first / (2 * second) for second, first, _ in fits])


def _isoflop(budgets, n, losses):
    if len(budgets) < 2:
        raise ValueError("one budget has no exponent")
    return float(np.polyfit(np.log(budgets), _bottoms(n, losses), 1)[0])


def _of_the_tried(budgets, n, losses):
    best = np.take_along_axis(n, losses.argmin(axis=1)[:, None], axis=1)[:, 0]
    return float(np.polyfit(np.log(budgets), np.log(best), 1)[0])


def _in_n(budgets, n, losses):
    fits = [np.polyfit(size / 1e6, loss, 2) for size, loss in zip(n, losses, strict=True)]
    best = [abs(first / (2 * second)) for second, first, _ in fits]
    return float(np.polyfit(np.log(budgets), np.log(best), 1)[0])


def _of_the_loss(budgets, n, losses):
    places = zip(n, losses, _bottoms(n, losses), strict=True)
    lowest = [np.polyval(np.polyfit(np.log(size), loss, 2), at) for size, loss, at in places]
    return float(np.polyfit(np.log(budgets), np.log(lowest), 1)[0])


def _isoflop_cases(rng):
    def case(count, sizes):
        exponent, width = rng.uniform(0.3, 0.7), rng.uniform(0.02, 0.08)
        budgets = np.exp(rng.uniform(40, 44) + np.cumsum(rng.uniform(0.7, 1.5, count)))
        middle = rng.uniform(16, 20) + exponent * np.log(budgets / budgets[0])
        middle = middle[:, None] + rng.normal(scale=0.1, size=(count, 1))
        log_n = middle + rng.uniform(-0.4, 0.4, size=(count, 1)) + np.linspace(-2, 2, sizes)
        losses = 2 + 10 * budgets[:, None] ** -0.05 + width * (log_n - middle) ** 2
        return budgets, np.exp(log_n), losses + rng.normal(scale=1e-3, size=log_n.shape)

    return [case(3, 5), case(4, 7), case(6, 9)]


ISOFLOP_EXPONENT = Exercise(
    "isoflop_exponent",
    answer=_isoflop,
    cases=_isoflop_cases,
    mistakes=(
        Mistake(
            _of_the_tried, "Those are the best sizes that were tried. The bottoms lie between."
        ),
        Mistake(_in_n, "The parabola is one in log n, not in n."),
        Mistake(
            lambda budgets, n, losses: 2 * _isoflop(budgets, n, losses),
            "Where is the lowest point of a x² + b x + c? Derive it.",
        ),
        Mistake(_of_the_loss, "That is how the lowest loss falls. How does the best size grow?"),
        Mistake(
            lambda budgets, n, losses: float(
                np.polyfit(_bottoms(n, losses), np.log(budgets), 1)[0]
            ),
            "That is the budget as a power of the size. Which depends on which?",
        ),
        Mistake(
            lambda budgets, n, losses: float(
                np.polyfit(np.log(budgets), np.exp(_bottoms(n, losses)), 1)[0]
            ),
            "A power law is a line if both axes are logarithmic.",
        ),
        Mistake(
            lambda budgets, n, losses: float(
                np.ptp(_bottoms(n, losses)[[0, -1]]) / np.ptp(np.log(budgets)[[0, -1]])
            ),
            "That is the line through the first and the last bottom. By least squares, all count.",
        ),
        Mistake(
            lambda budgets, n, losses: float(
                1 / np.polyfit(_bottoms(n, losses), np.log(budgets), 1)[0]
            ),
            "You fit log C as a function of log N, and turn the line: its squares are not those of "
            "log N.",
        ),
        Mistake(
            lambda budgets, n, losses: float(
                np.log(budgets) @ _bottoms(n, losses) / np.sum(np.log(budgets) ** 2)
            ),
            "Your line goes through the origin. A power law has a factor: the line has an offset.",
        ),
    ),
    points=2,
    tolerance=1e-4,
)


def _cheapest(target, served, E, A, B, alpha, beta, *, use=2, floor=True):
    n = np.geomspace(1e6, 1e13, 20_001)
    left = target - E * floor - A / n**alpha
    n, left = n[left > 0], left[left > 0]
    cost = 6 * n * (B / left) ** (1 / beta) + use * n * served
    best = int(cost.argmin())
    if 0 < best < len(n) - 1:  # the bottom of the parabola through three points
        low, middle, high = cost[best - 1 : best + 2]
        shift = (low - high) / (2 * (low - 2 * middle + high))
        return float(n[best] * (n[1] / n[0]) ** shift)
    return float(n[best])


def _lowest_cost(target, served, E, A, B, alpha, beta):
    n = _cheapest(target, served, E, A, B, alpha, beta)
    tokens = (B / (target - E - A / n**alpha)) ** (1 / beta)
    return 6 * n * tokens + 2 * n * served


def _smallest(target, served, E, A, B, alpha, beta):
    return float((A / (target - E)) ** (1 / alpha))


def _by_loss_optimum(target, served, E, A, B, alpha, beta):
    return _cheapest(target, 0.0, E, A, B, alpha, beta)


def _cheapest_cases(rng):
    cases = []
    for served in (1e12, 1e13, 3e12, 5e12, 2e12, 7e12):
        target = float(rng.uniform(2.0, 2.2))
        cases.append((target, served * float(rng.uniform(1, 3)), 1.8172, 482.01, 2085.43,
                      float(rng.uniform(0.34, 0.36)), 0.3658))  # fmt: skip
    return cases


def _misspent_on_a_grid(*arguments):
    best = _cheapest(*arguments)
    grid = np.logspace(6, 13, 100)
    return float(grid[np.abs(np.log(grid / best)).argmin()])


def _misspent(**changes):
    return lambda *arguments: _cheapest(*arguments, **changes)


CHEAPEST_SIZE = Exercise(
    "cheapest_size",
    answer=_cheapest,
    cases=_cheapest_cases,
    mistakes=(
        Mistake(_by_loss_optimum, "That is the cheapest to train. It will also be used."),
        Mistake(
            _misspent(use=6),
            "How many operations does a token cost in training, and how many in use?",
        ),
        Mistake(_misspent(floor=False), "What is left for the data, once E is taken off as well?"),
        Mistake(
            _smallest,
            "That is the smallest size that could ever reach it, and it needs endless data. Do you "
            "pay for them? Solve the law for D.",
        ),
        Mistake(_misspent_on_a_grid, "Nearly: to be within 1 %, your steps in N are too large."),
        Mistake(
            _lowest_cost, "That is the cost, in operations. The size that has it is asked for."
        ),
    ),
    points=3,
    tolerance=0.01,
)


def _training_run(
    parameters, tokens, devices, peak, utilization, price, *, flops=6, share=True, paid=None
):
    speed = devices * peak * (utilization if share else 1 / utilization)
    hours = flops * parameters * tokens / speed / 3600
    return hours / 24, hours * (devices if paid is None else paid) * price


def _run_cases(rng):
    cases = []
    for _ in range(4):
        exponents = rng.uniform(8, 11), rng.uniform(9, 12), rng.uniform(14, 15)
        n, tokens, peak = (float(10**e) for e in exponents)
        devices = int(rng.integers(2, 64))
        cases.append(
            (n, tokens, devices, peak, float(rng.uniform(0.2, 0.7)), float(rng.uniform(1, 4)))
        )
    return cases


def _misplanned(**changes):
    return lambda *arguments: _training_run(*arguments, **changes)


TRAINING_RUN = Exercise(
    "training_run",
    answer=_training_run,
    cases=_run_cases,
    mistakes=(
        Mistake(
            _misplanned(flops=2),
            "That is the forward pass. Training also goes back, and makes two gradients there.",
        ),
        Mistake(
            _misplanned(share=False),
            "The less of its peak a device reaches, the longer it takes. Look at utilization.",
        ),
        Mistake(_misplanned(paid=1), "The price is that of one device for one hour."),
        Mistake(
            lambda *arguments: (
                24 * _training_run(*arguments)[0],
                _training_run(*arguments)[1],
            ),
            "The cost is right. The time is to be given in days.",
        ),
        Mistake(
            lambda *arguments: tuple(24 * part for part in _training_run(*arguments)),
            "Both are too large by the same factor. How many seconds has a day, and an hour?",
        ),
        Mistake(
            lambda *arguments: (
                _training_run(*arguments)[0],
                _training_run(*arguments)[1] / 24,
            ),
            "The days are right. Is the price for a day?",
        ),
        Mistake(
            lambda *arguments: (
                float(np.ceil(_training_run(*arguments)[0])),
                _training_run(*arguments)[1],
            ),
            "The cost is right. A run may end within a day: do not round.",
        ),
    ),
    points=1,
    without=tuple(
        f"nncourse.counting.{name}" for name in ("training_flops", "run_seconds", "run_cost")
    ),
    tolerance=1e-9,
)


EXERCISES = (LAW_GRADIENT, MOE_PARAMETERS, ISOFLOP_EXPONENT, CHEAPEST_SIZE, TRAINING_RUN)
