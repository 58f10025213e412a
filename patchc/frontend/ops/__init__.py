"""The operators that patchc imports: one function each, entered in the registry."""

from patchc.frontend.ops import (
    binary,
    concat,
    conv,
    dense,
    elementwise,
    functions,
    layout,
    pad,
    pool,
    quantization,
    resize,
)

__all__ = [
    "binary",
    "concat",
    "conv",
    "dense",
    "elementwise",
    "functions",
    "layout",
    "pad",
    "pool",
    "quantization",
    "resize",
]
