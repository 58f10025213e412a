"""QLinearSoftmax: a table of exponentials in float32, their sum one by one, one product and one
quotient for each value, emulated by patchc_softfloat.h.

The table holds exp((i - 255) * sx), times a factor as large as a sum of all channels permits.
"""

from __future__ import annotations

import math

import numpy as np

from patchc.errors import PatchcError
from patchc.ir import Softmax, Tensor
from patchc.numerics.float32 import float32_bits
from patchc.numerics.structs import SoftmaxParams

# onnxruntime takes logf of the C library for the factor. Up to here (and to 60 593, tried one by
# one) that is the logarithm rounded to float32.
MAX_CHANNELS = 2**15

_FLOAT32 = np.finfo(np.float32)


def softmax_params(op: Softmax, x: Tensor, y: Tensor, where: str) -> SoftmaxParams:
    """The kernel's constants. Raises PatchcError where float32 would underflow or overflow, which
    the emulation does not know."""
    channels = x.shape[2]
    if channels > MAX_CHANNELS:
        raise PatchcError(f"{where}: {channels} channels; at most {MAX_CHANNELS}")
    table, steps = exponentials(x.quant.scale, channels), whole_steps(y.quant.scale)
    if table[0] < _FLOAT32.tiny or float(table[-1]) * float(steps) > float(_FLOAT32.max):
        raise PatchcError(
            f"{where}: scales {x.quant.scale} -> {y.quant.scale} leave the range of float32; "
            "leave it to the host, in front of which the network can end"
        )
    return SoftmaxParams(
        exponentials=table.view(np.uint32),
        steps=float32_bits(float(steps)),
        zero_point=y.quant.zero_point,
        lo=op.clamp.lo,
        hi=op.clamp.hi,
    )


def exponentials(scale: float, channels: int) -> np.ndarray:
    """float32 (256,): entry i is for a value that lies 255 - i below the largest one."""
    logarithm = np.float32(math.log(float(_FLOAT32.max / np.float32(channels))))
    shift = max(0.0, float(logarithm) - 5) / scale
    return np.array([math.exp((i - 255 + shift) * scale) for i in range(256)], np.float32)


def whole_steps(scale: float) -> np.float32:
    """Steps of the output from 0 to 1, rounded down."""
    return np.floor(np.float32(1) / np.float32(scale))
