"""Which calls the kernels in runtime_c/dsp are tested with: on the host and on cores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.c.conv_calls import Call, call
from tests.c.kernel_host import Layout

SAME = (1, 1, 1, 1)


def sample(count: int) -> list[Call]:
    """`count` calls of each kernel: any tails, borders, strides, rings and odd addresses."""
    found = []
    for seed in range(count):
        random = np.random.default_rng(seed)

        def draw(low: int, high: int, random: np.random.Generator = random) -> int:
            return int(random.integers(low, high + 1))

        size = draw(1, 6), draw(1, 9)
        pixels = draw(1, 3)
        found.append(
            call("conv2d_pointwise", size, draw(1, 21), draw(1, 9), seed=seed, pixels=pixels)
        )
        part = draw(1, 9)
        found.append(call("pointwise_parts", size, draw(1, 30), draw(1, 9), seed=seed, part=part))
        window = size
        found.append(call("dense", size, draw(1, 13), draw(1, 11), window, seed))
        for kernel in ("conv2d", "conv2d_depthwise"):
            square = draw(1, 7)
            window = (square, square) if draw(0, 1) else (draw(1, 5), draw(1, 8))
            stride = (draw(1, 3), draw(1, 3))
            dilation = (draw(1, 2), draw(1, 2)) if draw(0, 3) == 0 else (1, 1)
            if kernel == "conv2d_depthwise":
                window, dilation = (3 + 2 * draw(0, 2),) * 2, (1, 1)
                stride = (draw(1, 3), draw(1, 2))
            extent = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
            pads = tuple(draw(0, 3) for _ in range(4))
            size = tuple(
                draw(max(1, e - pads[axis] - pads[axis + 2]), e + 4)
                for axis, e in enumerate(extent)
            )
            options = {"pads": pads, "dilation": dilation, "stride": stride}
            found.append(
                call(kernel, size, draw(1, 13), draw(1, 7), window, seed, pixels=pixels, **options)
            )
        for index in range(-5, 0):
            if found[index].part:
                continue
            layouts = [Layout(draw(0, 3), draw(0, 7), draw(0, 5)) for _ in range(2)]
            one = replace(found[index], in_layout=layouts[0], out_layout=layouts[1])
            found[index] = replace(one, skew=(draw(0, 3), draw(0, 3)))
    return found


def extremes() -> list[Call]:
    """The largest sums of either sign, of every pair of extreme weights and inputs."""
    found = []
    for index, kernel in enumerate(("conv2d_pointwise", "conv2d", "dense", "conv2d_depthwise")):
        window = (1, 1) if kernel == "conv2d_pointwise" else (3, 3)
        size = (3, 3) if kernel == "dense" else (5, 7)
        for weight in (-128, 127):
            for value in (-128, 127):
                one = call(kernel, size, 21, 7, window, index)
                one = replace(
                    one,
                    x=np.full_like(one.x, value),
                    weights=np.full_like(one.weights, weight),
                )
                found.append(one)
    return found
