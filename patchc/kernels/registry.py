"""The kernels of runtime_c and what each declares: files, order, in-place safety.

Every kernel computes a rectangle of its output from views (runtime_c/include/patchc_kernels.h).
`Order.ELEMENT`: reads element i of its operands, then writes element i, i ascending; so the output
may be the very memory of an operand of its shape. `Order.PIXEL`: computes output pixels in raster
order, and may still read the inputs of a pixel after its first byte is written; so the output may
overlap an input only where no pixel from the current one onwards reads. tests/c holds each kernel
to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from patchc.ir import (
    Add,
    AveragePool,
    Concat,
    Conv,
    DepthToSpace,
    GlobalAveragePool,
    Lut,
    MaxPool,
    Mul,
    Op,
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    Softmax,
    Sub,
    Upsample,
)


class Order(str, Enum):
    """The order of reads and writes that a kernel promises."""

    ELEMENT = "element"
    PIXEL = "pixel"


@dataclass(frozen=True, slots=True)
class Kernel:
    """One C function of runtime_c."""

    name: str
    operator: type[Op]  # that it computes, or a part of
    function: str  # in C
    source: str  # file under runtime_c/
    params: str | None  # C type of its constants
    order: Order
    headers: tuple[str, ...] = ()  # under runtime_c/include, beside patchc_kernels.h

    @property
    def takes_pair(self) -> bool:
        """Has it two inputs, the second of which may be left out?"""
        return self.name in ("add", "mul", "sub")

    @property
    def takes_array(self) -> bool:
        """Are its inputs one array of any length?"""
        return self.name == "concat"


def _portable(
    name: str, operator: type[Op], params: str | None, order: Order, *headers: str
) -> Kernel:
    source = f"portable/patchc_{name}.c"
    return Kernel(name, operator, f"patchc_{name}", source, params, order, headers)


KERNELS: dict[str, Kernel] = {
    kernel.name: kernel
    for kernel in (
        _portable("conv2d", Conv, "patchc_conv_params", Order.PIXEL, "patchc_requant.h"),
        _portable("conv2d_pointwise", Conv, "patchc_conv_params", Order.PIXEL, "patchc_requant.h"),
        _portable("conv2d_depthwise", Conv, "patchc_conv_params", Order.PIXEL, "patchc_requant.h"),
        _portable("dense", Conv, "patchc_conv_params", Order.PIXEL, "patchc_requant.h"),
        _portable("add", Add, "patchc_add_params", Order.ELEMENT, "patchc_pairs.h"),
        _portable("mul", Mul, "patchc_mul_params", Order.ELEMENT, "patchc_pairs.h"),
        _portable(
            "sub", Sub, "patchc_sub_params", Order.ELEMENT, "patchc_pairs.h", "patchc_softfloat.h"
        ),
        _portable("concat", Concat, "patchc_concat_params", Order.PIXEL),
        _portable("max_pool", MaxPool, "patchc_pool_params", Order.PIXEL),
        _portable(
            "average_pool", AveragePool, "patchc_average_params", Order.PIXEL, "patchc_softfloat.h"
        ),
        _portable(
            "global_average_pool",
            GlobalAveragePool,
            "patchc_global_params",
            Order.PIXEL,
            "patchc_requant.h",
        ),
        _portable("lut", Lut, "patchc_lut_params", Order.ELEMENT),
        _portable("upsample", Upsample, "patchc_upsample_params", Order.PIXEL),
        _portable("resize_nearest", ResizeNearest, "patchc_resize_nearest_params", Order.PIXEL),
        _portable(
            "resize_linear",
            ResizeLinear,
            "patchc_resize_linear_params",
            Order.PIXEL,
            "patchc_pairs.h",
            "patchc_softfloat.h",
        ),
        _portable("depth_to_space", DepthToSpace, "patchc_depth_to_space_params", Order.PIXEL),
        _portable("rearrange", Rearrange, "patchc_rearrange_params", Order.PIXEL),
        _portable("softmax", Softmax, "patchc_softmax_params", Order.PIXEL, "patchc_softfloat.h"),
        _portable("lut_channels", Lut, "patchc_lut_params", Order.ELEMENT),
        # In two halves: "add" reads a view and adds to int32 sums, "finish" makes int8 of them.
        _portable("pointwise_add", Conv, "patchc_conv_params", Order.PIXEL, "patchc_requant.h"),
        _portable("pointwise_finish", Conv, "patchc_conv_params", Order.PIXEL, "patchc_requant.h"),
        _portable("mean_add", GlobalAveragePool, None, Order.PIXEL),
        _portable(
            "mean_finish",
            GlobalAveragePool,
            "patchc_global_params",
            Order.PIXEL,
            "patchc_requant.h",
        ),
    )
}
