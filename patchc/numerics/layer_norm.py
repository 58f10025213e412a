"""LayerNormalization and RMSNormalization over the channels, in integers alone.

With x = q - zero point, S and SS the sums of x and of its squares over the n channels, and e the
epsilon in units of the input's scale, squared:

    (x - mean) / sqrt(variance + e) = (n x - S) / sqrt(n SS - S^2 + n^2 e)

Without the mean (RMSNormalization) S is 0. The numerator and the sums are exact. The root is that
of a number widened by an even number of bits, as many as 52 allow; its inverse has 52 binary
places, the quotient, the *normalised value*, NORMAL_BITS. What is rounded down is below 2^-13 of
the result. onnxruntime adds up floats, so its answer may differ where the exact one lies near half
a step.
"""

from __future__ import annotations

import math

import numpy as np

from patchc.errors import PatchcError
from patchc.ir import LayerNormalization, Tensor
from patchc.numerics.structs import LayerNormParams

MAX_CHANNELS = 2**15  # the kernel's sum of squares is a uint32

ROOT_BITS = 52  # of what a root is taken of: a float64 holds it
NORMAL_BITS = 20  # binary places of a normalised value, which is below sqrt(channels)
FACTOR_BITS = 30  # of a factor or an offset
MAX_PLACES, MIN_PLACES = 24, 8  # binary places of these


def layer_norm_params(op: LayerNormalization, x: Tensor, y: Tensor, where: str) -> LayerNormParams:
    """The kernel's constants. Raises PatchcError for too many channels, and for scales whose
    numbers it has no bits for."""
    channels = x.shape[2]
    if channels > MAX_CHANNELS:
        raise PatchcError(f"{where}: {channels} channels; at most {MAX_CHANNELS}")
    epsilon = channels**2 * op.epsilon / x.quant.scale**2
    widening = _widening(_largest(op, channels, x.quant.zero_point), epsilon)
    if widening is None:
        raise PatchcError(
            f"{where}: an epsilon of {op.epsilon:g} is too large beside an input scale of "
            f"{x.quant.scale:g}. Quantise the model again"
        )
    factors = op.scale.astype(np.float64) / y.quant.scale
    offsets = op.bias.astype(np.float64) / y.quant.scale + y.quant.zero_point
    most = max(float(np.abs(factors).max()), float(np.abs(offsets).max()) + 1)
    places = min(MAX_PLACES, FACTOR_BITS - math.frexp(most)[1])
    if places < MIN_PLACES:
        raise PatchcError(
            f"{where}: an output scale of {y.quant.scale:g} is too small beside its factors and "
            "biases. Quantise the model again"
        )
    half = 2 ** (places - 1)
    return LayerNormParams(
        factors=np.rint(factors * 2.0**places).astype(np.int32),
        offsets=(np.rint(offsets * 2.0**places) + half).astype(np.int32),
        epsilon=round(epsilon * 4**widening),
        widening=2 * widening,
        drop=ROOT_BITS - NORMAL_BITS - widening,
        places=places,
        centered=int(op.centered),
        in_zero_point=x.quant.zero_point,
        lo=op.clamp.lo,
        hi=op.clamp.hi,
    )


def _largest(op: LayerNormalization, channels: int, zero_point: int) -> int:
    """A bound of n SS - S^2, or n SS."""
    if op.centered:
        return channels**2 * 255**2 // 4
    return int(channels**2 * max(127 - zero_point, zero_point + 128) ** 2)


def _widening(largest: int, epsilon: float) -> int | None:
    """Half of the bits by which the root's operand can be widened; None: there is no room."""
    allowed = (n for n in range(ROOT_BITS // 2 - 2, -1, -1))
    return next((n for n in allowed if (largest + 1 + epsilon) * 4**n < 2**ROOT_BITS - 1), None)
