"""Max and Min between DequantizeLinear and QuantizeLinear, as a table per operand.

QuantizeLinear never falls where its operand rises, so the larger of two real numbers is quantised
to the larger of what both are quantised to (docs/exactness.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from patchc.ir import Clamp, Extremum, Min, Quantization
from patchc.numerics.linear import ALL_VALUES, dequantize, quantize, requantization
from patchc.numerics.pairing import Pairing
from patchc.numerics.structs import ExtremumParams

Kind = type[Extremum]


def extremum_params(kind: Kind, pairing: Pairing) -> ExtremumParams:
    """The kernel's constants. Operands that need the same table share it; where both tables change
    nothing there is none."""
    first, second = (_table(quant, pairing) for quant in (pairing.a, pairing.b))
    shared = np.array_equal(first, second)
    tables = first if shared else np.concatenate((first, second))
    return ExtremumParams(
        tables=None if shared and np.array_equal(first, ALL_VALUES) else tables,
        b_table_at=0 if shared else 256,
        constant=pairing.constant,
        least=int(kind is Min),
    )


def extremum_float(
    kind: Kind, pairing: Pairing, a: NDArray[np.int8], b: NDArray[np.int8]
) -> NDArray[np.int8]:
    """onnxruntime's operations, in float32."""
    choose = np.minimum if kind is Min else np.maximum
    chosen = choose(dequantize(a, pairing.a), dequantize(b, pairing.b))
    return _clipped(quantize(chosen, pairing.out), pairing.clamp)


def _table(quant: Quantization, pairing: Pairing) -> NDArray[np.int8]:
    """int8 (256,): an operand's values as the output has them."""
    return _clipped(requantization(quant, pairing.out), pairing.clamp)


def _clipped(values: np.ndarray, clamp: Clamp) -> NDArray[np.int8]:
    result: NDArray[np.int8] = np.clip(values, clamp.lo, clamp.hi).astype(np.int8)
    return result
