"""Write privacy.json: what dp-accounting says a training with DP-SGD gives away.

    python tests/golden/privacy.py

needs dp-accounting alone, in an environment of its own (it wants an old attrs).
"""

import json
from importlib.metadata import version
from pathlib import Path

from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant

SETTINGS = (  # noise, rate, steps, delta
    (1.1, 256 / 60000, 60 * 60000 // 256, 1e-5),
    (0.7, 0.01, 500, 1e-5),
    (2.0, 0.05, 1000, 1e-6),
    (4.0, 0.256, 400, 1e-5),
    (1.0, 1.0, 10, 1e-5),
    (10.0, 0.1, 100, 1e-3),
    (1.0, 0.001, 1, 1e-6),
)
ORDERS = (2, 3, 8, 33, 128, 512)
WHOLE = (*range(2, 65), 128, 256, 512, 1024)


def main():
    """Compose each training with three accountants, and one step for its divergences."""
    out = {"versions": f"dp-accounting {version('dp-accounting')}", "trainings": []}
    for noise, rate, steps, delta in SETTINGS:
        step = PoissonSampledDpEvent(rate, GaussianDpEvent(noise))
        row = {"noise": noise, "rate": rate, "steps": steps, "delta": delta}
        for name, accountant in (
            ("rdp", RdpAccountant()),
            ("rdp_whole_orders", RdpAccountant(WHOLE)),
            ("pld", PLDAccountant()),
        ):
            accountant.compose(SelfComposedDpEvent(step, steps))
            row[name] = float(accountant.get_epsilon(delta))
        out["trainings"].append(row)
    accountant = RdpAccountant(ORDERS)
    accountant.compose(PoissonSampledDpEvent(0.02, GaussianDpEvent(1.1)))
    values = [float(v) for v in accountant._rdp]
    out["step"] = {"noise": 1.1, "rate": 0.02, "orders": ORDERS, "divergences": values}
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(out, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
