"""patchc align: scales with which three kinds of kernels are equal, what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import patchc
from patchc.align.align import KEY, align_model
from patchc.align.file import Scales
from patchc.align.nudge import MOST, Layer, nudge, nudge_one
from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.ir import Conv, Quantization, Tensor, Window
from patchc.numerics.cmsis import Rounding, cmsis_form, multipliers
from patchc.numerics.cmsis_check import cmsis_proved
from patchc.numerics.cmsis_rounding import requantize
from patchc.numerics.form_check import proved
from patchc.numerics.forms import HIGH, apply, layer_forms
from patchc.numerics.requant import requantize_float
from patchc.numerics.thresholds import Channels, every_step
from patchc.quantize.quantize import Activation, Format, QuantizeOptions, quantize
from tests.onnx_float import samples, tiny_cnn
from tests.unit.frontend_models import check
from tests.unit.test_cli import error_of, patchc_command

CHANNELS = 24


def tensor(name: str, channels: int, scale: float, zero_point: int) -> Tensor:
    return Tensor(name, (4, 4, channels), Quantization(float(np.float32(scale)), zero_point))


def layer(seed: int = 0, channels: int = CHANNELS) -> Layer:
    """A 1x1 convolution of 16 channels, whose accumulators are few enough to try all of them."""
    random = np.random.default_rng(seed)
    op = Conv(
        Window((1, 1)),
        1,
        random.integers(-127, 128, (channels, 1, 1, 16)).astype(np.int8),
        random.uniform(1e-3, 2e-3, channels).astype(np.float32),
        random.integers(-9000, 9000, channels).astype(np.int32),
    )
    x, y = tensor("x", 16, 0.0213, 5), tensor("y", channels, 0.117, -11)
    return Layer("conv", op, x, y)


def nudged(one: Layer) -> Layer:
    return replace(one, op=replace(one.op, weight_scales=nudge([one], one.op.weight_scales, True)))


def every_sum(channels: Channels, channel: int) -> np.ndarray:
    return np.arange(channels.low[channel], channels.high[channel] + 1)


def by_onnxruntime(channels: Channels, channel: int, sums: np.ndarray) -> np.ndarray:
    limits = channels.zero_point, channels.lo, channels.hi
    acc = (sums + channels.bias[channel]).astype(np.int32)
    return requantize_float(acc, channels.factors[channel], *limits)


def by_library(channels: Channels, channel: int, sums: np.ndarray, numbers, rounding) -> np.ndarray:
    scaled = requantize(sums + channels.bias[channel], *numbers, rounding)
    return np.clip(scaled.astype(np.int64) + channels.zero_point, channels.lo, channels.hi)


@pytest.mark.parametrize("seed", range(3))
def test_on_every_accumulator_three_kinds_of_kernels_are_equal(seed):
    """onnxruntime's formula, CMSIS-NN with a single rounding, patchc's lines: all sums of some
    channels, those that were nudged among them."""
    before = layer(seed)
    after = nudged(before)
    channels = after.channels
    library = cmsis_form(channels, Rounding.SINGLE, "conv")
    lines = layer_forms(channels, (HIGH,), "conv")
    assert library.unproved == ()
    assert (lines.factor >= 0).all()
    assert proved(channels, lines).all()
    moved = np.flatnonzero(after.op.weight_scales != before.op.weight_scales)
    assert len(moved)
    for c in sorted({*moved[:6].tolist(), 0, 1}):
        sums = every_sum(channels, c)
        wanted = by_onnxruntime(channels, c, sums)
        numbers = library.multipliers[c], library.shifts[c]
        found = by_library(channels, c, sums, numbers, Rounding.SINGLE)
        assert np.count_nonzero(found != wanted) == 0
        one = replace(
            lines, factor=lines.factor[c : c + 1], offset=lines.offset[c : c + 1], rare=()
        )
        limits = channels.zero_point, channels.lo, channels.hi
        assert np.count_nonzero(apply(one, sums[:, None], *limits)[:, 0] != wanted) == 0


def test_double_rounding_is_equal_exactly_where_it_is_proved():
    """Alignment does not ask for it: few channels have it."""
    channels = nudged(layer()).channels
    form = cmsis_form(channels, Rounding.DOUBLE, "conv")
    for c in range(8):
        sums = every_sum(channels, c)
        numbers = form.multipliers[c], form.shifts[c]
        found = by_library(channels, c, sums, numbers, Rounding.DOUBLE)
        equal = np.array_equal(found, by_onnxruntime(channels, c, sums))
        assert equal == (c not in form.unproved)


def test_one_unit_of_a_constant_is_caught():
    """One beyond the multipliers that the proof admits, one more shift: each differs on some sum.
    With the next scale, the proof of the old multiplier says the same as all sums do."""
    after = nudged(layer())
    channels = after.channels
    form = cmsis_form(channels, Rounding.SINGLE, "conv")
    multiplier, shift = np.array(form.multipliers), np.array(form.shifts)
    known, wanted = every_step(channels)
    possible = multipliers(channels, wanted, shift, Rounding.SINGLE)
    assert known.all()
    next_ = np.nextafter(after.op.weight_scales, np.float32(1))
    index = np.arange(len(channels))
    others = after.with_scales(channels, index, next_)
    steps = every_step(others)[1]
    still = cmsis_proved(others, steps, index, multiplier, shift, Rounding.SINGLE)
    assert not still.all()
    for c in range(8):
        sums = every_sum(channels, c)
        expected = by_onnxruntime(channels, c, sums)

        def differ(wanted, *numbers, c=c, sums=sums):
            return (by_library(channels, c, sums, numbers, Rounding.SINGLE) != wanted).any()

        assert differ(expected, int(possible.most[c]) + 1, int(shift[c]))
        assert differ(expected, int(possible.least[c]) - 1, int(shift[c]))
        assert differ(expected, int(multiplier[c]), int(shift[c]) + 1)
        moved = by_onnxruntime(others, c, sums)
        assert differ(moved, int(multiplier[c]), int(shift[c])) == (not still[c])


@pytest.mark.parametrize("seed", range(2))
def test_scales_move_by_the_least_amount(seed):
    """No number nearer to the old scale is right for both kinds of kernels."""
    before = layer(seed, channels=12)
    after = nudged(before)
    old, new = before.op.weight_scales, after.op.weight_scales
    assert (np.abs(new / old.astype(np.float64) - 1) <= MOST).all()
    places = np.abs(new.view(np.int32) - old.view(np.int32))
    for c in np.flatnonzero(places):
        nearer = np.arange(-places[c] + 1, places[c], dtype=np.int32)
        scales = (old[c : c + 1].view(np.int32) + nearer).view(np.float32)
        tried = before.with_scales(before.channels, np.full(len(scales), c), scales)
        lines = layer_forms(tried, (HIGH,), "conv").factor >= 0
        lines[list(cmsis_form(tried, Rounding.SINGLE, "conv").unproved)] = False
        assert not lines.any()


def test_layers_that_share_their_scales_are_nudged_together():
    """As shared weights of several patches are, each patch with maps of its own scale."""
    one = layer()
    other = replace(one, y=tensor("y", CHANNELS, 0.0831, 3))
    scales = nudge([one, other], one.op.weight_scales, True)
    for user in (one, other):
        channels = user.with_scales(user.channels, np.arange(CHANNELS), scales)
        assert cmsis_form(channels, Rounding.SINGLE, "conv").unproved == ()


def test_one_scale_for_all_channels_where_one_is_found():
    one = layer(channels=2)
    one = replace(one, op=replace(one.op, weight_scales=np.full(2, 1.7e-3, np.float32)))
    scale = nudge_one([one], np.float32(1.7e-3), True)
    assert scale is not None
    tried = one.with_scales(one.channels, np.arange(2), np.full(2, scale, np.float32))
    assert cmsis_form(tried, Rounding.SINGLE, "conv").unproved == ()


# whole files


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    return model(tmp_path_factory.mktemp("plain"))


def model(folder: Path, **options: object) -> Path:
    """`tiny_cnn`, quantised and not aligned."""
    path = folder / "q.onnx"
    quantize(
        tiny_cnn(), path, samples(), QuantizeOptions(**{"align": False, "measure": False} | options)
    )
    return path


ALL_FORMS = pytest.mark.parametrize(
    ("format_", "activation"), [(f, a) for f in Format for a in Activation]
)


@ALL_FORMS
def test_an_aligned_file_is_equal_in_onnxruntime_and_stays_as_it_is(tmp_path, format_, activation):
    source = model(tmp_path, format=format_, activation=activation)
    found, change = patchc.api.align(source, tmp_path / "a.onnx")
    assert found.unproved == ()
    assert found.lines == found.channels
    assert 0 < found.largest <= MOST
    assert change.steps <= 1
    check(onnx.load(tmp_path / "a.onnx"))
    again, _ = patchc.api.align(tmp_path / "a.onnx", tmp_path / "b.onnx")
    assert again.moved == 0
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


@ALL_FORMS
def test_a_scale_of_a_whole_layer_may_become_one_per_channel(tmp_path, format_, activation):
    source = model(tmp_path, per_channel=False, format=format_, activation=activation)
    found, _ = patchc.api.align(source, tmp_path / "a.onnx")
    assert found.unproved == ()
    check(onnx.load(tmp_path / "a.onnx"))
    kept = align_model(source, per_channel=False)
    sizes = [t.dims for t in onnx.load(source).graph.initializer]
    assert [t.dims for t in kept.model.graph.initializer] == sizes


def test_who_else_reads_a_scale_keeps_it(plain):
    """The scale of the image, which is that of a layer's weights too."""
    content = onnx.load(plain)
    quantizer = next(n for n in content.graph.node if n.op_type == "QuantizeLinear")
    conv = next(n for n in content.graph.node if n.op_type == "Conv")
    weights = next(n for n in content.graph.node if conv.input[1] in n.output)
    weights.input[1] = quantizer.input[1]
    scales = Scales(content)
    place = scales.places()["stem"]
    image = scales.values(place.scale).copy()
    scales.set_scale(place.scale, {place.scale_read}, np.full(8, 0.5, np.float32), place.axis)
    assert np.array_equal(scales.values(quantizer.input[1]), image)
    assert scales.values(weights.input[1]).tolist() == [0.5] * 8
    assert scales.values(weights.input[2]).tolist() == [0] * 8
    assert Scales(content).places()["stem"].scale == weights.input[1]


