import numpy as np


def law_gradient(theta, n, d, loss):
    a, b, e, alpha, beta = theta
    parts = np.exp([a - alpha * np.log(n), b - beta * np.log(d), np.full(len(n), e)])
    shares = parts / parts.sum(axis=0)
    jacobian = np.vstack([shares, -shares[0] * np.log(n), -shares[1] * np.log(d)])
    return 2 * jacobian @ np.log(parts.sum(axis=0) / loss)


def moe_parameters(layers, dim, hidden, vocabulary, experts, chosen):
    one = 3 * dim * hidden
    at_work = (vocabulary + 1) * dim
    at_work += layers * (dim * (4 * dim + 2 + experts) + (chosen + 1) * one)
    return at_work + layers * (experts - chosen) * one, at_work


def isoflop_exponent(budgets, n, losses):
    bottoms = []
    for x, y in zip(np.log(n), losses, strict=True):
        center = x.mean()
        columns = np.stack([np.ones_like(x), x - center, (x - center) ** 2], axis=1)
        _, b, a = np.linalg.lstsq(columns, y)[0]
        bottoms.append(center - b / (2 * a))
    log_c = np.log(budgets) - np.log(budgets).mean()
    return float(log_c @ bottoms / (log_c @ log_c))


def cheapest_size(target, served, E, A, B, alpha, beta):
    def cost(log_n):
        left = target - E - A * np.exp(-alpha * log_n)
        if left <= 0:
            return np.inf
        return np.exp(log_n) * (6 * (B / left) ** (1 / beta) + 2 * served)

    low, high = np.log(A / (target - E)) / alpha, np.log(1e13)
    for _ in range(200):  # thirds: one valley
        left, right = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, right) if cost(left) < cost(right) else (left, high)
    return float(np.exp(low))


def training_run(parameters, tokens, devices, peak, utilization, price):
    device_hours = parameters * tokens / (600 * peak * utilization)
    return device_hours / devices / 24, device_hours * price
