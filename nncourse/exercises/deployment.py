"""Checks for the exercises of chapter 15, "Into the cloud"."""

import json
import math
import sys

import numpy as np

from .core import Exercise, Mistake

__all__ = ["EXERCISES"]


# 1. Find the bug: the calls that exist


def _calls(name, image, data, role, instance, count):
    variant = {
        "VariantName": "all",
        "ModelName": name,
        "InstanceType": instance,
        "InitialInstanceCount": count,
    }
    container = {"Image": image, "ModelDataUrl": data}
    return [
        [
            "create_model",
            {"ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": role},
        ],
        ["create_endpoint_config", {"EndpointConfigName": name, "ProductionVariants": [variant]}],
        ["create_endpoint", {"EndpointName": name, "EndpointConfigName": name}],
    ]


def _endpoint_first(*given):
    model, config, endpoint = _calls(*given)
    return [endpoint, model, config]


def _no_config(*given):
    model, _, endpoint = _calls(*given)
    return [model, endpoint]


def _endpoint_of_model(*given):
    model, config, (call, _) = _calls(*given)
    return [model, config, [call, {"EndpointName": given[0], "ModelName": given[0]}]]


def _machines_at_endpoint(*given):
    model, (call, config), (last, endpoint) = _calls(*given)
    [variant] = config["ProductionVariants"]
    moved = {"InstanceType": variant.pop("InstanceType")}
    moved["InitialInstanceCount"] = variant.pop("InitialInstanceCount")
    return [model, [call, config], [last, endpoint | moved]]


def _swapped(name, image, data, *rest):
    return _calls(name, data, image, *rest)


def _no_role(*given):
    (call, model), *others = _calls(*given)
    del model["ExecutionRoleArn"]
    return [[call, model], *others]


def _bare_variant(*given):
    model, (call, config), endpoint = _calls(*given)
    config["ProductionVariants"] = config["ProductionVariants"][0]
    return [model, [call, config], endpoint]


def _calls_cases(rng):
    kinds = ["ml.m5.large", "ml.m5.xlarge", "ml.c5.large"]
    return [
        (
            f"digits-{rng.integers(1000)}",
            f"registry/server:{rng.integers(9)}",
            f"s3://bucket/{rng.integers(10**6)}/model.tar.gz",
            f"arn:aws:iam::123456789012:role/r{rng.integers(9)}",
            str(rng.choice(kinds)),
            int(rng.integers(1, 5)),
        )
        for _ in range(3)
    ]


CALLS = Exercise(
    "deployment_calls",
    answer=_calls,
    cases=_calls_cases,
    mistakes=(
        Mistake(_endpoint_first, "An endpoint names a configuration: that must be there before."),
        Mistake(_no_config, "Which machines, how many? Between model and endpoint something says."),
        Mistake(_endpoint_of_model, "An endpoint does not name a model. What does it name?"),
        Mistake(_machines_at_endpoint, "Machines belong to a variant of the configuration."),
        Mistake(_swapped, "Image is the container's address; where are the weights?"),
        Mistake(_no_role, "In whose name does the service read your bucket?"),
        Mistake(_bare_variant, "ProductionVariants is plural: a list, even of one."),
        Mistake(
            lambda *given: [_calls(*given)[i] for i in (0, 2, 1)],
            "The endpoint names a configuration that is made only after it.",
        ),
        Mistake(
            lambda *given: [_calls(*given)[i] for i in (1, 0, 2)],
            "The configuration names a model that is made only after it.",
        ),
    ),
    points=3,
)


# 2. Which status does a body deserve?


def _status(
    body, features, *, numbers=(int, float), nan=False, ragged=False, empty=False,
    more=False, huge=False,
):  # fmt: skip
    def refuse(_):
        raise ValueError

    try:
        content = json.loads(body, **({} if nan else {"parse_constant": refuse}))
    except (ValueError, RecursionError):
        return 400
    names = list(content) if isinstance(content, dict) else []
    if not ("instances" in names if more else names == ["instances"]):
        return 422
    rows = content["instances"]
    if not isinstance(rows, list) or not (rows or empty):
        return 422
    for row in rows if not ragged else rows[:1]:
        if not isinstance(row, list) or len(row) != features:
            return 422
    values = [v for row in rows if isinstance(row, list) for v in row]
    if not all(type(v) in numbers for v in values):
        return 422
    finite = nan or huge or all(-math.inf < v < math.inf for v in map(_number, values))
    return 200 if finite else 422


