"""The operators that patchc imports: one function each, entered in the registry."""

from patchc.frontend.ops import (
    binary,
    concat,
    conv,
    copies,
    dense,
    elementwise,
    functions,
    layout,
    pad,
    pool,
    quantization,
    reduce,
    resize,
    softmax,
)

__all__ = [
    "binary",
    "concat",
    "conv",
    "copies",
    "dense",
    "elementwise",
    "functions",
    "layout",
    "pad",
    "pool",
    "quantization",
    "reduce",
    "resize",
    "softmax",
]
