"""Sliding windows as ONNX describes them -> Window, padding resolved for one map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from patchc.frontend.call import Call
from patchc.frontend.refusal import RefusalError
from patchc.ir import Padding, Window
from patchc.ir.graph import Shape
from patchc.ir.rules import window_output


@dataclass(frozen=True, slots=True)
class _Side:
    """One spatial dimension."""

    size: int  # of the map
    kernel: int
    stride: int
    dilation: int

    @property
    def extent(self) -> int:
        return (self.kernel - 1) * self.dilation + 1

    def same(self, *, upper: bool) -> tuple[int, int]:
        """Pads for ceil(size / stride) outputs; an odd one goes to the end if `upper`.

        Raises RefusalError where the kernel is so much smaller than the stride that onnxruntime
        would centre it by cropping the map.
        """
        outputs = -(-self.size // self.stride)
        total = (outputs - 1) * self.stride + self.extent - self.size
        if total < (-1 if upper else -2):
            raise RefusalError("auto_pad with a stride that leaves out rows: use explicit pads")
        total = max(total, 0)
        small, large = total // 2, total - total // 2
        return (small, large) if upper else (large, small)

    def ceil(self, before: int, after: int) -> int:
        """The end pad that makes floor division give what ceil_mode asks for.

        onnxruntime drops a last window that would start behind the map and its begin pad, in
        every opset (tried: all windows up to 4 over maps up to 8).
        """
        room = self.size + before + after - self.extent
        outputs = -(-room // self.stride) + 1
        if (outputs - 1) * self.stride >= self.size + before:
            outputs -= 1
        return max(after, (outputs - 1) * self.stride + self.extent - self.size - before)


def window(call: Call, shape: Shape, rank: int, kernel: Sequence[int] | None = None) -> Window:
    """The window of a Conv or pool over a map of `shape`, the ONNX tensor having `rank` dims.

    `kernel` (from the weights) must agree with the attribute, if any. Raises RefusalError.
    """
    spatial = rank - 2
    kernel_shape = list(call.attribute("kernel_shape", kernel or []))
    if kernel is not None and kernel_shape != list(kernel):
        raise RefusalError(f"kernel_shape {kernel_shape}, but its weights are {list(kernel)}")
    strides = call.attribute("strides", [1] * spatial)
    dilations = call.attribute("dilations", [1] * spatial)
    if not len(kernel_shape) == len(strides) == len(dilations) == spatial:
        raise RefusalError(
            f"a window of {len(kernel_shape)} dimensions over {spatial} of its input"
        )
    sizes = shape[:2][2 - spatial :]
    sides = [_Side(*parts) for parts in zip(sizes, kernel_shape, strides, dilations, strict=True)]
    pads = _pads(call, sides)
    if spatial == 1:  # a signal is a map of height 1
        sides, pads = [_Side(1, 1, 1, 1), *sides], [(0, 0), *pads]
    (top, bottom), (left, right) = pads
    rows, cols = sides
    return Window(
        kernel=(rows.kernel, cols.kernel),
        stride=(rows.stride, cols.stride),
        dilation=(rows.dilation, cols.dilation),
        pads=Padding(top, left, bottom, right),
    )


def _pads(call: Call, sides: list[_Side]) -> list[tuple[int, int]]:
    auto = call.attribute("auto_pad", "NOTSET")
    if auto == "VALID":
        return [(0, 0)] * len(sides)
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        return [side.same(upper=auto == "SAME_UPPER") for side in sides]
    flat = call.attribute("pads", [0] * (2 * len(sides)))
    if min(flat) < 0:
        raise RefusalError(f"negative pads {list(flat)}")
    pads = list(zip(flat[: len(sides)], flat[len(sides) :], strict=True))
    if call.attribute("ceil_mode", 0):
        pads = [
            (before, side.ceil(before, after))
            for side, (before, after) in zip(sides, pads, strict=True)
        ]
    return pads


def add_pads(found: Window, pads: Padding) -> Window:
    """`found` with an explicit Pad before it taken in."""
    own = found.pads
    total = Padding(
        own.top + pads.top,
        own.left + pads.left,
        own.bottom + pads.bottom,
        own.right + pads.right,
    )
    return replace(found, pads=total)


def check_fits(found: Window, shape: Shape) -> None:
    """Raises RefusalError where the window is larger than the padded map."""
    if min(window_output(found, shape[0], shape[1])) < 1:
        raise RefusalError(f"a window of {found.extent} over a map of {shape[0]}x{shape[1]}")


def check_touches(found: Window, shape: Shape) -> None:
    """Raises RefusalError where a position of the window lies wholly in padding.

    Such a position has no maximum, and no mean where padding does not count.
    """
    outputs = window_output(found, shape[0], shape[1])
    begins = (found.pads.top, found.pads.left)
    for axis in range(2):
        taps = range(0, found.kernel[axis] * found.dilation[axis], found.dilation[axis])
        for position in range(outputs[axis]):
            first = position * found.stride[axis] - begins[axis]
            if not any(0 <= first + tap < shape[axis] for tap in taps):
                raise RefusalError("a position of its window lies wholly in padding")