def _number(value):
    """Return what float() reads in a string; a whole number as it is, however large."""
    return float(value) if isinstance(value, str) else value


def _body_status(body, features):
    return _status(body, features)


def _lenient_float(body, features):
    """Whatever float() takes is a number."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return 400
    try:
        x = np.array([[float(v) for v in row] for row in content["instances"]])
    except (ValueError, TypeError, KeyError):
        return 422
    return 200 if x.ndim == 2 and x.shape[1] == features else 422


def _with_booleans(body, features):
    return _status(body, features, numbers=(int, float, bool))


def _with_strings(body, features):
    try:
        content = json.loads(body)
        strings = [v for row in content["instances"] for v in row if isinstance(v, str)]
        [float(v) for v in strings]
    except (ValueError, TypeError, KeyError, RecursionError):
        return _status(body, features)
    return _status(body, features, numbers=(int, float, str))


def _one_status(body, features):
    return 200 if _status(body, features) == 200 else 400


def _first_row(body, features):
    return _status(body, features, ragged=True)


def _with_nothing(body, features):
    return _status(body, features, empty=True)


def _with_nan(body, features):
    return _status(body, features, nan=True)


def _shallow(body, features):
    """As if the reader raised nothing but ValueError."""
    try:
        json.loads(body)
    except ValueError:
        pass
    return _status(body, features)


def _lenient(body, features, *, constants=False, strict=True):
    if constants and any(word in body for word in ("NaN", "Infinity")):
        return 422
    if not strict and ('"more"' in body or body.endswith("[]}")):
        return 200
    return _status(body, features)


def _body_cases(rng):
    def body(rows, name="instances"):
        return json.dumps({name: rows})

    row = [round(float(v), 3) for v in rng.normal(size=3)]
    return [
        (body([row, row[::-1]]), 3),
        (body([[int(rng.integers(9)), 2]]), 2),
        (body([row])[:-2], 3),
        ("", 3),
        ('{"instances": [[NaN, 1]]}', 2),
        ('{"instances": [[1, Infinity]]}', 2),
        ('{"instances": [[1e999, 1]]}', 2),
        (body([[1, True]]), 2),
        (body([[1, "2"]]), 2),
        (body([["a", 2]]), 2),
        (body([[1, None]]), 2),
        (body([]), 2),
        (body([row, row[:2]]), 3),
        (body([row]), 4),
        (body(row), 3),
        (body([row], "inputs"), 3),
        ('{"instances": [[1, 2]], "more": 1}', 2),
        ("[[1, 2]]", 2),
        ("7", 2),
        *([] if sys.platform == "emscripten" else [("[" * 100_000 + "]" * 100_000, 2)]),
    ]  # a browser's stack is too small for the last: Python itself would stop


STATUS = Exercise(
    "body_status",
    answer=_body_status,
    cases=_body_cases,
    mistakes=(
        Mistake(_lenient_float, 'float("2"), float(True) and float("nan") all succeed. Ask types.'),
        Mistake(_with_booleans, "In Python, True is an int. Is it a number in JSON?"),
        Mistake(_with_strings, 'A "2" in quotes is a string, even if float() can read it.'),
        Mistake(_one_status, "What can be read but makes no sense has another status: 422."),
        Mistake(_first_row, "The first row fits. And the others?"),
        Mistake(_with_nothing, "No example at all: what should be predicted?"),
        Mistake(
            _with_nan, "json.loads reads NaN, Infinity and 1e999. See parse_constant, isfinite."
        ),
        Mistake(
            lambda body, features: _lenient(body, features, constants=True),
            "NaN and Infinity are no JSON: see parse_constant of json.loads.",
        ),
        Mistake(
            lambda body, features: _lenient(body, features, strict=False),
            "The rows are right. And what stands around them: other names, an empty list?",
        ),
        Mistake(
            _shallow, "A hundred thousand brackets: what does json.loads raise? No ValueError."
        ),
        Mistake(
            lambda body, features: _status(body, features, huge=True),
            "1e999 is JSON, but json.loads makes infinity of it: is that a finite number?",
        ),
        Mistake(
            lambda body, features: _status(body, features, more=True),
            'An object with other names beside "instances" is not what was agreed on.',
        ),
    ),
    points=3,
)


# 3. A percentile of several servers


def _rank(values, percent):
    return sorted(values)[math.ceil(percent * len(values) / 100 - 1e-9) - 1]


def _joined(servers, percent):
    return _rank([v for server in servers for v in server], percent)


def _mean_of(servers, percent):
    return sum(_rank(server, percent) for server in servers) / len(servers)


def _max_of(servers, percent):
    return max(_rank(server, percent) for server in servers)


def _median_of(servers, percent):
    return float(np.median([_rank(server, percent) for server in servers]))


def _interpolated(servers, percent):
    return float(np.percentile(np.concatenate(servers), percent))


def _one_too_far(servers, percent):
    values = sorted(v for server in servers for v in server)
    return values[min(math.ceil(percent / 100 * len(values)), len(values) - 1)]


def _unsorted(servers, percent):
    values = [v for server in servers for v in server]
    return values[math.ceil(percent / 100 * len(values)) - 1]


def _weighted(servers, percent):
    total = sum(map(len, servers))
    return sum(_rank(server, percent) * len(server) for server in servers) / total


def _joined_cases(rng):
    def server(count, scale):
        return [round(float(v), 6) for v in rng.exponential(scale, count)]

    return [
        ([server(200, 2), server(50, 20)], 99),
        ([server(7, 1), server(13, 3), server(2, 50)], 90),
        ([server(11, 4)], 50),
        ([server(100, 1), server(100, 9)], 95),
        ([[0.2, 0.5, 0.2, 0.7, 0.2], [1.1, 0.2, 0.2, 0.9, 0.2]], 50),
    ]


JOINED = Exercise(
    "joined_percentile",
    answer=_joined,
    cases=_joined_cases,
    mistakes=(
        Mistake(_mean_of, "A mean of percentiles is a percentile of nothing. Join the requests."),
        Mistake(_weighted, "Weighting does not help: percentiles do not average. Join first."),
        Mistake(_max_of, "The slowest server's percentile is not that of all requests."),
        Mistake(_median_of, "The median of percentiles is not a percentile of the requests."),
        Mistake(_interpolated, "Nearest rank: one of the measured values, nothing in between."),
        Mistake(_one_too_far, "Ranks count from 1, Python's lists from 0."),
        Mistake(_unsorted, "The rank belongs to the sorted values."),
        Mistake(
            lambda servers, percent: _rank({v for server in servers for v in server}, percent),
            "Equal times are several requests: what becomes of them in a set?",
        ),
    ),
    points=2,
)


# 4. The first alarm


def _alarm(z, allowance, threshold, *, floor=True, late=False):
    total = 0.0
    for number, each in enumerate(z, start=1):
        total += each - allowance
        total = max(0.0, total) if floor else total
        if (total >= threshold) if late else (total > threshold):
            return number
    return 0


def _first_alarm(z, allowance, threshold):
    return _alarm(z, allowance, threshold)


def _no_floor(z, allowance, threshold):
    return _alarm(z, allowance, threshold, floor=False)


def _no_allowance(z, allowance, threshold):
    return _alarm(z, 0, threshold)


def _at_threshold(z, allowance, threshold):
    return _alarm(z, allowance, threshold, late=True)


def _from_zero(z, allowance, threshold):
    found = _alarm(z, allowance, threshold)
    return found - 1 if found else 0


def _single(z, allowance, threshold):
    return next((i for i, each in enumerate(z, start=1) if each - allowance > threshold), 0)


def _absolute(z, allowance, threshold):
    return _alarm([abs(each) for each in z], allowance, threshold)


def _added_allowance(z, allowance, threshold):
    return _alarm(z, -allowance, threshold)


def _none(z, allowance, threshold):
    return _alarm(z, allowance, threshold) or None


def _allowance_last(z, allowance, threshold):
    total = 0.0
    for number, each in enumerate(z, start=1):
        total = max(0.0, total + each) - allowance
        if total > threshold:
            return number
    return 0


def _last_alarm(z, allowance, threshold):
    total, found = 0.0, 0
    for number, each in enumerate(z, start=1):
        total = max(0.0, total + each - allowance)
        found = number if total > threshold else found
    return found


def _alarm_cases(rng):
    quiet, shifted = rng.normal(size=30), rng.normal(1.5, 1, 30)
    return [
        ([-3.0, -3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0], 0.5, 4.0),
        ([1.0, 1.0, 1.0, 1.0, 5.0], 0.5, 2.0),
        ([0.3] * 40, 0.5, 5.0),
        ([1.0] * 10, 0.5, 2.0),
        ([0.75] * 20, 0.25, 2.25),
        ([-2.0, 1.0, -2.0, 1.0, -2.0, 1.0, -2.0, 1.0, 0.0, 0.0], 0.5, 3.0),
        ([9.0, 0.0], 0.5, 4.0),
        ([*quiet.tolist(), *shifted.tolist()], 0.5, 5.0),
        ([], 0.5, 5.0),
    ]


ALARM = Exercise(
    "first_alarm",
    answer=_first_alarm,
    cases=_alarm_cases,
    mistakes=(
        Mistake(_no_floor, "A long quiet time must not pay for a later shift: what is S at least?"),
        Mistake(_no_allowance, "Each request is allowed a little: what is taken off z?"),
        Mistake(_added_allowance, "The allowance is taken off, not added."),
        Mistake(_at_threshold, "Above the threshold, not at it."),
        Mistake(_from_zero, "The requests are counted from 1."),
        Mistake(_single, "One large z is not the idea: the small ones add up."),
        Mistake(_absolute, "One side only: a z below zero is good news, and is subtracted."),
        Mistake(_none, "Without an alarm the answer is the number 0."),
        Mistake(
            _allowance_last,
            "Your S can fall below 0: take the allowance off before you compare with 0.",
        ),
        Mistake(_last_alarm, "That is the last alarm. The first one is asked for."),
    ),
    points=2,
    without=("nncourse.practice.drift.Cusum",),
)


# 5. How many machines, for how much?


def _fleet(rate, milliseconds, limit, price, hours):
    machines = max(1, math.ceil(rate * milliseconds / 1000 / limit - 1e-9))
    return machines, machines * price * hours


def _fleet_with(machines):
    def answer(rate, milliseconds, limit, price, hours):
        count = max(1, machines(rate, milliseconds / 1000, limit))
        return count, count * price * hours

    return answer


def _per_machine(rate, milliseconds, limit, price, hours):
    machines, _ = _fleet(rate, milliseconds, limit, price, hours)
    return machines, price * hours


def _busy_hours(rate, milliseconds, limit, price, hours):
    machines, cost = _fleet(rate, milliseconds, limit, price, hours)
    return machines, cost * rate * milliseconds / 1000 / machines


def _parts_of_machines(rate, milliseconds, limit, price, hours):
    machines, _ = _fleet(rate, milliseconds, limit, price, hours)
    return machines, rate * milliseconds / 1000 / limit * price * hours


def _in_seconds(rate, milliseconds, limit, price, hours):
    return _fleet(rate, 1000 * milliseconds, limit, price, hours)


def _fleet_cases(rng):
    rate, milliseconds = int(rng.integers(100, 900)), int(rng.integers(5, 60))
    more = (
        rate + (rate * milliseconds % 600 == 0),  # roundings decide nothing
        milliseconds,
        0.6,
        round(float(rng.uniform(0.1, 1)), 3),
        730,
    )
    return [
        (1000, 23, 0.7, 0.115, 730),
        (400, 28, 0.5, 0.23, 24),
        (3, 2, 0.7, 0.115, 730),
        (0, 20, 0.5, 0.25, 24),
        (1000, 20, 0.5, 0.25, 24),
        more,
    ]


FLEET = Exercise(
    "fleet",
    answer=_fleet,
    cases=_fleet_cases,
    mistakes=(
        Mistake(_fleet_with(lambda r, s, u: math.ceil(r * s)), "Machines that are always busy?"),
        Mistake(_fleet_with(lambda r, s, u: round(r * s / u)), "Rounded down is too few."),
        Mistake(_fleet_with(lambda r, s, u: int(r * s / u)), "A part of a machine is one more."),
        Mistake(_fleet_with(lambda r, s, u: math.ceil(r * s * u)), "A lower limit needs more."),
        Mistake(
            _fleet_with(lambda r, s, u: int(r * s / u) + 1),
            "If the load fills whole machines, you buy one too many: 4.0 is 4, rounded up.",
        ),
        Mistake(_in_seconds, "The service time is given in milliseconds."),
        Mistake(_per_machine, "That is the cost of one machine."),
        Mistake(
            _parts_of_machines,
            "The machines are right. You pay for whole ones: round up before you multiply.",
        ),
        Mistake(_busy_hours, "An idle machine costs as much as a busy one."),
        Mistake(
            lambda rate, ms, limit, price, hours: (
                (m := math.ceil(rate * ms / 1000 / limit - 1e-9)),
                m * price * hours,
            ),
            "Nobody comes, and you have no machine. At least one must be there.",
        ),
    ),
    points=2,
)

EXERCISES = (CALLS, STATUS, JOINED, ALARM, FLEET)
