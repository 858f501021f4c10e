"""Checks for the exercises of chapter 18, "What next?"."""

import math
from functools import partial

import numpy as np

from ..activations import softmax
from .core import Exercise, Mistake

__all__ = ["EXERCISES"]


# 1. Find the bug: what the teacher's answers weigh


def _distilled(
    student, teacher, labels, temperature, mix, *, power=2, sharp=False, both=False, swapped=False,
    divided=1, unscaled=False, chosen=False, flat=False, summed=False, gradient_power=None,
    all_soft=False,
):  # fmt: skip
    n, classes = student.shape
    t = temperature
    truth = np.eye(classes)[labels]
    p, soft = softmax(student), softmax(student if both or unscaled else student / t)
    q = softmax(teacher if sharp or both else teacher / t)
    if chosen:
        q = np.eye(classes)[teacher.argmax(axis=1)]
    p = soft if all_soft else p
    hard_loss = -np.log(p[np.arange(n), labels])
    soft_loss = -(q * np.log(soft)).sum(axis=1) / (classes if flat else 1)
    a, b = (mix, 1 - mix) if swapped else (1 - mix, mix)
    size = 1 if summed else n
    loss = (a * hard_loss + b * t**power * soft_loss).sum() / size
    inner = 1 if both or unscaled else t
    slope = power if gradient_power is None else gradient_power
    soft_grad = t**slope / inner * (soft - q) / (classes if flat else 1)
    grad = (a * (p - truth) / (t if all_soft else 1) + b * soft_grad) / size
    return float(loss) / divided, grad / divided


def _distilled_with(**options):
    return lambda *arguments: _distilled(*arguments, **options)


def _distilled_cases(rng):
    def case(n, classes, temperature, mix):
        student, teacher = rng.normal(0, 2, (2, n, classes))
        return student, teacher, rng.integers(0, classes, n), temperature, mix

    return [case(3, 2, 2.0, 0.5), case(4, 3, 4.0, 0.8), case(2, 5, 3.0, 0.3), case(5, 10, 2.5, 0.9)]


DISTILLED = Exercise(
    "mended_distillation",
    answer=_distilled,
    cases=_distilled_cases,
    mistakes=(
        Mistake(
            _distilled_with(flat=True),
            "That is the bug of this page: over the classes a cross-entropy is a sum.",
        ),
        Mistake(_distilled_with(power=0), "The gradient shrinks like 1/T² when softened. Make up."),
        Mistake(_distilled_with(power=1), "T once is not enough: see the power of T in the loss."),
        Mistake(
            _distilled_with(gradient_power=3),
            "The loss is right. In its gradient, the division of the logits by T gives a factor.",
        ),
        Mistake(_distilled_with(sharp=True), "Soften the teacher's logits, too."),
        Mistake(_distilled_with(unscaled=True), "Soften the student's logits, too."),
        Mistake(_distilled_with(both=True), "Nothing is softened here. Where does T divide?"),
        Mistake(_distilled_with(swapped=True), "mix is the teacher's part, 1 − mix the labels'."),
        Mistake(_distilled_with(chosen=True), "The teacher gives probabilities, not one class."),
        Mistake(_distilled_with(summed=True), "Over the examples it is a mean."),
        Mistake(
            _distilled_with(all_soft=True),
            "The labels' part is softened, too. Only the teacher's part divides logits by T.",
        ),
    ),
    points=2,
)  # fmt: skip


# 2. Two of four


def _groups(kernel):
    return kernel.reshape(-1, 4, kernel.shape[1])


def _kept(kernel, order):
    """Keep the two of each group that come last in this order."""
    rank = order.argsort(axis=1).argsort(axis=1)
    return np.where(rank >= 2, _groups(kernel), 0.0).reshape(kernel.shape)


def _two_of_four(kernel):
    return _kept(kernel, np.abs(_groups(kernel)))


def _largest_signed(kernel):
    return _kept(kernel, _groups(kernel))


def _smallest(kernel):
    return _kept(kernel, -np.abs(_groups(kernel)))


def _along_units(kernel):
    turned = np.ascontiguousarray(kernel.T)
    return _two_of_four(turned).T if turned.shape[0] % 4 == 0 else _half_of_all(kernel)


def _along_rows(kernel):
    """Take four numbers as they lie in memory."""
    return _two_of_four(kernel.reshape(-1, 4).T).T.reshape(kernel.shape)


def _half_of_all(kernel):
    return np.where(np.abs(kernel) > np.median(np.abs(kernel)), kernel, 0.0)


