"""The formulas of patchc.numerics against onnxruntime itself, one operator at a time."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper, numpy_helper

from patchc.ir import AveragePool, Padding, Quantization, Tensor, Window
from patchc.numerics.add import add_float
from patchc.numerics.average import average_params
from patchc.numerics.float32 import Float32
from patchc.numerics.pairing import Pairing, all_pairs
from patchc.numerics.requant import conv_factors, global_factor, requantize_float
from patchc.numerics.structs import WindowParams
from patchc.verify.sessions import session

DOMAIN = {"QLinearConv": "", "MaxPool": ""}


def run(op_type: str, operands: list[np.ndarray], data: tuple[int, ...], **attributes: object):
    """One node through onnxruntime; `data`: the operands that are graph inputs."""
    names = [f"t{i}" for i in range(len(operands))]
    element = helper.np_dtype_to_tensor_dtype(operands[data[0]].dtype)
    node = helper.make_node(
        op_type, names, ["y"], domain=DOMAIN.get(op_type, "com.microsoft"), **attributes
    )
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info(names[i], element, operands[i].shape) for i in data],
        [helper.make_tensor_value_info("y", element, None)],
        [
            numpy_helper.from_array(value, name)
            for i, (name, value) in enumerate(zip(names, operands, strict=True))
            if i not in data
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    (result,) = session(model).run(None, {names[i]: operands[i] for i in data})
    return result


def scalar(value: float, dtype: type) -> np.ndarray:
    return np.array(value, dtype)


def typed(values: np.ndarray | int, dtype: type) -> np.ndarray:
    """int8 values as onnxruntime's type: uint8 is 128 higher."""
    return (np.asarray(values, np.int64) + (128 if dtype is np.uint8 else 0)).astype(dtype)


def untyped(values: np.ndarray) -> np.ndarray:
    return (values.astype(int) - (128 if values.dtype == np.uint8 else 0)).astype(np.int8)


def near_steps(random: np.random.Generator, factor: Float32, count: int) -> np.ndarray:
    """Accumulators within 1 of a step of the output, and a few anywhere in int32."""
    steps = (random.integers(-200, 200, count) + 0.5) / np.float64(factor)
    near = np.clip(steps + random.integers(-1, 2, count), -(2**31), 2**31 - 1).astype(np.int64)
    near[:20] = random.integers(-(2**31), 2**31, 20)
    return near


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("seed", range(12))
def test_convolution(dtype: type, seed: int) -> None:
    """Weights of 0 make every bias an accumulator: requantisation alone, near its steps."""
    random = np.random.default_rng(seed)
    channels = 2000
    sx, sy = (np.float32(np.exp(random.uniform(-6, 0))) for _ in range(2))
    sw = np.exp(random.uniform(-14, -1, channels)).astype(np.float32)
    zx, zy = random.integers(-128, 128, 2)
    factors = conv_factors(sx, sw, sy)
    acc = np.array([near_steps(random, r, 21)[-1] for r in factors]).astype(np.int32)
    operands = [
        typed(np.full((1, 1, 1, 1), 5), dtype), scalar(sx, np.float32), typed(zx, dtype),
        np.zeros((channels, 1, 1, 1), np.int8), sw, np.zeros(channels, np.int8),
        scalar(sy, np.float32), typed(zy, dtype), acc,
    ]  # fmt: skip
    got = untyped(run("QLinearConv", operands, (0,))).ravel()
    np.testing.assert_array_equal(got, requantize_float(acc, factors, int(zy), -128, 127))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("seed", range(12))
