"""Sums in onnxruntime are exact at every level of optimisation and on every processor.

Maps and weights lie at the ends of their range, so that on a processor that adds products of uint8
and int8 in 16 bits nearly all sums would saturate. What onnxruntime must give is computed in numpy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from patchc.frontend.load import MICROSOFT
from patchc.verify import sessions
from patchc.verify.sessions import saturates, session
from patchc.verify.unsigned import unsigned_weights

LEVELS = onnxruntime.GraphOptimizationLevel.__members__
every_level = pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)

# onnxruntime has no kernels for signed maps beside unsigned weights.
TYPES = [(np.uint8, np.int8), (np.uint8, np.uint8), (np.int8, np.int8)]
every_pair_of_types = pytest.mark.parametrize(
    ("map_type", "weight_type"), TYPES, ids=["u8s8", "u8u8", "s8s8"]
)

MAP_SCALE, OUTPUT_SCALE = 0.02, 0.05
ROWS, DEPTH, CHANNELS = 13, 96, 24


@dataclass
class Layers:
    """A model as it grows; its maps are inputs, its weights constants."""

    random: np.random.Generator
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    feeds: dict[str, np.ndarray] = field(default_factory=dict)
    types: dict[str, type[np.generic]] = field(default_factory=dict)  # of the outputs

    def extremes(self, shape: tuple[int, ...], dtype: type[np.generic]) -> np.ndarray:
        info = np.iinfo(dtype)
        return np.where(self.random.random(shape) < 0.9, info.max, info.min).astype(dtype)

    def constant(self, name: str, values: object, dtype: type[np.generic]) -> str:
        if name not in {tensor.name for tensor in self.constants}:
            self.constants.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def quantization(self, name: str, scale: object, zero_point: object, dtype) -> list[str]:
        return [
            self.constant(f"{name}_scale", scale, np.float32),
            self.constant(f"{name}_zero_point", zero_point, dtype),
        ]

    def map(self, name: str, values: np.ndarray) -> str:
        self.feeds[name] = values
        return name

    def add(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def model(self) -> onnx.ModelProto:
        element = helper.np_dtype_to_tensor_dtype
        inputs = [
            helper.make_tensor_value_info(name, element(values.dtype), values.shape)
            for name, values in self.feeds.items()
        ]
        outputs = [
            helper.make_tensor_value_info(name, element(np.dtype(dtype)), None)
            for name, dtype in self.types.items()
        ]
        graph = helper.make_graph(self.nodes, "layers", inputs, outputs, self.constants)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def middle(dtype: type[np.generic]) -> int:
    return 128 if dtype is np.uint8 else 0


def requantized(sums: np.ndarray, scales: np.ndarray, dtype: type[np.generic]) -> np.ndarray:
    """onnxruntime's formula, channels last. Raises AssertionError where too much saturates."""
    factors = np.float32(MAP_SCALE) * scales.astype(np.float32) / np.float32(OUTPUT_SCALE)
    info = np.iinfo(dtype)
    rounded = np.rint(sums.astype(np.float32) * factors) + middle(dtype)
    found = np.clip(rounded, info.min, info.max).astype(dtype)
    assert len(np.unique(found)) > 8
    return found


def scales_of(count: int, taps: int) -> np.ndarray:
    """With which sums of `taps` extreme products fill the output's range."""
    return np.linspace(0.8, 1.2, count) / (taps * 100)


def assert_exact(layers: Layers, expected: dict[str, np.ndarray], level, **options: bool) -> None:
    running = session(layers.model(), level=level, **options)
    for found, (name, values) in zip(
        running.run(list(expected), layers.feeds), expected.items(), strict=True
    ):
        np.testing.assert_array_equal(found, values, name)


def dense(kind: str, map_type, weight_type, seed: int = 0) -> tuple[Layers, dict[str, np.ndarray]]:
    """QLinearMatMul or QGemm, a scale per channel."""
    layers = Layers(np.random.default_rng(seed))
    x = layers.extremes((ROWS, DEPTH), map_type)
    w = layers.extremes((DEPTH, CHANNELS), weight_type)
    zero = int(layers.random.integers(np.iinfo(map_type).min, np.iinfo(map_type).max + 1))
    scales, zeros = scales_of(CHANNELS, DEPTH), np.full(CHANNELS, middle(weight_type))
    layers.add(
        kind,
        [
            layers.map("x", x),
            *layers.quantization("x", MAP_SCALE, zero, map_type),
            layers.constant("w", w, weight_type),
            *layers.quantization("w", scales, zeros, weight_type),
            *([""] if kind == "QGemm" else []),
            *layers.quantization("y", OUTPUT_SCALE, middle(map_type), map_type),
        ],
        "y",
        domain=MICROSOFT if kind == "QGemm" else "",
    )
    layers.types["y"] = map_type
    sums = (x.astype(np.int64) - zero) @ (w.astype(np.int64) - middle(weight_type))
    return layers, {"y": requantized(sums, scales, map_type)}


