"""What to change where a budget cannot be met: each way that is told is taken, and must hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

import patchc
from patchc.choices import InputMode, OutputMode
from patchc.cli import main
from patchc.errors import BudgetError, Way
from patchc.frontend import import_model
from patchc.ir import Graph, Window
from patchc.passes import run_passes
from patchc.pipeline import silent
from patchc.planner.machine import ANY_CORE
from patchc.reference import run_graph
from patchc.report.words import WIDTH
from patchc.targets.reserve import Reserve
from patchc.ways import find
from patchc.ways.find import Asked, find_ways
from patchc.ways.narrow import narrowed
from patchc.ways.resized import resized, smaller_sizes
from tests.graphs import NetworkBuilder

SIDE, WIDTHS = 64, (16, 32)  # of the image; channels of the stem and of the body


def float_cnn(side: int = SIDE, widths: tuple[int, int] = WIDTHS) -> onnx.ModelProto:
    """Stem, depthwise, body with a sum, pool, dense."""
    random = np.random.default_rng(5)
    stem, body = widths

    def constant(name: str, *shape: int) -> onnx.TensorProto:
        values = random.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
        return numpy_helper.from_array(values.astype(np.float32), name)

    weights = [
        constant("w1", stem, 3, 3, 3),
        constant("w2", stem, 1, 3, 3),
        constant("w3", body, stem, 1, 1),
        constant("w4", body, body, 3, 3),
        constant("w5", body, 10),
    ]
    pads = {"pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["c1"], "stem", strides=[2, 2], **pads),
        helper.make_node("Conv", ["c1", "w2"], ["c2"], "depthwise", group=stem, **pads),
        helper.make_node("Conv", ["c2", "w3"], ["c3"], "project"),
        helper.make_node("Conv", ["c3", "w4"], ["c4"], "body", **pads),
        helper.make_node("Add", ["c3", "c4"], ["sum"], "add"),
        helper.make_node("GlobalAveragePool", ["sum"], ["mean"], "pool"),
        helper.make_node("Flatten", ["mean"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "w5"], ["scores"], "classifier"),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 10])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def quantized(folder: Path, model: onnx.ModelProto) -> Path:
    """As an int8 file in `folder`."""
    source, file = folder / "float.onnx", folder / "int8.onnx"
    folder.mkdir(exist_ok=True)
    onnx.save_model(model, source)
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    samples = {"image": np.random.default_rng(3).uniform(-1, 1, (4, *shape[1:])).astype("f4")}
    return patchc.quantize(source, file, calibration=samples)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quantized(tmp_path_factory.mktemp("ways"), float_cnn())


@pytest.fixture(scope="module")
def missed(tmp_path_factory: pytest.TempPathFactory, model: Path) -> BudgetError:
    with pytest.raises(patchc.BudgetError) as caught:
        patchc.compile(model, tmp_path_factory.mktemp("out") / "o", budget=2000)
    return caught.value


def kinds(ways: tuple[Way, ...]) -> set[str]:
    """Which kinds of ways there are."""
    return {
        "options" if way.options else "image" if way.image else "grid" if way.grid else "width"
        for way in ways
    }


@pytest.mark.slow
def test_every_way_holds(tmp_path: Path, model: Path, missed: BudgetError):
    """Taken by hand: the C has the bytes that were told, and that many are enough as a budget."""
    assert kinds(missed.ways) == {"options", "image", "width", "grid"}
    for way in missed.ways:
        options: dict[str, str] = {}
        file = model
        if way.options:
            names = {"--input": "input_mode", "--outputs": "output_mode"}
            pairs = zip(way.options[::2], way.options[1::2], strict=True)
            options = {names[name]: value for name, value in pairs}
        elif way.image is not None:
            assert way.image[0] == way.image[1]
            file = quantized(tmp_path / "small", float_cnn(way.image[0]))
        elif way.grid is not None:
            patchc.tunnel(model, tmp_path / "tunnels.onnx", grid=way.grid)
            file = tmp_path / "tunnels.onnx"
        else:
            assert way.channels is not None
            fewer, before = way.channels
            widths = (fewer, 32) if before == 16 else (16, fewer)
            file = quantized(tmp_path / "narrow", float_cnn(widths=widths))
        least = patchc.compile(file, tmp_path / "least", budget="least", **options)
        assert least.report.ram.total_bytes == way.least_bytes, way
        made = patchc.compile(file, tmp_path / "out", budget=way.least_bytes, **options)
        assert made.report.ram.total_bytes == way.least_bytes
        assert way.fits == (way.least_bytes <= missed.budget_bytes)
        assert way.least_bytes < missed.least_bytes


def test_the_layers_of_a_way_are_those_that_get_narrower(missed: BudgetError):
    for way in missed.ways:
        if way.channels is not None:
            assert way.layers in {("stem",), ("project", "body")}
            assert way.channels[1] == (16 if way.layers == ("stem",) else 32)


def test_ways_are_told_within_the_terminal(missed: BudgetError):
    lines = str(missed).splitlines()
    assert max(map(len, lines[1:])) <= WIDTH
    for way in missed.ways:
        assert any(line.endswith(f"  {way.change}") for line in lines)


def command(*words: object) -> tuple[int, str, str]:
    ran = CliRunner().invoke(main, [str(word) for word in words])
    return ran.exit_code, ran.stdout, ran.stderr


@pytest.mark.parametrize("name", ["compile", "explore", "inspect"])
def test_every_command_tells_them(tmp_path: Path, model: Path, missed: BudgetError, name: str):
    words = {
        "compile": ("-o", tmp_path / "o", "--budget", 2000, "--json"),
        "explore": ("--pick", 2000, "--plan", tmp_path / "p.json", "--json"),
        "inspect": ("--dump", "plan", "--budget", 2000),
    }[name]
    status, out, err = command(name, model, *words)
    assert status == 2
    assert "ways down" in err
    for way in missed.ways:
        assert way.change in err
    if "--json" in words:
        assert json.loads(out)["error"]["ways"][0]["options"] == ["--input", "extern"]


def test_a_float_model_has_the_same_ways(tmp_path: Path, missed: BudgetError):
    """RAM does not depend on weights."""
    source = tmp_path / "float.onnx"
    onnx.save_model(float_cnn(), source)
    with pytest.raises(patchc.BudgetError) as caught:
        patchc.explore(source, pick=2000, plan=tmp_path / "p.json")
    assert caught.value.ways == missed.ways


def asked_of(graph: Graph, mode: InputMode = InputMode.TILES) -> Asked:
    """About a Graph that is of no file: modes and widths are all that can be tried."""
    imported = import_model(helper_model())
    return Asked(
        replace(imported, graph=graph), graph, mode, OutputMode.ARENA, 100, Reserve.of_all(0),
        ANY_CORE,
    )  # fmt: skip


def helper_model() -> onnx.ModelProto:
    """Some quantised file."""
    image = helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 1, 4, 4])
    result = helper.make_tensor_value_info("y", TensorProto.UINT8, [1, 1, 4, 4])
    one = numpy_helper.from_array(np.float32(1), "s")
    zero = numpy_helper.from_array(np.uint8(0), "z")
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "s", "z"], ["f"], "d"),
        helper.make_node("MaxPool", ["f"], ["g"], "m", kernel_shape=[3, 3], pads=[1] * 4),
        helper.make_node("QuantizeLinear", ["g", "s", "z"], ["y"], "q"),
    ]
    graph = helper.make_graph(nodes, "pool", [image], [result], [one, zero])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_what_takes_too_long_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(find, "SECONDS", -1.0)
    net = NetworkBuilder()
    graph = net.build(net.mean(net.conv(net.input(16, 16, 3), 32, 3)))
    found = find_ways(asked_of(graph), 10**6, (), silent)
    assert found.found == ()
    assert found.left_out >= 2


def test_a_tensor_that_is_made_again_is_passed_over():
    """It has a name of its own, which the network does not know."""
    net = NetworkBuilder()
    wide = net.conv(net.input(16, 16, 3), 32, 3, name="wide")
    graph = net.build(net.mean(net.conv(wide, 8, 3)))
    found = find_ways(asked_of(graph), 10**6, ("wide_again", "wide"), silent)
    assert any(way.layers for way in found.found)


def test_of_image_modes_only_those_that_may_need_less_are_tried():
    told: list[str] = []
    net = NetworkBuilder()
    graph = net.build(net.mean(net.conv(net.input(16, 16, 3), 32, 3)))
    find_ways(asked_of(graph, InputMode.STREAM), 10**6, (), told.append)
    assert [words for words in told if "--input" in words] == [
        "looking for ways down: --input tiles",
        "looking for ways down: --input extern",
    ]


def network(channels: int) -> tuple[Graph, str]:
    """Every operator that channels go through, and the tensor that has so many."""
    net = NetworkBuilder()
    image = net.input(16, 16, 3)
    x = wide = net.conv(image, channels, 3, name="wide")
    x = net.hard_swish(net.max_pool(net.relu(net.depthwise(x))))
    x = net.add(x, net.gate(x, 4))
    y = net.upsample(net.average_pool(x, 2, 2))
    x = net.concat(net.conv(image, 8, 1, 2), net.add(x, y))
    x = net.normalize(net.conv(net.depthwise(x), 12))
    return net.build(net.dense(net.mean(x), 5)), wide


def test_narrowed_is_the_network_built_with_fewer_channels():
    (graph, wide), (expected, _) = network(24), network(16)
    found = narrowed(graph, wide, 16)
    assert found is not None
    shapes = [found.graph.tensors[node.output].shape for node in found.graph.nodes]
    assert shapes == [expected.tensors[node.output].shape for node in expected.nodes]
    assert found.layers[0] == graph.producer[wide].name
    image = np.zeros(graph.tensors["image"].shape, np.int8)
    run_graph(found.graph, {"image": image})  # constants fit shapes


def test_channels_that_are_shuffled_are_followed():
    net = NetworkBuilder()
    x = wide = net.conv(net.input(8, 8, 3), 8)
    x = net.rearrange(x, Window((1, 1)), [0, 4, 1, 5, 2, 6, 3, 7])
    graph = net.build(net.conv(net.depthwise(x), 4))
    found = narrowed(graph, wide, 4)
    assert found is not None
    assert [found.graph.tensors[node.output].shape[2] for node in found.graph.nodes] == [4, 4, 4, 4]
    run_graph(found.graph, {"image": np.ones((8, 8, 3), np.int8)})


def test_groups_of_several_channels_stay_and_others_get_narrower():
    """A convolution whose groups make more channels than they read."""
    net = NetworkBuilder()
    x = net.conv(net.input(16, 16, 3), 8, name="before")
    grouped = net.conv(x, 16, 3, depthwise=True, name="grouped")
    wide = net.conv(grouped, 12, name="wide")
    graph = net.build(net.mean(net.conv(wide, 4)))
    assert narrowed(graph, x, 4) is None
    assert narrowed(graph, grouped, 8) is None
    found = narrowed(graph, wide, 6)
    assert found is not None
    assert found.layers == (graph.producer[wide].name,)


def test_what_the_outside_reads_is_not_narrowed():
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 8)
    y = net.conv(x, 8)
    graph = net.build(net.add(x, y))
    assert narrowed(graph, x, 4) is None
    assert narrowed(graph, "image", 2) is None


def test_nor_what_passes_an_operator_of_positions():
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 16)
    graph = net.build(net.conv(net.depth_to_space(x), 2))
    assert narrowed(graph, x, 8) is None


@pytest.mark.parametrize(
    ("size", "first"),
    [((224, 224), (192, 192)), ((96, 96), (80, 80)), ((100, 160), (96, 152)), ((40, 32), (32, 24))],
)
def test_smaller_sizes(size: tuple[int, int], first: tuple[int, int]):
    sizes = smaller_sizes(size)
    assert sizes[0] == first
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes[-1]) >= 16


def test_a_smaller_image_is_the_same_file_with_other_dimensions(model: Path, tmp_path: Path):
    imported = import_model(model)
    small = resized(imported, (48, 48))
    other = import_model(quantized(tmp_path / "small", float_cnn(48)))
    shapes = [
        [run_passes(one.graph).tensors[node.output].shape for node in run_passes(one.graph).nodes]
        for one in (small, other)
    ]
    assert shapes[0] == shapes[1]
    assert imported.onnx_model.graph.input[0].type.tensor_type.shape.dim[2].dim_value == SIDE
