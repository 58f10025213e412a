"""What onnxruntime makes of pairs of Q and DQ before it runs a file, against the imported Graph.

Small graphs of a convolution and a few pieces behind it: pairs in a row, pairs moved across what
only rearranges, a Relu or Clip that its QuantizeLinear takes in, second readers.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.reference import run_graph
from patchc.verify.golden import file_outputs, golden, graph_inputs
from patchc.verify.optimised import OptimisedNodes
from patchc.verify.sessions import float_operators, session
from tests.golden.qdq_models import QdqModel, images

LEVELS = (
    onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
)
BOTH_TYPES = pytest.mark.parametrize("unsigned", [False, True], ids=["int8", "uint8"])
FIRST, SECOND, THIRD = (0.03, -3), (0.02, 5), (0.025, 0)


@dataclass
class Net:
    """A convolution, quantised as FIRST, and what `piece` puts behind it."""

    unsigned: bool
    seed: int = 0
    outputs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.qdq = QdqModel(self.unsigned, self.seed)
        self.count = 0
        image = self.qdq.quantized("image", 0.03, 2, "x")
        self.start = self.pair(self.qdq.conv(image, 3, 4, "c"), FIRST)

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def pair(self, x: str, numbers: tuple[float, int]) -> str:
        return self.qdq.quantized(x, *numbers, self.fresh("q"))

    def piece(self, kind: str, x: str) -> str:
        """One operator, or two that undo each other."""
        add, fresh = self.qdq.add, self.fresh
        if kind == "conv":
            return self.qdq.conv(x, 4, 4, fresh("c"))
        if kind in ("Identity", "Relu", "Sigmoid"):
            return add(kind, [x], fresh("f"))
        if kind == "Clip":
            ends = [self.qdq.constant(fresh("end"), end, np.float32) for end in (0, 6)]
            return add("Clip", [x, *ends], fresh("f"))
        if kind == "MaxPool":
            window = {"kernel_shape": [2, 2], "strides": [1, 1], "pads": [0, 0, 1, 1]}
            return add("MaxPool", [x], fresh("f"), **window)
        if kind == "Resize":
            sizes = self.qdq.constant(fresh("scales"), [1, 1, 2, 2], np.float32)
            modes = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            return add("Resize", [x, "", sizes], fresh("f"), mode="nearest", **modes)
        if kind == "Slice":
            ends = [self.qdq.constant(fresh("end"), [end], np.int64) for end in (1, 9, 2)]
            return add("Slice", [x, *ends], fresh("f"))
        if kind == "Transpose":
            turned = add("Transpose", [x], fresh("f"), perm=[0, 2, 3, 1])
            return add("Transpose", [turned], fresh("f"), perm=[0, 3, 1, 2])
        axes = self.qdq.constant(fresh("axes"), [0], np.int64)
        return add("Squeeze", [add("Unsqueeze", [x, axes], fresh("f")), axes], fresh("f"))

    def model(self) -> onnx.ModelProto:
        model = self.qdq.model(self.outputs[0])
        for name in self.outputs[1:]:
            model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
        return model


# Onnxruntime removes these two first, and folds what is then in a row: refused.
MOVED = ("Squeeze", "Transpose")
PIECES = ("Identity", "Relu", "Clip", "MaxPool", "Resize", "Slice", "Transpose", "Squeeze", "conv")


def check(model: onnx.ModelProto, unsigned: bool) -> None:
    """Every byte is onnxruntime's, in the sessions that compute the file in integers."""
    imported = import_model(model)
    cases = images(2)
    feeds = graph_inputs(imported, cases)
    found = file_outputs(imported, [run_graph(imported.graph, maps) for maps in feeds])
    for level in LEVELS:
        running = session(model, level=level, signed_integers=not unsigned)
        names = [output.name for output in running.get_outputs()]
        for case, ours in zip(cases, found, strict=True):
            for name, theirs in zip(names, running.run(names, case), strict=True):
                np.testing.assert_array_equal(ours[name], theirs)


def judge(model: onnx.ModelProto) -> OptimisedNodes | None:
    """`verify` finds nothing, whatever onnxruntime leaves in float."""
    imported, cases = import_model(model), images(2)
    outputs = [run_graph(imported.graph, maps) for maps in graph_inputs(imported, cases)]
    found = golden(imported, cases, outputs)
    assert found.passed, found.failures
    return found.optimised


@BOTH_TYPES
@pytest.mark.parametrize("count", [2, 3, 4])
def test_pairs_in_a_row(count, unsigned):
    net = Net(unsigned)
    x = net.start
    for index in range(1, count):
        x = net.pair(x, (FIRST, SECOND, THIRD)[index % 3])
    net.outputs = [x]
    check(net.model(), unsigned)


@BOTH_TYPES
@pytest.mark.parametrize("numbers", [FIRST, SECOND, THIRD, (0.03, -128), (0.5, 100)])
@pytest.mark.parametrize("piece", [kind for kind in PIECES if kind not in MOVED])
def test_a_pair_behind_each_piece(piece, numbers, unsigned):
    net = Net(unsigned)
    net.outputs = [net.pair(net.pair(net.piece(piece, net.start), numbers), SECOND)]
    model = net.model()
    judge(model)
    if not float_operators(model, signed_integers=not unsigned):
        check(model, unsigned)


@BOTH_TYPES
@pytest.mark.parametrize("where", ["first", "second"])
def test_a_second_reader(where, unsigned):
    net = Net(unsigned)
    last = net.pair(net.start, SECOND)
    side = net.pair(net.piece("Sigmoid", net.start if where == "first" else last), (1 / 256, -128))
    net.outputs = [last, side]
    check(net.model(), unsigned)


