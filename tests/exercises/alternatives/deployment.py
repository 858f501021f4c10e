import json

import numpy as np


def deployment_calls(name, image, data, role, instance, count):
    plan = {
        "create_model": dict(
            ExecutionRoleArn=role,
            ModelName=name,
            PrimaryContainer=dict(ModelDataUrl=data, Image=image),
        ),
        "create_endpoint_config": dict(
            EndpointConfigName=name,
            ProductionVariants=[
                dict(
                    InitialInstanceCount=count,
                    InstanceType=instance,
                    ModelName=name,
                    VariantName="all",
                )
            ],
        ),
        "create_endpoint": dict(EndpointConfigName=name, EndpointName=name),
    }
    return list(plan.items())


def body_status(body, features):
    try:
        content = json.loads(body, parse_constant=lambda name: 1 / 0)
    except (ValueError, ZeroDivisionError, RecursionError):
        return 400
    match content:
        case {"instances": [_, *_] as rows} if len(content) == 1:
            ok = all(isinstance(row, list) and len(row) == features for row in rows)
            flat = [v for row in rows for v in row] if ok else [None]
            plain = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in flat)
            return 200 if plain and np.isfinite(np.array(flat, float)).all() else 422
    return 422


def joined_percentile(servers, percent):
    values = np.concatenate([np.asarray(server, float) for server in servers])
    return np.percentile(values, percent, method="inverted_cdf")


def first_alarm(z, allowance, threshold):
    """S is how far the walk stands above its lowest point so far."""
    walk = np.cumsum(np.r_[0.0, np.asarray(z, float) - allowance])
    above = walk - np.minimum.accumulate(walk)
    found = np.flatnonzero(above > threshold)
    return int(found[0]) if len(found) else 0


def fleet(rate, milliseconds, limit, price, hours):
    machines = 1
    while rate * milliseconds / 1000 / machines > limit + 1e-12:
        machines += 1
    return machines, price * hours * machines
