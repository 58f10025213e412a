"""Maps side by side along rows or columns, in operators that the Graph has.

Each map is put at its place among zeros, by a 1x1 convolution whose weights are one, and these are
added. Both are exact where all of them have the scale and zero point of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from patchc.frontend.axes import Axis, Layout, describe, dims
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.refusal import RefusalError
from patchc.frontend.values import Dequantized, Pending, Quantized
from patchc.ir import Add, Conv, Padding, Window


def tiled(call: Call, maps: Sequence[Quantized], dimension: int, axis: str) -> Pending:
    """The maps along `axis`, "h" or "w", which is `dimension` of their layouts. Raises
    RefusalError where they are of different sizes otherwise."""
    rest = {map_.layout[:dimension] + map_.layout[dimension + 1 :] for map_ in maps}
    if len(rest) > 1:
        words = ", ".join(dict.fromkeys(describe(map_.layout) for map_ in maps))
        raise RefusalError(f"operands of different layouts or sizes: {words}")
    sizes = [dims(map_.layout)[dimension] for map_ in maps]
    joined = (Axis(axis, sum(sizes)),)
    layout = (*maps[0].layout[:dimension], joined, *maps[0].layout[dimension + 1 :])

    def made(result: Result) -> Quantized:
        whole: Quantized | None = None
        for index, (map_, end) in enumerate(zip(maps, accumulate(sizes), strict=True)):
            pads = (end - sizes[index], sum(sizes) - end)
            part = replace(result, name=f"{result.name}_tile{index}", in_file=False)
            if len(maps) == 1:
                part = result
            placed = _placed(call, map_, pads, axis, part, layout)
            if whole is None:
                whole = placed
                continue
            last = index == len(maps) - 1
            name = f"{result.name}_tiles{index}"
            total = result if last else replace(result, name=name, in_file=False)
            whole = call.builder.emit(call.name, Add(), (whole.tensor, placed.tensor), total)
        assert whole is not None
        return whole

    return Pending(call.name, call.output, Add(), (maps[0].tensor,), layout, make=made)


def _placed(
    call: Call,
    map_: Quantized,
    pads: tuple[int, int],
    axis: str,
    result: Result,
    layout: Layout,
) -> Quantized:
    """The map with so many rows or columns of zeros before and behind it."""
    name = f"{result.name}_requantized"
    alike = Result(name, map_.layout, result.quant, result.unsigned, in_file=False)
    source = call.builder.requantize(Dequantized(map_), alike, f"{call.name}_requantize")
    channels = call.builder.tensors[source.tensor].shape[2]
    before, behind = pads
    around = Padding(before, 0, behind, 0) if axis == "h" else Padding(0, before, 0, behind)
    op = Conv(
        Window((1, 1), pads=around),
        channels,
        np.ones((channels, 1, 1, 1), np.int8),
        np.ones(channels, np.float32),
        np.zeros(channels, np.int32),
    )
    return call.builder.emit(call.name, op, (source.tensor,), replace(result, layout=layout))