def test_add_of_all_pairs(dtype: type, seed: int) -> None:
    """uint8 rounds otherwise than int8 does: about every fourth set of scales shows it."""
    random = np.random.default_rng(seed)
    scales = np.exp(random.uniform(-6, 0, 3)).astype(np.float32)
    scales[2] = (scales[0] + scales[1]) * np.float32(random.uniform(0.3, 1.2))
    points = random.integers(-128, 128, 3)
    maps = [np.broadcast_to(x, (256, 256)).copy() for x in all_pairs()]
    operands = []
    for i in range(3):
        operands += [typed(maps[i], dtype)] if i < 2 else []
        operands += [scalar(scales[i], np.float32), typed(points[i], dtype)]
    quants = [Quantization(float(s), int(z)) for s, z in zip(scales, points, strict=True)]
    expected = add_float(Pairing(*quants, unsigned=dtype is np.uint8), *all_pairs())
    np.testing.assert_array_equal(untyped(run("QLinearAdd", operands, (0, 3))), expected)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_add_of_one_element_swaps_the_operands(dtype: type) -> None:
    """onnxruntime takes the first for a broadcast scalar; the importer swaps them back."""
    random = np.random.default_rng(1)
    for _ in range(40):
        scales = np.exp(random.uniform(-3, 0, 3)).astype(np.float32)
        points, values = random.integers(-128, 128, 3), random.integers(-128, 128, (2, 1))
        operands = []
        for i in range(3):
            operands += [typed(values[i], dtype)] if i < 2 else []
            operands += [scalar(scales[i], np.float32), typed(points[i], dtype)]
        quants = [Quantization(float(s), int(z)) for s, z in zip(scales, points, strict=True)]
        swapped = Pairing(quants[1], quants[0], quants[2], unsigned=dtype is np.uint8)
        expected = add_float(swapped, *values[::-1].astype(np.int8))
        np.testing.assert_array_equal(untyped(run("QLinearAdd", operands, (0, 3))), expected)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("seed", range(8))
def test_global_average_pool(dtype: type, seed: int) -> None:
    random = np.random.default_rng(seed)
    h, w = (int(n) for n in random.integers(1, 9, 2))
    sx = np.float32(np.exp(random.uniform(-6, 0)))
    sy = np.float32(sx * np.exp(random.uniform(-3, 0)))
    zx, zy = random.integers(-128, 128, 2)
    # Means within the output's range, else all would saturate.
    x = np.clip(zx + random.integers(-60, 61, (1, 3000, h, w)), -128, 127)
    operands = [
        typed(x, dtype), scalar(sx, np.float32), typed(zx, dtype),
        scalar(sy, np.float32), typed(zy, dtype),
    ]  # fmt: skip
    got = untyped(run("QLinearGlobalAveragePool", operands, (0,), channels_last=0)).ravel()
    total = (x - zx).sum(axis=(2, 3)).ravel()
    expected = requantize_float(total, global_factor(sx, sy, h * w), int(zy), -128, 127)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.slow
@pytest.mark.parametrize("include", [False, True])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("seed", range(6))
def test_average_pool_through_the_kernel(dtype: type, include: bool, seed: int) -> None:
    """The C kernel with its emulated float32 against onnxruntime, padded borders included."""
    from tests.c.kernel_host import Call, library
    from tests.c.kernel_host import run as run_kernel

    random = np.random.default_rng(seed)
    pads = Padding(*(int(n) for n in random.integers(0, 2, 4)))
    window = Window((3, 2), (1, 2), pads=pads)
    x_map = random.integers(-128, 128, (9, 12, 40)).astype(np.int8)
    sx = float(np.float32(np.exp(random.uniform(-6, 0))))
    sy = float(np.float32(sx * np.exp(random.uniform(-1.5, 0.5))))
    zx, zy = (int(n) for n in random.integers(-128, 128, 2))
    operands = [
        typed(x_map.transpose(2, 0, 1)[None], dtype), scalar(sx, np.float32), typed(zx, dtype),
        scalar(sy, np.float32), typed(zy, dtype),
    ]  # fmt: skip
    got = run(
        "QLinearAveragePool", operands, (0,), channels_last=0, kernel_shape=[3, 2], strides=[1, 2],
        pads=[pads.top, pads.left, pads.bottom, pads.right], count_include_pad=int(include),
    )  # fmt: skip
    expected = untyped(got)[0].transpose(1, 2, 0)
    x = Tensor("x", x_map.shape, Quantization(sx, zx))
    y = Tensor("y", expected.shape, Quantization(sy, zy))
    params = average_params(
        AveragePool(window, include, unsigned=dtype is np.uint8),
        WindowParams(3, 2, 1, 2, 1, 1),
        x,
        y,
        "test",
    )
    call = Call("average_pool", params, (x_map,), expected.shape, pads)
    np.testing.assert_array_equal(run_kernel(library(), call), expected)