@BOTH_TYPES
def test_two_pairs_at_the_input(unsigned):
    qdq = QdqModel(unsigned)
    x = qdq.quantized(qdq.quantized("image", 0.03, 2, "x"), 0.02, 0, "again")
    check(qdq.model(qdq.quantized(qdq.conv(x, 3, 8, "c"), 0.03, -3, "a")), unsigned)


def test_pairs_that_are_made_one_after_they_were_moved_are_refused_with_a_name():
    net = Net(unsigned=True)
    wide = net.pair(net.pair(net.start, (0.0235, -128)), SECOND)
    best = net.piece("Clip", net.piece("MaxPool", wide))
    last = net.pair(best, (0.0235, -128))
    net.outputs = [net.pair(last, SECOND), net.pair(last, (0.0235, -128))]
    with pytest.raises(PatchcError, match=r"\(QuantizeLinear\): onnxruntime makes one pair"):
        import_model(net.model())


def test_pairs_across_transposes_that_undo_each_other_are_refused():
    net = Net(unsigned=True)
    turned = net.qdq.add("Transpose", [net.start], "turned", perm=[0, 2, 3, 1])
    back = net.qdq.add("Transpose", [net.pair(turned, SECOND)], "back", perm=[0, 3, 1, 2])
    net.outputs = [net.pair(back, THIRD)]
    with pytest.raises(PatchcError, match=r"\(DequantizeLinear\): onnxruntime makes one pair"):
        import_model(net.model())


def test_equal_pairs_across_transposes_are_one():
    net = Net(unsigned=True)
    turned = net.qdq.add("Transpose", [net.start], "turned", perm=[0, 2, 3, 1])
    back = net.qdq.add("Transpose", [net.pair(turned, FIRST)], "back", perm=[0, 3, 1, 2])
    net.outputs = [net.pair(back, FIRST)]
    check(net.model(), unsigned=True)


@pytest.mark.parametrize("seed", range(60))
def test_random_rows_of_pieces(seed):
    """Those that patchc takes and onnxruntime computes in integers."""
    chance = random.Random(seed)
    unsigned = chance.random() < 0.7
    net = Net(unsigned, seed)
    x, sides = net.start, []
    numbers = [(chance.choice([0.03, 0.02, 0.0235]), chance.choice([0, 5, -128])) for _ in "ab"]
    for _ in range(chance.randint(1, 4)):
        x = net.piece(chance.choice(PIECES), x) if chance.random() < 0.6 else x
        if chance.random() < 0.6:
            x = net.pair(x, chance.choice(numbers))
        if chance.random() < 0.2:
            sides.append(x)
    net.outputs = [net.pair(x, chance.choice(numbers))]
    net.outputs += [net.pair(side, chance.choice(numbers)) for side in sides if side != x]
    net.outputs = list(dict.fromkeys(net.outputs))
    model = net.model()
    try:
        import_model(model)
    except PatchcError:
        return
    judge(model)
    if not float_operators(model, signed_integers=not unsigned):
        check(model, unsigned)


@BOTH_TYPES
def test_what_a_clip_narrower_than_its_pair_leaves_in_float_is_named(unsigned):
    net = Net(unsigned)
    narrow = net.pair(net.piece("Clip", net.piece("conv", net.start)), (0.06, 10))
    net.outputs = [net.pair(net.piece("conv", narrow), SECOND)]
    found = judge(net.model())
    assert found is not None
    assert found.floats == ("c2_sum",)
    assert len(found.integers) == 2
    assert len(found.by_default) == (1 if unsigned else 3)


def test_the_file_is_compared_as_it_was_given():
    net = Net(unsigned=True)
    net.outputs = [net.pair(net.start, SECOND)]
    imported = import_model(net.model())
    assert imported.literal is not None
    scales = {t.name: numpy_helper.to_array(t) for t in imported.onnx_model.graph.initializer}
    assert scales["q1_quantized/folded1"] != scales["q1_scale"]
    assert imported.literal.graph.node == net.model().graph.node


@BOTH_TYPES
@pytest.mark.parametrize("piece", ["MaxPool", "Relu", "Resize"])
def test_equal_pairs_one_for_each_reader(piece, unsigned):
    """As onnxruntime's quantiser writes them where it is asked for (DedicatedQDQPair)."""
    net = Net(unsigned)
    x = net.piece(piece, net.start)
    numbers = FIRST if piece != "Relu" else SECOND
    branches = [net.piece("conv", net.pair(x, numbers)) for _ in range(2)]
    total = net.qdq.add("Add", [net.pair(branch, THIRD) for branch in branches], "total")
    net.outputs = [net.pair(total, SECOND)]
    check(net.model(), unsigned)


@BOTH_TYPES
@pytest.mark.parametrize("second", [FIRST, SECOND])
def test_scales_and_zero_points_are_constants_of_nodes(second, unsigned):
    """As Brevitas writes them: pairs in a row, the first of which has another reader."""
    net = Net(unsigned)
    branches = [net.piece("conv", net.pair(net.start, second)), net.piece("conv", net.start)]
    total = net.qdq.add("Add", [net.pair(branch, THIRD) for branch in branches], "total")
    net.outputs = [net.pair(total, SECOND)]
    model = net.model()
    held = [
        helper.make_node("Constant", [], [tensor.name], value=tensor)
        for tensor in model.graph.initializer
    ]
    nodes = [*held, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.node.extend(nodes)
    check(model, unsigned)
