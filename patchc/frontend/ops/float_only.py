"""An operator whose float results onnxruntime rounds in ways that no integer formula follows: it is
refused, with what to do instead."""

from __future__ import annotations

from patchc.frontend.call import Call
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import Value


@onnx_op(
    "BatchNormalization",
    limits="quantised files; in float ones `patchc quantize` folds it into a layer before or "
    "behind it, or makes a depthwise convolution of 1 x 1",
)
def batch_normalization(call: Call) -> Value:
    """onnxruntime has no integer kernel."""
    raise RefusalError(
        "onnxruntime computes it in float: quantise the float model with patchc quantize, which "
        "folds it into a layer or writes it as a depthwise convolution"
    )
