"""LocalResponseNormalization over neighbouring channels, in integers alone.

With x = q - zero point and T the sum of the squares of the neighbours, an integer, the result is

    x * f(T),   f(T) = (bias + alpha / size * sx^2 * T) ^ -beta * sx / sy

f is a table with a line between two entries. Each power of two has as many: with m = 2^bits, entry
(e, k) is for T + m = 2^e (m + k), k below m. There are so many that no result is more than
MAX_ERROR steps off. onnxruntime adds up floats, so its answer may differ where the exact one lies
near half a step.
"""

from __future__ import annotations

import math

import numpy as np

from patchc.errors import PatchcError
from patchc.ir import LocalResponseNormalization, Tensor
from patchc.numerics.structs import LocalResponseParams

MAX_SIZE = 64  # channels in a window: their squares are 2^22 at most
MAX_ERROR = 2.0**-6  # steps of the output
MAX_BITS = 8  # of an entry's number among those of one power of two
FACTOR_BITS = 30
MAX_PLACES, MIN_PLACES = 28, 8  # binary places of an entry


def local_response_params(
    op: LocalResponseNormalization, x: Tensor, y: Tensor, where: str
) -> LocalResponseParams:
    """The kernel's constants. Raises PatchcError where no table that is small enough is exact
    enough."""
    zero_point = x.quant.zero_point
    most = max(127 - zero_point, zero_point + 128)
    total = np.arange(min(op.size, x.shape[2]) * most**2 + 1, dtype=np.float64)

    def real(total: np.ndarray) -> np.ndarray:
        spread = op.alpha / op.size * x.quant.scale**2
        found: np.ndarray = (op.bias + spread * total) ** -op.beta
        return found * (x.quant.scale / y.quant.scale)

    exact = real(total)
    places = min(MAX_PLACES, FACTOR_BITS - math.frexp(float(exact.max()))[1])
    if places < MIN_PLACES:
        raise PatchcError(
            f"{where}: an output scale of {y.quant.scale:g} is too small beside an input scale of "
            f"{x.quant.scale:g}. Quantise the model again"
        )
    multiplier = np.minimum(np.sqrt(total), most)  # a value is no larger than its window's sum says
    sums = total.astype(np.int64)
    for bits in range(MAX_BITS + 1):
        table = np.rint(real(_sums(len(total) - 1, bits)) * 2.0**places).astype(np.int32)
        found = between(table, sums, bits) * 2.0**-places
        if float((np.abs(found - exact) * multiplier).max()) <= MAX_ERROR:
            return LocalResponseParams(
                table=table,
                behind=op.behind,
                ahead=op.size - 1 - op.behind,
                bits=bits,
                places=places,
                in_zero_point=zero_point,
                zero_point=y.quant.zero_point,
                lo=op.clamp.lo,
                hi=op.clamp.hi,
            )
    raise PatchcError(
        f"{where}: no table is exact enough for alpha {op.alpha:g}, beta {op.beta:g}, "
        f" bias {op.bias:g} at an input scale of {x.quant.scale:g}"
    )


def octaves(largest: int, bits: int) -> int:
    """Powers of two that have entries, where no sum is larger."""
    return (largest + (1 << bits)).bit_length() - bits


def _sums(largest: int, bits: int) -> np.ndarray:
    """float64: the sums that entries are for, the last of them beyond `largest`."""
    several = np.arange(1 << bits, 2 << bits)
    found = [several << power for power in range(octaves(largest, bits) + 1)]
    return np.concatenate(found).astype(np.float64) - (1 << bits)


def between(table: np.ndarray, total: np.ndarray, bits: int) -> np.ndarray:
    """f at `total`, int64, by the line between two entries of the table."""
    above = total + (1 << bits)
    power = np.frexp(above.astype(np.float64))[1].astype(np.int64) - 1 - bits
    index = (power << bits) + (above >> power) - (1 << bits)
    entries = table.astype(np.int64)
    low, high = entries[index], entries[index + 1]
    found: np.ndarray = low + ((high - low) * (above & ((1 << power) - 1)) >> power)
    return found
