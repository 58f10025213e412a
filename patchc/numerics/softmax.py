"""QLinearSoftmax: a table of exponentials in float32, their sum in float32, one by one, and for
each value a product and a quotient, rounded once, to an integer: onnxruntime has both in float64,
where the product is exact, and no quotient of it by 24 bits comes to lie on a tie.

The table holds exp((i - 255) * sx), times a factor as large as a sum of all channels permits.
"""

from __future__ import annotations

import math

import numpy as np

from patchc.errors import PatchcError
from patchc.ir import Softmax, Tensor
from patchc.numerics.structs import SoftmaxParams

# onnxruntime takes logf of the C library for the factor. Up to here (and to 60 593, tried one by
# one) that is the logarithm rounded to float32.
MAX_CHANNELS = 2**15

# The kernel's product of an entry and the steps has 24 and 30 bits.
MAX_STEPS = 2**30

# Added to the exponents of a table: more than a float32 has bits below its least normal number.
BIAS = 32

_FLOAT32 = np.finfo(np.float32)


def softmax_params(op: Softmax, x: Tensor, y: Tensor, where: str) -> SoftmaxParams:
    """The kernel's constants. Raises PatchcError for too many channels or steps."""
    channels = x.shape[2]
    if channels > MAX_CHANNELS:
        raise PatchcError(f"{where}: {channels} channels; at most {MAX_CHANNELS}")
    table, steps = exponentials(x.quant.scale, channels), whole_steps(y.quant.scale)
    if steps >= MAX_STEPS:
        raise PatchcError(
            f"{where}: an output scale of {y.quant.scale}; more than {1 / MAX_STEPS} is needed. "
            "Quantise the model again: a softmax lies between 0 and 1"
        )
    return SoftmaxParams(
        exponentials=np.array([_wide(entry) for entry in table], np.uint32),
        steps=int(steps),
        zero_point=y.quant.zero_point,
        lo=op.clamp.lo,
        hi=op.clamp.hi,
    )


def _wide(value: np.float32) -> int:
    """Bits of a float32 of 0 or more with BIAS more in its exponent; subnormals normalised."""
    fraction, exponent = math.frexp(value)
    if not fraction:
        return 0
    return ((exponent + 125 + BIAS) << 23) + int(fraction * 2**24)


def exponentials(scale: float, channels: int) -> np.ndarray:
    """float32 (256,): entry i is for a value that lies 255 - i below the largest one."""
    logarithm = np.float32(math.log(float(_FLOAT32.max / np.float32(channels))))
    shift = max(0.0, float(logarithm) - 5) / scale
    return np.array([math.exp((i - 255 + shift) * scale) for i in range(256)], np.float32)


def whole_steps(scale: float) -> np.float32:
    """Steps of the output from 0 to 1, rounded down."""
    return np.floor(np.float32(1) / np.float32(scale))