@every_level
@every_pair_of_types
@pytest.mark.parametrize("kind", ["QLinearMatMul", "QGemm"])
def test_dense(kind, map_type, weight_type, level):
    for seed in range(3):
        assert_exact(*dense(kind, map_type, weight_type, seed), level)


def convolved(x: np.ndarray, w: np.ndarray, groups: int) -> np.ndarray:
    """int64 (1, channels, rows, columns), without padding."""
    rows, cols = (x.shape[axis] - w.shape[axis] + 1 for axis in (2, 3))
    each, depth = w.shape[0] // groups, w.shape[1]
    sums = np.zeros((1, w.shape[0], rows, cols), np.int64)
    for group in range(groups):
        maps = x[:, group * depth : (group + 1) * depth].astype(np.int64)
        weights = w[group * each : (group + 1) * each].astype(np.int64)
        for i in range(w.shape[2]):
            for j in range(w.shape[3]):
                part = maps[:, :, i : i + rows, j : j + cols]
                sums[:, group * each : (group + 1) * each] += np.einsum(
                    "nchw,oc->nohw", part, weights[:, :, i, j]
                )
    return sums


@every_level
@every_pair_of_types
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize(("kernel", "groups"), [(1, 1), (3, 1), (3, 4), (3, 24)])
def test_convolution(kernel, groups, per_channel, map_type, weight_type, level):
    layers = Layers(np.random.default_rng(kernel))
    depth = CHANNELS // groups
    x = layers.extremes((1, CHANNELS, 7, 9), map_type)
    w = layers.extremes((CHANNELS, depth, kernel, kernel), weight_type)
    count = CHANNELS if per_channel else 1
    scales, zeros = scales_of(count, depth * kernel**2), np.full(count, middle(weight_type))
    zero = int(np.iinfo(map_type).min)
    layers.add(
        "QLinearConv",
        [
            layers.map("x", x),
            *layers.quantization("x", MAP_SCALE, zero, map_type),
            layers.constant("w", w, weight_type),
            *layers.quantization("w", scales, zeros, weight_type),
            *layers.quantization("y", OUTPUT_SCALE, middle(map_type), map_type),
        ],
        "y",
        group=groups,
    )
    layers.types["y"] = map_type
    sums = convolved(x.astype(np.int64) - zero, w.astype(np.int64) - middle(weight_type), groups)
    expected = requantized(np.moveaxis(sums, 1, 3), scales, map_type)
    assert_exact(layers, {"y": np.moveaxis(expected, 3, 1)}, level)


@every_level
@every_pair_of_types
@pytest.mark.parametrize("zero_points", [False, True])
def test_integer_products(zero_points, map_type, weight_type, level):
    """Zero points may be left out; then only the maps' own types tell."""
    layers = Layers(np.random.default_rng(0))
    x = layers.extremes((ROWS, DEPTH), map_type)
    w = layers.extremes((DEPTH, CHANNELS), weight_type)
    zero = 7 if zero_points else 0
    given = [layers.constant("x_zero_point", zero, map_type)] if zero_points else []
    layers.add("MatMulInteger", [layers.map("x", x), layers.constant("w", w, weight_type), *given],
               "y")  # fmt: skip
    layers.types["y"] = np.int32
    assert_exact(layers, {"y": (x.astype(np.int32) - zero) @ w.astype(np.int32)}, level)


@every_level
@pytest.mark.parametrize("flag", [False, True])
@every_pair_of_types
def test_layers_that_onnxruntime_fuses(map_type, weight_type, flag, level):
    """Between QuantizeLinear and DequantizeLinear: a convolution, whose sums in float are exact
    too, as they are below 2^24; a product with a float result, which becomes an operator of its
    own; int8 maps, which onnxruntime turns into uint8 unless the flag is set."""
    layers = Layers(np.random.default_rng(1))
    x = layers.extremes((1, 16, 5, 6), map_type)
    w = layers.extremes((CHANNELS, 16, 1, 1), weight_type)
    v = layers.extremes((6, 8), weight_type)
    x_scale, w_scale, y_scale = 2.0**-6, 2.0**-10, 2.0**-2
    real = layers.map("x", (x.astype(np.float32) - middle(map_type)) * np.float32(x_scale))
    quantization = layers.quantization("x", x_scale, middle(map_type), map_type)
    layers.add("QuantizeLinear", [real, *quantization], "q")
    layers.add("DequantizeLinear", ["q", *quantization], "d")
    for name, values in (("w", w), ("v", v)):
        stored = layers.constant(name, values, weight_type)
        given = layers.quantization(name, w_scale, middle(weight_type), weight_type)
        layers.add("DequantizeLinear", [stored, *given], f"{name}_real")
    layers.add("Conv", ["d", "w_real"], "sums")
    y = layers.quantization("y", y_scale, middle(map_type), map_type)
    layers.add("QuantizeLinear", ["sums", *y], "y_quantized")
    layers.add("DequantizeLinear", ["y_quantized", *y], "y")
    layers.add("MatMul", ["d", "v_real"], "product")
    layers.types |= {"y": np.float32, "product": np.float32}

    maps = x.astype(np.int64) - middle(map_type)
    sums = convolved(maps, w.astype(np.int64) - middle(weight_type), 1)
    info = np.iinfo(np.int8)
    steps = np.clip(np.rint(sums * (x_scale * w_scale / y_scale)), info.min, info.max)
    assert len(np.unique(steps)) > 8
    product = maps @ (v.astype(np.int64) - middle(weight_type)) * (x_scale * w_scale)
    expected = {
        "y": (steps * y_scale).astype(np.float32),
        "product": product.astype(np.float32),
    }
    assert_exact(layers, expected, level, signed_integers=flag)


