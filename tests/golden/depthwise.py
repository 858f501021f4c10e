"""Write depthwise.npz: depthwise convolutions as Keras computes them, and their gradients.

    python tests/golden/depthwise.py

needs Keras with TensorFlow. Nothing in the results comes from nncourse.
"""

import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

SETTINGS = {  # name: (kernel size, stride, padding); Keras takes equal strides only
    "valid": ((3, 2), 1, "valid"),
    "valid_stride": ((3, 3), 2, "valid"),
    "same": ((3, 2), 1, "same"),
    "same_stride": ((5, 5), 2, "same"),
}


def main():
    """Run each setting with random numbers, in float64 and in float32."""
    versions = {library.__name__: library.__version__ for library in (keras, tf, np)}
    out = {"versions": json.dumps(versions)}
    for dtype in ("float64", "float32"):
        rng = np.random.default_rng(8)
        x = out[f"{dtype}/x"] = rng.normal(size=(2, 7, 6, 3)).astype(dtype)
        for name, (size, stride, padding) in SETTINGS.items():
            kernel, bias = (
                rng.normal(size=(*size, 3)).astype(dtype),
                rng.normal(size=3).astype(dtype),
            )
            layer = keras.layers.DepthwiseConv2D(size, stride, padding, dtype=dtype)
            layer.build(x.shape)
            layer.set_weights([kernel[..., None], bias])
            v = tf.Variable(x)
            with tf.GradientTape() as tape:
                y = layer(v)
            grad = rng.normal(size=y.shape).astype(dtype)
            weights = [w.value for w in layer.trainable_weights]
            dx, dw, db = tape.gradient(y, [v, *weights], tf.constant(grad))
            arrays = {"kernel": kernel, "bias": bias, "grad": grad, "y": y, "dx": dx}
            arrays |= {"dw": dw.numpy()[..., 0], "db": db}
            out |= {f"{dtype}/{name}/{what}": np.array(array) for what, array in arrays.items()}
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **out)


if __name__ == "__main__":
    main()
