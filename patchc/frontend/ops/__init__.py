"""The operators that patchc imports: one function each, entered in the registry."""

from patchc.frontend.ops import (
    binary,
    concat,
    conv,
    dense,
    elementwise,
    layout,
    pad,
    pool,
    quantization,
)

__all__ = [
    "binary",
    "concat",
    "conv",
    "dense",
    "elementwise",
    "layout",
    "pad",
    "pool",
    "quantization",
]
