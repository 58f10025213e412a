"""Whether every word of CMSIS-NN's is an int32, for all sums of a layer that can come up.

Beyond, its plain C wraps and its code for MVE saturates, so that there is no one result to model.
"""

from __future__ import annotations

import numpy as np

from patchc.choices import Rounding
from patchc.ir import Conv, Tensor
from patchc.numerics.cmsis import conv_cmsis_form
from patchc.numerics.cmsis_check import never_wraps
from patchc.numerics.thresholds import accumulators, conv_channels


def conv_fits(op: Conv, x: Tensor, y: Tensor, where: str, rounding: Rounding) -> bool:
    """With the multipliers that the layer gets. The words at both ends are the largest."""
    form = conv_cmsis_form(op, x, y, rounding, where)
    ends = np.stack(accumulators(conv_channels(op, x, y)), axis=1)
    multipliers = np.array(form.multipliers, np.int64)[:, None]
    shifts = np.array(form.shifts, np.int64)[:, None]
    return bool(never_wraps(ends, multipliers, shifts, rounding).all())
