"""The windows of kernels as C has them."""

from __future__ import annotations

from patchc.errors import PatchcError
from patchc.ir import Node, Window
from patchc.numerics.structs import WindowParams

# Members of patchc_window are uint16_t.
MAX_WINDOW = 2**16 - 1


def where_of(node: Node) -> str:
    """A node as messages name it."""
    return f"{node.op.kind} {node.name!r}"


def window_params(window: Window, where: str) -> WindowParams:
    """patchc_window. The dilation of a single tap means nothing: 1.

    Raises PatchcError where a member exceeds its C type; `where` begins the message.
    """
    (kernel_h, kernel_w), (stride_h, stride_w) = window.kernel, window.stride
    dilation_h, dilation_w = (
        dilation if taps > 1 else 1
        for taps, dilation in zip(window.kernel, window.dilation, strict=True)
    )
    params = WindowParams(kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w)
    largest = max(*window.kernel, *window.stride, dilation_h, dilation_w)
    if largest > MAX_WINDOW:
        raise PatchcError(f"{where}: window of {largest}; at most {MAX_WINDOW}")
    return params
