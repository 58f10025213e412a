"""benchmarks.speed: which layers CMSIS-NN is asked for, what is wanted, and the table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import cmsis_nn
from benchmarks.cmsis_nn import Layer, Library
from benchmarks.speed import HEADINGS, Row, Settings, footnotes, millions, render, wanted
from patchc.errors import PatchcError
from patchc.ir.graph import Add, Concat, Op
from tests.graphs import NetworkBuilder

ROW = Row(
    network="efficientnet_lite0_224",
    core="cortex-m33",
    instructions=1_234_500_000,
    predicted=1_100_000_000,
    cmsis_nn=3_944_000_000,
    borrowed=12_000_000,
    borrowed_operators=(Add.__name__,),
    wanted=672e6,
    cycles=1_834_500_000,
    cmsis_nn_cycles=5_944_000_000,
    total_bytes=60_000,
    bytes_different=0,
    kernels={"conv2d_pointwise_dsp": 1_000_000_000, "net.c": 1_000},
    cmsis_nn_kinds={"pointwise": 3_000_000_000},
)


def library(folder, *files: str) -> Library:
    for name in ("Include/arm_nnfunctions.h", *files):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return cmsis_nn.checkout(folder, "-Ofast")


CONVOLVE = "Source/ConvolutionFunctions/arm_convolve_s8.c"
ADD = f"Source/BasicMathFunctions/{cmsis_nn.ELEMENTWISE}"


def layers(net: NetworkBuilder, last: str, found: Library) -> tuple[list[Layer], list[type[Op]]]:
    calls, left = cmsis_nn.layers(net.build(last), found)
    return calls, [type(node.op) for node in left]


def test_convolutions_and_pools(tmp_path):
    net = NetworkBuilder(0)
    x = net.conv(net.input(12, 10, 3), 8, 3, 2)
    x = net.conv(net.depthwise(x, 3), 16)
    found, left = layers(net, net.dense(net.mean(x), 5), library(tmp_path, CONVOLVE))
    assert left == []
    assert [layer.kind for layer in found] == ["conv", "depthwise", "pointwise", "pool", "dense"]
    conv, depthwise, pointwise, pool, dense = found
    assert conv.dims == ((1, 12, 10, 3), (8, 3, 3, 3), (1, 6, 5, 8))
    assert conv.pairs[0] == (2, 2)
    assert depthwise.dims[1] == (1, 3, 3, 8)
    assert pointwise.dims[1] == (16, 1, 1, 8)
    assert pool.dims[1:] == ((1, 6, 5, 1), (1, 1, 1, 16))
    assert dense.dims == ((1, 1, 1, 16), (16, 1, 1, 5), (1, 1, 1, 5))
    assert dense.initializer().startswith("{DENSE, {1, 1, 1, 16}, {16, 1, 1, 5}, {1, 1, 1, 5}, ")


def test_sums_where_the_library_has_them(tmp_path):
    net = NetworkBuilder(0)
    x = net.input(4, 4, 8)
    last = net.concat(net.add(x, net.conv(x, 8)), x)
    assert layers(net, last, library(tmp_path / "a", CONVOLVE))[1] == [Add, Concat]
    found, left = layers(net, last, library(tmp_path / "b", CONVOLVE, ADD))
    assert [layer.operation for layer in found] == ["CONV", "ADD"]
    assert left == [Concat]


def test_a_folder_that_is_no_checkout(tmp_path):
    with pytest.raises(PatchcError, match=r"is no checkout of CMSIS-NN: it has no Include and"):
        cmsis_nn.checkout(tmp_path, "-Ofast")


def test_what_is_wanted():
    assert wanted("resnet8_cifar10", "cortex-m4", 30_000_000) == 18e6
    assert wanted("resnet8_cifar10", "cortex-m7", 30_000_000) == pytest.approx(18.9e6)
    assert wanted("resnet8_cifar10", "cortex-m0", 100_000_000) == 75e6
    assert wanted("resnet8_cifar10", "cortex-m55", 5_000_000) == 5e6


def test_the_table_fits_80_columns(tmp_path):
    found = library(tmp_path, CONVOLVE)
    lines = render(ROW, kinds=True) + footnotes([ROW], Settings(found, 5))
    assert max(map(len, [" ".join("x" * abs(width) for _, width in HEADINGS), *lines])) <= 80
    assert lines[0].split()[2:5] == ["1234", "3944*", "0.31"]
    assert lines[-1].endswith(Add.__name__)
    assert "17 BYTES DIFFER" in "\n".join(render(replace(ROW, bytes_different=17), kinds=False))


def test_millions():
    assert [millions(n) for n in (None, 5_240_000, 999_900_000, 2_376_400_000)] == [
        *("-", "5.2", "999.9", "2376"),
    ]