def _half_of_columns(kernel):
    return np.where(np.abs(kernel) > np.median(np.abs(kernel), axis=0), kernel, 0.0)


def _whole_rows(kernel):
    rank = np.abs(_groups(kernel)).sum(axis=2).argsort(axis=1).argsort(axis=1)
    return np.where((rank >= 2)[..., None], _groups(kernel), 0.0).reshape(kernel.shape)


def _mask_only(kernel):
    return (_two_of_four(kernel) != 0).astype(float)


def _fixed_kernel():
    return np.array([[1.0, -1.0], [-4.0, 2.0], [2.0, 3.0], [3.0, -4.0],
                     [0.1, 9.0], [0.2, -8.0], [-0.3, 7.0], [0.4, 6.0]])  # fmt: skip


def _two_of_four_cases(rng):
    return [
        (_fixed_kernel(),),
        (rng.normal(size=(8, 4)),),
        (rng.normal(size=(12, 3)) * rng.uniform(0.5, 3, (12, 1)),),
        (rng.normal(size=(4, 8)),),
    ]


TWO_OF_FOUR = Exercise(
    "two_of_four",
    answer=_two_of_four,
    cases=_two_of_four_cases,
    mistakes=(
        Mistake(_largest_signed, "A weight of −4 is large. What is its magnitude?"),
        Mistake(_smallest, "The two smallest have been kept."),
        Mistake(_along_units, "Four neighbors along the inputs: rows of one column."),
        Mistake(_half_of_all, "That keeps half of all. Is it two in every group of four?"),
        Mistake(_half_of_columns, "Half of each column, but is it two in every group of four?"),
        Mistake(_whole_rows, "Each unit chooses for itself: column by column."),
        Mistake(_mask_only, "That is the mask. Return the kernel with its weights."),
            Mistake(
            _along_rows, "Four neighbors along the inputs: down a column, not along a row."
        ),
    ),
    points=1,
)  # fmt: skip


# 3. A rule that only compares


def _larger(p, q):
    """Return P(first > second) and its derivative by p: how often q is below each value."""
    below = np.cumsum(q, axis=1) - q
    return (p * below).sum(axis=1), below


def _larger_or_equal(p, q):
    upto = np.cumsum(q, axis=1)
    return (p * upto).sum(axis=1), upto


def _smaller(p, q):
    above = 1 - np.cumsum(q, axis=1)
    return (p * above).sum(axis=1), above


def _by_q(p, q):
    return _larger(p, q)[0], 1 - np.cumsum(p, axis=1)


def _times_p(p, q):
    chance, below = _larger(p, q)
    return chance, p * below


def _of_logarithm(p, q):
    chance, below = _larger(p, q)
    return chance, below / chance[:, None]


def _of_loss(p, q):
    chance, below = _larger(p, q)
    return chance, -below / chance[:, None]


def _decided(p, q):
    return (p.argmax(axis=1) > q.argmax(axis=1)).astype(float), _larger(p, q)[1]


def _larger_cases(rng):
    def case(n, classes):
        return tuple(rng.dirichlet(np.ones(classes), (2, n)))

    fixed = np.array([[0.5, 0.2, 0.3]]), np.array([[0.1, 0.6, 0.3]])
    return [fixed, case(2, 4), case(3, 10), case(4, 3)]


LARGER = Exercise(
    "larger_probability",
    answer=_larger,
    cases=_larger_cases,
    mistakes=(
        Mistake(_larger_or_equal, "Equal digits are not larger."),
        Mistake(_smaller, "That is the probability that the first is smaller."),
        Mistake(_by_q, "The probability is right. That is its derivative by q, not by p."),
        Mistake(_times_p, "The probability is right. It is linear in p: what multiplies each p?"),
        Mistake(_of_logarithm, "That is the logarithm's derivative. The probability's, please."),
        Mistake(_of_loss, "That is the derivative of −log. The probability's, please."),
        Mistake(_decided, "A probability, not a decision: sum over all pairs of digits."),
    ),
    points=2,
)  # fmt: skip


# 4. From any level of noise to any other, by a guess of v


def _jump(x, v, now, then, *, sign=1, power=0.5):
    clean = now**power * x - sign * (1 - now) ** power * v
    noise = (1 - now) ** power * x + now**power * v
    return then**power * clean + (1 - then) ** power * noise


def _with_noise(x, noise, now, then):
    clean = (x - math.sqrt(1 - now) * noise) / math.sqrt(now)
    return math.sqrt(then) * clean + math.sqrt(1 - then) * noise


