"""Running an exported model: ONNX Runtime, with nothing of nncourse inside.

A runtime reads the graph, fuses what can be fused, and calls compiled kernels. Small networks are
served one example at a time, where Python's own overhead is most of the cost.
"""

import numpy as np

__all__ = ["OnnxModel"]


class OnnxModel:
    """Run an ONNX graph with one input and one output, by ONNX Runtime on one thread.

    Several threads may call it at the same time, as a server's do.

    Parameters
    ----------
    source : bytes or path
        What :func:`~nncourse.practice.export.to_onnx` returned, or a file of it.

    Attributes
    ----------
    shape : tuple
        Of the input: numbers, or names where any length will do.
    dtype : numpy data-type
        Of the input.

    Raises
    ------
    ValueError
        If it is no ONNX model, or has several inputs or outputs.

    Examples
    --------
    >>> import nncourse as nn
    >>> OnnxModel(nn.export.to_onnx(nn.Dense(4, 3, rng=0), (4,))).shape
    ('batch', 4)
    """

    def __init__(self, source):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        source = source if isinstance(source, bytes) else str(source)
        try:
            self._session = onnxruntime.InferenceSession(
                source, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no common class but this
            raise ValueError(f"this is no model that ONNX Runtime can read: {error}") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ValueError(
                f"expected one input and one output, got {len(inputs)}, {len(outputs)}"
            )
        self._name, self.shape = inputs[0].name, tuple(inputs[0].shape)
        kinds = {"tensor(float)": np.float32, "tensor(double)": np.float64}
        self.dtype = np.dtype(kinds.get(inputs[0].type, np.int64))

    def __call__(self, x):
        """Return the output for this input; a ValueError says what the graph cannot take."""
        from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument

        x = np.asarray(x)
        if x.dtype.kind not in ("iu" if self.dtype.kind == "i" else "biuf"):
            raise ValueError(f"expected {self.dtype} or its like, got {x.dtype}")
        try:
            return self._session.run(None, {self._name: x.astype(self.dtype)})[0]
        except (InvalidArgument, Fail) as error:  # the second one if a sequence is too long
            raise ValueError(str(error)) from error
