"""Each pass: the graph before, the graph after, and the same bytes from both."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from patchc.ir import (
    FULL_RANGE,
    Add,
    ChannelConstant,
    Clamp,
    Conv,
    GlobalAveragePool,
    Graph,
    GraphError,
    Lut,
    Max,
    MaxPool,
    Min,
    Mul,
    Node,
    Quantization,
    Sub,
    Tensor,
    Upsample,
    Window,
    format_graph,
    verify,
)
from patchc.passes import PASSES, Pass, run_passes
from patchc.passes.constant_operands import table_constants
from patchc.passes.dead_nodes import drop_dead_nodes
from patchc.passes.drop_repeats import drop_repeats
from patchc.passes.fold_clips import fold_clips
from patchc.passes.identity_tables import drop_identity_tables
from patchc.passes.merge_tables import merge_tables
from patchc.reference import run_graph

Q, OTHER = Quantization(0.5, 0), Quantization(0.25, 3)
VALUES = np.arange(-128, 128)
SHAPE = (2, 3, 4)


def clip(lo: int, hi: int) -> Lut:
    return Lut(np.clip(VALUES, lo, hi), "Clip")


def conv(clamp: Clamp = FULL_RANGE) -> Conv:
    weights = np.random.default_rng(0).integers(-9, 10, (4, 1, 1, 4))
    return Conv(Window((1, 1)), 1, weights, [0.1] * 4, [0] * 4, clamp)


IDENTITY = Lut(VALUES, "Identity")
NEGATE = Lut(np.clip(-VALUES, -128, 127), "Negate")
PER_CHANNEL = Lut(
    [np.where(VALUES < 0, VALUES // slope, VALUES) for slope in (1, 2, 3, 4)], "PRelu"
)


def graph(*lines, outputs=("y",), quants=None) -> Graph:
    """Lines of (output, operator, inputs...) over the input x; all maps alike."""
    names = ["x", *(output for output, *_ in lines)]
    tensors = {name: Tensor(name, SHAPE, (quants or {}).get(name, Q)) for name in names}
    nodes = tuple(
        Node(f"make_{output}", op, tuple(inputs), output) for output, op, *inputs in lines
    )
    return verify(Graph("g", ("x",), tuple(outputs), tensors, nodes))


def text(g: Graph) -> list[str]:
    """The nodes of the dump, hashes and sizes left out."""
    lines = format_graph(g).splitlines()
    found = []
    for before, line in itertools.pairwise(lines):
        if line.startswith("      ="):
            found.append(before.split(":")[0].strip() + re.sub(r" [wt]=\w+", "", line.strip()))
    return found


def same_bytes(before: Graph, after: Graph) -> None:
    verify(after)
    assert before.outputs == after.outputs
    x = np.random.default_rng(1).integers(-128, 128, SHAPE).astype(np.int8)
    expected, found = run_graph(before, {"x": x}), run_graph(after, {"x": x})
    for name in before.outputs:
        np.testing.assert_array_equal(found[name], expected[name])


CASES = {
    "a_clip_folds_into_the_convolution_before_it": (
        fold_clips,
        graph(("a", conv(), "x"), ("y", clip(0, 9), "a")),
        ["y= Conv k1x1 clamp[0,9](x)  # make_a"],
    ),
    "clips_narrow_what_is_there": (
        fold_clips,
        graph(("a", conv(Clamp(-5, 5)), "x"), ("b", clip(0, 9), "a"), ("y", clip(-3, 4), "b")),
        ["y= Conv k1x1 clamp[0,4](x)  # make_a"],
    ),
    "a_clip_beside_the_range_leaves_one_value": (
        fold_clips,
        graph(("a", conv(Clamp(-9, -5)), "x"), ("y", clip(0, 9), "a")),
        ["y= Conv k1x1 clamp[0,0](x)  # make_a"],
    ),
    "a_clip_folds_into_a_pool": (
        fold_clips,
        graph(("a", MaxPool(Window((1, 1))), "x"), ("y", clip(0, 9), "a")),
        ["y= MaxPool k1x1 clamp[0,9](x)  # make_a"],
    ),
    "a_clip_stays_behind_a_tensor_with_another_reader": (
        fold_clips,
        graph(("a", conv(), "x"), ("y", clip(0, 9), "a"), ("z", NEGATE, "a"), outputs=("y", "z")),
        [
            "a= Conv k1x1(x)  # make_a",
            "y= Lut[Clip](a)  # make_y",
            "z= Lut[Negate](a)  # make_z",
        ],
    ),
    "a_clip_stays_behind_an_output": (
        fold_clips,
        graph(("a", conv(), "x"), ("y", clip(0, 9), "a"), outputs=("y", "a")),
        ["a= Conv k1x1(x)  # make_a", "y= Lut[Clip](a)  # make_y"],
    ),
    "a_clip_stays_where_it_requantises": (
        fold_clips,
        graph(("a", conv(), "x"), ("y", clip(0, 9), "a"), quants={"y": OTHER}),
        ["a= Conv k1x1(x)  # make_a", "y= Lut[Clip](a)  # make_y"],
    ),
    "a_clip_stays_behind_an_input": (
        fold_clips,
        graph(("y", clip(0, 9), "x")),
        ["y= Lut[Clip](x)  # make_y"],
    ),
    "other_tables_stay": (
        fold_clips,
        graph(("a", conv(), "x"), ("y", NEGATE, "a")),
        ["a= Conv k1x1(x)  # make_a", "y= Lut[Negate](a)  # make_y"],
    ),
    "two_tables_become_one": (
        merge_tables,
        graph(("a", NEGATE, "x"), ("y", clip(0, 9), "a"), quants={"a": OTHER}),
        ["y= Lut[Negate+Clip](x)  # make_y"],
    ),
    "three_tables_become_one": (
        merge_tables,
        graph(("a", NEGATE, "x"), ("b", clip(0, 9), "a"), ("y", NEGATE, "b")),
        ["y= Lut[Negate+Clip+Negate](x)  # make_y"],
    ),
    "tables_per_channel_become_one": (
        merge_tables,
        graph(("a", PER_CHANNEL, "x"), ("b", NEGATE, "a"), ("y", PER_CHANNEL, "b")),
        ["y= Lut per channel[PRelu+Negate+PRelu](x)  # make_y"],
    ),
    "a_clip_per_channel_stays": (
        fold_clips,
        graph(("a", conv(), "x"), ("y", Lut([IDENTITY.table] * 4, "Clips"), "a")),
        ["a= Conv k1x1(x)  # make_a", "y= Lut per channel[Clips](a)  # make_y"],
    ),
    "a_table_with_two_readers_stays": (
        merge_tables,
        graph(("a", NEGATE, "x"), ("y", clip(0, 9), "a"), ("z", conv(), "a"), outputs=("y", "z")),
        [
            "a= Lut[Negate](x)  # make_a",
            "y= Lut[Clip](a)  # make_y",
            "z= Conv k1x1(a)  # make_z",
        ],
    ),
    "an_identity_in_the_middle_is_dropped": (
        drop_identity_tables,
        graph(("a", IDENTITY, "x"), ("b", IDENTITY, "a"), ("y", conv(), "b")),
        ["y= Conv k1x1(x)  # make_y"],
    ),
    "an_identity_before_an_output_gives_it_its_name": (
        drop_identity_tables,
        graph(("a", conv(), "x"), ("y", IDENTITY, "a")),
        ["y= Conv k1x1(x)  # make_a"],
    ),
    "an_identity_from_input_to_output_stays": (
        drop_identity_tables,
        graph(("y", IDENTITY, "x")),
        ["y= Lut[Identity](x)  # make_y"],
    ),
    "an_identity_that_changes_the_meaning_stays": (
        drop_identity_tables,
        graph(("a", IDENTITY, "x"), ("y", conv(), "a"), quants={"a": OTHER}),
        ["a= Lut[Identity](x)  # make_a", "y= Conv k1x1(a)  # make_y"],
    ),
    "dead_nodes_are_dropped": (
        drop_dead_nodes,
        graph(("a", conv(), "x"), ("b", NEGATE, "a"), ("y", conv(), "x")),
        ["y= Conv k1x1(x)  # make_y"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_pass(case):
    rewrite, before, expected = CASES[case]
    after = rewrite(before)
    assert text(after) == expected
    same_bytes(before, after)
    assert text(rewrite(after)) == expected


def test_all_passes_together():
    """Two tables that are a clip only together fold into the convolution before them."""
    before = graph(
        ("a", conv(), "x"),
        ("b", NEGATE, "a"),
        ("c", Lut(np.clip(-VALUES, 0, 9), "Negate+Clip"), "b"),
        ("d", IDENTITY, "c"),
        ("y", conv(), "d"),
        ("dead", NEGATE, "y"),
    )
    after = run_passes(before)
    assert text(after) == ["d= Conv k1x1 clamp[0,9](x)  # make_a", "y= Conv k1x1(d)  # make_y"]
    same_bytes(before, after)


@pytest.mark.parametrize("kind", [Add, Mul, Sub, Max, Min])
@pytest.mark.parametrize("values", [[77], [-5] * 4])
def test_one_constant_for_all_channels_makes_a_table(kind, values):
    op = kind(Clamp(-100, 90), constant=ChannelConstant(np.array(values), OTHER))
    before = graph(("y", op, "x"))
    after = table_constants(before)
    assert [node.op.kind for node in after.nodes] == ["Lut"]
    same_bytes(before, after)


def test_a_reversed_difference_makes_a_table():
    op = Sub(constant=ChannelConstant(np.array([9]), OTHER), reverse=True)
    before = graph(("y", op, "x"))
    same_bytes(before, table_constants(before))


def test_a_constant_per_channel_stays():
    op = Mul(constant=ChannelConstant(np.arange(4), OTHER))
    before = graph(("y", op, "x"))
    assert table_constants(before).nodes == before.nodes


def test_the_order_of_the_passes():
    assert [item.name for item in PASSES] == [
        "table-constants",
        "merge-tables",
        "drop-identity-tables",
        "fold-clips",
        "drop-repeats",
        "drop-dead-nodes",
    ]


def test_the_verifier_runs_after_every_pass(monkeypatch):
    def breaks(g: Graph) -> Graph:
        return Graph(g.name, g.inputs, ("nothing",), g.tensors, g.nodes)

    monkeypatch.setattr("patchc.passes.PASSES", (Pass("bad", breaks),))
    with pytest.raises(GraphError, match="after bad: graph g: no tensor 'nothing'"):
        run_passes(graph(("y", conv(), "x")))


def repeated(op, *order: str) -> Graph:
    """`op` over a map and one of its pixels' means, repeated; `order`: of "x" and "wide"."""
    sizes = {"x": SHAPE, "mean": (1, 1, 4), "wide": SHAPE, "y": SHAPE}
    tensors = {name: Tensor(name, size, Q) for name, size in sizes.items()}
    nodes = (
        Node("make_mean", GlobalAveragePool(), ("x",), "mean"),
        Node("make_wide", Upsample(SHAPE[:2]), ("mean",), "wide"),
        Node("make_y", op, order, "y"),
    )
    return verify(Graph("g", ("x",), ("y",), tensors, nodes))


@pytest.mark.parametrize(
    ("op", "order"),
    [
        (Mul(), ("x", "wide")),
        (Mul(), ("wide", "x")),
        (Max(), ("wide", "x")),
        (Add(), ("x", "wide")),
        (Sub(), ("x", "wide")),
    ],
)
def test_a_repeat_of_one_pixel_is_read_as_a_pixel(op, order):
    before = repeated(op, *order)
    after = drop_dead_nodes(drop_repeats(before))
    assert [node.output for node in after.nodes] == ["mean", "y"]
    same_bytes(before, after)


@pytest.mark.parametrize(
    ("op", "order"), [(Sub(), ("wide", "x")), (Add(reverse=True), ("x", "wide"))]
)
def test_a_repeat_stays_where_the_order_matters(op, order):
    before = repeated(op, *order)
    assert drop_repeats(before).nodes == before.nodes