@every_level
def test_maps_that_are_quantised_as_they_come(level):
    """DynamicQuantizeLinear, MatMulInteger, and a product with the scales: one operator from the
    second level of optimisation on."""
    layers = Layers(np.random.default_rng(2))
    x = layers.extremes((ROWS, DEPTH), np.uint8)
    w = layers.extremes((DEPTH, CHANNELS), np.int8)
    layers.map("x", x.astype(np.float32))  # from 0 to 255: a scale of 1
    layers.nodes.append(helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]))
    layers.add("MatMulInteger", ["q", layers.constant("w", w, np.int8), "zero"], "sums")
    layers.add("Cast", ["sums"], "sums_real", to=TensorProto.FLOAT)
    layers.add("Mul", ["scale", layers.constant("w_scale", 0.5, np.float32)], "factor")
    layers.add("Mul", ["sums_real", "factor"], "y")
    layers.types["y"] = np.float32
    expected = (x.astype(np.int64) @ w.astype(np.int64)) * 0.5
    assert_exact(layers, {"y": expected.astype(np.float32)}, level)


@every_level
def test_weights_that_signed_and_unsigned_maps_share(level):
    layers = Layers(np.random.default_rng(3))
    w = layers.constant("w", layers.extremes((DEPTH, CHANNELS), np.int8), np.int8)
    scales, zeros = scales_of(CHANNELS, DEPTH), np.zeros(CHANNELS)
    weights = numpy_helper.to_array(layers.constants[0]).astype(np.int64)
    expected = {}
    for name, dtype in (("a", np.uint8), ("b", np.int8), ("c", np.uint8)):
        x = layers.extremes((ROWS, DEPTH), dtype)
        operands = [layers.map(name, x), *layers.quantization(name, MAP_SCALE, 5, dtype)]
        operands += [w, *layers.quantization("w", scales, zeros, np.int8)]
        operands += layers.quantization(f"{name}_y", OUTPUT_SCALE, middle(dtype), dtype)
        layers.add("QLinearMatMul", operands, f"{name}_y")
        layers.types[f"{name}_y"] = dtype
        expected[f"{name}_y"] = requantized((x.astype(np.int64) - 5) @ weights, scales, dtype)
    assert_exact(layers, expected, level)


@every_level
def test_weights_that_are_computed(level):
    """From an input of the model, so that no optimisation makes them constant."""
    layers, expected = dense("QLinearMatMul", np.uint8, np.int8)
    values = numpy_helper.to_array(next(t for t in layers.constants if t.name == "w"))
    layers.constants = [tensor for tensor in layers.constants if tensor.name != "w"]
    layers.map("turned", values.T.copy())
    layers.nodes.insert(0, helper.make_node("Transpose", ["turned"], ["w"], "w", perm=[1, 0]))
    assert_exact(layers, expected, level)


def no_types(names: Iterable[str]) -> dict[str, int]:
    raise AssertionError(f"the types of {names} are known")


def test_a_model_without_such_products_stays_itself():
    for map_type, weight_type in TYPES:
        model = dense("QGemm", map_type, weight_type)[0].model()
        mixed = (map_type, weight_type) == (np.uint8, np.int8)
        rewritten = unsigned_weights(model, no_types)
        assert (rewritten is not model) is mixed
        assert unsigned_weights(rewritten, no_types) is rewritten


@pytest.mark.parametrize("kind", ["QLinearMatMul", "QGemm"])
@every_pair_of_types
def test_saturation_is_foretold(kind, map_type, weight_type):
    """Exactly where an ordinary session answers otherwise, on whatever processor this is."""
    layers, expected = dense(kind, map_type, weight_type)
    model = layers.model()
    plain = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (found,) = plain.run(["y"], layers.feeds)
    assert saturates(model) is bool(np.any(found != expected["y"]))


@pytest.mark.parametrize("adds_in_16_bits", [False, True])
def test_saturation_needs_such_a_processor_and_such_a_layer(adds_in_16_bits, monkeypatch):
    monkeypatch.setattr(sessions, "_adds_in_16_bits", lambda: adds_in_16_bits)
    for map_type, weight_type in TYPES:
        mixed = (map_type, weight_type) == (np.uint8, np.int8)
        model = dense("QGemm", map_type, weight_type)[0].model()
        assert saturates(model) is (mixed and adds_in_16_bits)
