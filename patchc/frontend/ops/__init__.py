"""The operators that patchc imports: one function each, entered in the registry."""

from patchc.frontend.ops import (
    binary,
    concat,
    conv,
    copies,
    dense,
    elementwise,
    expand,
    extremum,
    float_only,
    functions,
    layout,
    pad,
    pool,
    quantization,
    reductions,
    resize,
    softmax,
)
from patchc.frontend.registry import entries, handlers

__all__ = [
    "binary",
    "concat",
    "conv",
    "copies",
    "dense",
    "elementwise",
    "entries",
    "expand",
    "extremum",
    "float_only",
    "functions",
    "handlers",
    "layout",
    "pad",
    "pool",
    "quantization",
    "reductions",
    "resize",
    "softmax",
]
