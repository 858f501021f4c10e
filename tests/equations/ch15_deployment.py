"""What the symbols of chapter 15 are bound to: as far as can be, what nncourse computes."""

import numpy as np

import nncourse as nn

from .chapter import Chapter

chapter = Chapter("15_deployment")


@chapter.evaluates("eq-deployment-fold")
def fold(rng):
    layer = nn.BatchNorm(1, epsilon=0.1, dtype=np.float64)
    gamma, beta, mean = rng.normal(size=3)
    variance = rng.uniform(0.5, 3)
    layer.gamma.value[:], layer.beta.value[:] = gamma, beta
    layer.running_mean[:], layer.running_variance[:] = mean, variance
    outputs = layer(np.array([[0.0], [1.0]]))[:, 0]
    return {
        "x": rng.normal(),
        r"\gamma": gamma,
        r"\beta": beta,
        r"\mu": mean,
        "v": variance,
        r"\epsilon": 0.1,
        "c": outputs[0],  # what the layer makes of 0 and of 1
        "m": outputs[1] - outputs[0],
    }


@chapter.evaluates("eq-deployment-parity")
def parity(rng):
    here, there = rng.uniform(size=(2, 7))
    return {"p": here, "q": there, r"\Delta": np.abs(here - there).max()}


@chapter.evaluates("eq-deployment-utilization")
def utilization(rng):
    """A day's requests: what the server was busy, as a proportion of the day."""
    requests, service = 86_400 * rng.integers(1, 50), rng.uniform(0.001, 0.02)
    return {"r": requests / 86_400, "s": service, "u": requests * service / 86_400}


@chapter.evaluates("eq-deployment-wait")
def wait(rng):
    """By the clock: when each request arrives, when the server is free, when it is done."""
    service, gaps = rng.exponential(1.0, 12), rng.exponential(1.0, 12)
    arrivals, free, waits = np.r_[0.0, np.cumsum(gaps)[:-1]], 0.0, []
    for arrival, s in zip(arrivals, service, strict=True):
        start = max(arrival, free)
        waits.append(start - arrival)
        free = start + s
    return {"k": range(1, 12), "w": np.array(waits), "s": service, "g": gaps}


@chapter.evaluates("eq-deployment-response")
def response(rng):
    """By Little's law, from the stationary distribution of the number of requests there."""
    rate, service = rng.uniform(5, 20), rng.uniform(0.01, 0.04)
    numbers = np.arange(2000)
    chances = (rate * service) ** numbers
    mean = (numbers * chances).sum() / chances.sum()
    return {"s": service, "u": rate * service, "W": mean / rate}


@chapter.evaluates("eq-deployment-cost")
def cost(rng):
    machines, price, hours = int(rng.integers(2, 9)), rng.uniform(0.1, 1), int(rng.integers(3, 99))
    total = sum(price for _ in range(machines) for _ in range(hours))
    return {"m": machines, "c": price, "t": hours, "C": total}


@chapter.evaluates("eq-deployment-psi")
def stability(rng):
    """The sum of both Kullback–Leibler divergences, each from entropy and cross-entropy."""
    p, q = rng.dirichlet(np.ones(5), 2)
    there = np.sum(q * np.log(q)) - np.sum(q * np.log(p))
    back = np.sum(p * np.log(p)) - np.sum(p * np.log(q))
    return {"B": 5, "p": p, "q": q, "V": there + back}


@chapter.evaluates("eq-deployment-cusum", origin=0)
def cusum(rng):
    reference = rng.normal(size=500)
    monitor, values = nn.drift.Cusum(reference, allowance=0.4, threshold=99), rng.normal(size=20)
    sums = [0.0]
    for value in values:
        monitor.update(value)
        sums.append(monitor.sum)
    z = [0.0, *(monitor.score(value) for value in values)]
    return {"k": range(1, 21), "S": np.array(sums), "z": np.array(z), "a": 0.4}


@chapter.evaluates("eq-deployment-interval")
def interval(rng):
    allowance, threshold = rng.uniform(0.3, 0.8), rng.uniform(3, 6)
    return {
        "a": allowance,
        "b": threshold + 1.166,
        "A": nn.drift.false_alarm_interval(allowance, threshold),
        r"\mathrm{e}": np.e,
    }