def test_a_float_bias_is_what_the_new_scale_makes_of_it(plain):
    content = onnx.load(plain)
    made = {name: node for node in content.graph.node for name in node.output}
    values = {t.name: t for t in content.graph.initializer}
    conv = next(n for n in content.graph.node if n.op_type == "Conv")
    steps, scale, *_ = (numpy_helper.to_array(values[n]) for n in made[conv.input[2]].input)
    bias = numpy_helper.from_array((steps * scale).astype(np.float32), "float_bias")
    content.graph.initializer.append(bias)
    conv.input[2] = "float_bias"
    found = align_model(content)
    assert found.unproved == ()
    check(found.model)


def test_a_bias_that_sums_made_leave_int32_is_settled(plain):
    """Quantisers clip the bias of a channel whose weights are next to nothing."""
    content = onnx.load(plain)
    made = {name: node for node in content.graph.node for name in node.output}
    values = {t.name: t for t in content.graph.initializer}
    conv = next(n for n in content.graph.node if n.op_type == "Conv")
    name = made[conv.input[2]].input[0]
    bias = numpy_helper.to_array(values[name]).copy()
    bias[2] = 2**31 - 1
    values[name].CopyFrom(numpy_helper.from_array(bias, name))
    found = align_model(content)
    assert found.unproved == ()
    assert found.biased == 1
    (before, *_), (after, *_) = found.before.nodes, found.after.nodes
    change = int(before.op.bias[2]) - int(after.op.bias[2])
    assert 0 < change < 1e-3 * 2**31
    factor = Layer(
        "conv",
        before.op,
        found.before.tensors[before.inputs[0]],
        found.before.tensors[before.output],
    ).channels.factors[2]
    assert found.bias_steps == pytest.approx(change * float(factor))


