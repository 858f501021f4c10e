"""What the symbols of the reference page on activation functions stand for."""

import numpy as np

import nncourse as nn
from equations import Chapter

A = nn.activations
chapter = Chapter("activations")


def scalar(name, f):
    def symbols(rng):
        return {
            "z": rng.normal() * 1.5,
            r"\alpha": 0.3,
            name: f,
            r"\sigma": A.sigmoid,
            r"\tanh": A.tanh,
        }

    return symbols


chapter.evaluates("eq-leaky-relu", "eq-leaky-relu-slope", seeds=range(20))(
    scalar(r"\operatorname{LeakyReLU}", lambda z: A.leaky_relu(z, alpha=0.3))
)
chapter.evaluates("eq-elu", "eq-elu-slope", seeds=range(20))(
    scalar(r"\operatorname{ELU}", lambda z: A.elu(z, alpha=0.3))
)
chapter.evaluates("eq-softplus")(scalar(r"\operatorname{softplus}", A.softplus))
chapter.evaluates("eq-silu")(scalar(r"\operatorname{SiLU}", A.silu))


@chapter.evaluates("eq-gelu", "eq-gelu-slope")
def gelu(rng):
    z = rng.normal() * 1.5
    # From the function's value back to u: the two rows together are the package's formula.
    u = np.arctanh(2 * A.gelu(z) / z - 1)
    return {"z": z, "u": u, r"\operatorname{GELU}": A.gelu}