def _with_clean(x, clean, now, then):
    with np.errstate(all="ignore"):
        noise = (x - math.sqrt(now) * clean) / math.sqrt(1 - now)
    return math.sqrt(then) * clean + math.sqrt(1 - then) * noise


def _clean(x, v, now, then):
    return math.sqrt(now) * x - math.sqrt(1 - now) * v


def _no_noise_back(x, v, now, then):
    return math.sqrt(then) * _clean(x, v, now, then)


def _turned(x, v, now, then):
    return _jump(x, v, then, now)


def _levels_for_roots(x, v, now, then):
    clean, noise = now * x - (1 - now) * v, (1 - now) * x + now * v
    return math.sqrt(then) * clean + math.sqrt(1 - then) * noise


def _divided(x, v, now, then):
    return _with_clean(x, _clean(x, v, now, then), now, then)


def _jump_cases(rng):
    def case(n, d, now, then):
        return rng.normal(size=(n, d)), rng.normal(size=(n, d)), now, then

    return [
        case(2, 2, 0.25, 0.64),
        case(3, 2, 0.1, 1.0),
        case(2, 5, 0.3, 0.9),
        case(4, 3, 0.02, 0.2),
        case(3, 2, 1.0, 0.3),
    ]


JUMP = Exercise(
    "jump",
    answer=_jump,
    cases=_jump_cases,
    mistakes=(
        Mistake(_clean, "That is the clean point. Put noise back until the level is `then`."),
        Mistake(_no_noise_back, "At the level `then`, the point holds noise as well."),
        Mistake(
            _with_noise, "v is not the noise: it holds some of the clean point. Solve for both."
        ),
        Mistake(_with_clean, "v is not the clean point: it holds some noise. Solve for both."),
        Mistake(partial(_jump, power=1), "ᾱ is a variance. By what are the parts multiplied?"),
        Mistake(_turned, "From now to then, not back; and in v the clean point has a minus."),
        Mistake(
            partial(_jump, sign=-1),
            "In v the clean point has a minus. Solve for the clean point again.",
        ),
        Mistake(
            _levels_for_roots,
            "In v, too, the parts are multiplied by the roots of ᾱ and 1 − ᾱ. Solve again.",
        ),
        Mistake(
            _divided,
            "Right, unless `now` is 1: then you divide by 0. Both follow from x and v.",
        ),
    ),
    points=2,
)


# 5. When does a student pay?


def _pays(teacher, student, transfer, *, reads=2, trains=6, saves=2, rounding=math.ceil):
    if student >= teacher:
        return math.inf
    return rounding(transfer * (reads * teacher + trains * student) / (saves * (teacher - student)))


def _pays_with(**options):
    return lambda *arguments: _pays(*arguments, **options)


def _negative(teacher, student, transfer):
    if student == teacher:
        return math.inf
    return math.ceil(transfer * (2 * teacher + 6 * student) / (2 * (teacher - student)))


def _student_only(teacher, student, transfer):
    if student >= teacher:
        return math.inf
    return math.ceil(transfer * (2 * teacher + 6 * student) / (2 * teacher))


def _pays_cases(rng):
    def case(low, high, transfer):
        student = int(rng.integers(low, high))
        return student + int(rng.integers(3, 40)), student, transfer

    return [(17, 4, 20), (5, 9, 20), (9, 2, 11), case(3, 9, 23), case(10, 40, 31), (6, 6, 10)]


PAYS = Exercise(
    "pays_after",
    answer=_pays,
    cases=_pays_cases,
    mistakes=(
        Mistake(_pays_with(reads=0), "Who writes the soft targets, and what does that cost?"),
        Mistake(_pays_with(reads=6), "The teacher is not trained any more: it only reads."),
        Mistake(_pays_with(trains=2), "The student learns: forward and backward."),
        Mistake(_pays_with(trains=4), "Backward costs twice a forward pass, which is on top."),
        Mistake(_student_only, "The student's answers are not free: count the difference."),
        Mistake(_pays_with(saves=1), "An answer costs two operations for each parameter, too."),
        Mistake(_pays_with(rounding=math.floor), "Rounded down, it has not quite paid yet."),
        Mistake(_negative, "A student as large as its teacher, or larger: when does it pay?"),
    ),
    points=2,
)  # fmt: skip

EXERCISES = (DISTILLED, TWO_OF_FOUR, LARGER, JUMP, PAYS)