def test_what_cannot_be_proved_is_refused_and_named(plain, tmp_path):
    """Weight scales that the file computes are not written; bias 2^31 - 1 and sums beyond."""
    content = onnx.load(plain)
    made = {name: node for node in content.graph.node for name in node.output}
    dequantize = made[next(n for n in content.graph.node if n.op_type == "Conv").input[1]]
    content.graph.node.insert(0, helper.make_node("Identity", [dequantize.input[1]], ["same"]))
    dequantize.input[1] = "same"
    found = align_model(content)
    assert found.unproved[0].node == "stem"
    assert "node 'stem': channel" in str(found.refusal)
    assert "no constants that layers alone read" in str(found.refusal)
    onnx.save_model(content, tmp_path / "computed.onnx")
    message = error_of("align", tmp_path / "computed.onnx", "-o", tmp_path / "a.onnx")
    assert "node 'stem': channel" in message
    assert message.count("\n") == 0
    assert not (tmp_path / "a.onnx").exists()


# quantize


def test_quantize_aligns_unless_told_otherwise(plain, tmp_path):
    quantize(tiny_cnn(), tmp_path / "a.onnx", samples(), QuantizeOptions(measure=False))
    aligned = align_model(tmp_path / "a.onnx")
    assert aligned.moved == 0
    assert aligned.unproved == ()
    assert align_model(plain).moved > 0
    found = [item.key for item in onnx.load(tmp_path / "a.onnx").metadata_props]
    assert found.count(KEY) == 1
    patchc.api.align(plain, tmp_path / "b.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_quantize_keeps_one_scale_per_layer_where_asked_for_and_says_so(tmp_path):
    notes = quantize(tiny_cnn(), tmp_path / "a.onnx", samples(), QuantizeOptions(per_channel=False))
    graph = import_model(tmp_path / "a.onnx").graph
    for node in graph.nodes:
        if isinstance(node.op, Conv):
            assert len(set(node.op.weight_scales.tolist())) == 1
    unproved = align_model(tmp_path / "a.onnx", per_channel=False).unproved
    assert bool(unproved) == any("CMSIS-NN" in note for note in notes)


# the command


def test_the_command_says_what_it_did(plain, tmp_path):
    np.savez(tmp_path / "cases.npz", **samples(6))
    (tmp_path / "classes.txt").write_text("0\n1\n2\n3\n4\n0\n")
    ran = patchc_command(
        *("align", plain, "-o", tmp_path / "a.onnx"),
        *("--inputs", tmp_path / "cases.npz", "--labels", tmp_path / "classes.txt"),
    )
    assert ran.status == 0, ran.stderr
    told = dict(line.split(maxsplit=1) for line in ran.stdout.splitlines())
    assert told["layers"] == "4, with 29 output channels, all proved"
    assert "on 6 cases" in told["outputs"]
    before, after = told["top-1"].split(" of 6 before, ")
    assert before == after.removesuffix(" after")
    assert told["kept"].startswith("Add, GlobalAveragePool: ")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    model(folder)
    onnx.save_model(tiny_cnn(), folder / "float.onnx")
    np.savez(folder / "cases.npz", **samples(3))
    (folder / "classes.txt").write_text("0\n1\n")
    (folder / "words.txt").write_text("cat\n")
    return folder


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("missing.onnx", "-o", "a.onnx"), "missing.onnx: cannot be read"),
        (("float.onnx", "-o", "a.onnx"), "float.onnx: "),
        (("q.onnx",), "'-o'"),
        (("q.onnx", "-o", "no/such/folder.onnx"), "cannot be written"),
        (("q.onnx", "-o", "a.onnx", "--labels", "classes.txt"), "--labels: only with --inputs"),
        (("q.onnx", "-o", "a.onnx", "--inputs", "q.onnx"), "q.onnx: not an .npy or .npz"),
        (
            ("q.onnx", "-o", "a.onnx", "--inputs", "cases.npz", "--labels", "words.txt"),
            "words.txt: cannot be read as one class number a line",
        ),
        (
            ("q.onnx", "-o", "a.onnx", "--inputs", "cases.npz", "--labels", "classes.txt"),
            "cases.npz: 3 cases, but 2 labels",
        ),
    ],
)
def test_bad_input_is_one_message(inputs, monkeypatch, words, message):
    monkeypatch.chdir(inputs)
    assert message in error_of("align", *words)
    assert not (inputs / "a.onnx").exists()


def test_a_float_file_is_refused():
    with pytest.raises(PatchcError):
        align_model(tiny_cnn())
