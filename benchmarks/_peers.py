"""How classifiers are trained here: the same loop in each library.

``x`` and ``y`` hold one batch after the other. Each function returns ``run(steps)``, which trains
for that many batches and returns the loss on the first one.
"""

import keras
import tensorflow as tf
import torch

import nncourse as nn


def nncourse_by_loop(model, x, y):
    """Train as nncourse's Trainer does, without its checks."""
    optimizer = nn.Adam(model.parameters())

    def run(steps):
        for batch, labels in zip(x[:steps], y[:steps], strict=True):
            _, grad = nn.losses.softmax_cross_entropy(model(batch, training=True), labels)
            optimizer.zero_grad()
            model.backward(grad, input_grad=False)
            optimizer.step()
        return nn.losses.softmax_cross_entropy(model(x[0]), y[0])[0]

    return run


def keras_tools():
    """Return Adam and the loss; both as in nncourse."""
    # Keras adds epsilon before the bias correction, where it weighs 30 times more at the start.
    optimizer = keras.optimizers.Adam(1e-3, epsilon=1e-10)
    return optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def keras_by_fit(model, x, y):
    """Train as Keras's tutorials do."""
    optimizer, cross_entropy = keras_tools()
    model.compile(optimizer, cross_entropy)
    flat_x, flat_y, size = x.reshape(-1, *x.shape[2:]), y.reshape(-1), y.shape[1]

    def run(steps):
        n = steps * size
        model.fit(flat_x[:n], flat_y[:n], batch_size=size, shuffle=False, verbose=0)
        return float(cross_entropy(y[0], model(x[0])))

    return run


def keras_by_function(model, x, y):
    """Train in a bare ``tf.function``, without Keras's trainer."""
    optimizer, cross_entropy = keras_tools()
    optimizer.build(model.trainable_variables)
    batches = [(tf.constant(a), tf.constant(b)) for a, b in zip(x, y, strict=True)]

    @tf.function
    def step(batch, labels):
        with tf.GradientTape() as tape:
            loss = cross_entropy(labels, model(batch, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    def run(steps):
        for batch, labels in batches[:steps]:
            step(batch, labels)
        return float(cross_entropy(y[0], model(x[0])))

    return run


def torch_by_loop(model, x, y, **options):
    """Train in PyTorch's usual loop; ``options`` are those of its Adam."""
    optimizer = torch.optim.Adam(model.parameters(), **options)
    cross_entropy = torch.nn.CrossEntropyLoss()
    x, y = torch.from_numpy(x), torch.from_numpy(y)

    def run(steps):
        for batch, labels in zip(x[:steps], y[:steps], strict=True):
            optimizer.zero_grad()
            cross_entropy(model(batch), labels).backward()
            optimizer.step()
        return float(cross_entropy(model(x[0]), y[0]).detach())

    return run


def one_thread():
    """Give each library one thread."""
    torch.set_num_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
