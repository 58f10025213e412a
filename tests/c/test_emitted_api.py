"""name_run's contract: what it refuses, what it gives up, what it leaves alone."""

from __future__ import annotations

import ctypes
import re

import numpy as np
import pytest

from patchc.codegen import WeightsMode
from patchc.errors import PatchcError
from patchc.plan.types import InputMode
from patchc.programs.host import build
from tests.c.calling import (
    ERR_ALIGN,
    ERR_CALLBACK,
    ERR_NULL,
    READ,
    Reader,
    arena,
    library,
    macro,
    serve,
)
from tests.c.emitted import (
    classifier,
    depthwise,
    edit,
    expected,
    grouped,
    images,
    layerwise,
    residual,
    write,
)
from tests.schedules import two_convolutions


def test_null_arena_null_inputs_null_callback(tmp_path):
    net = library(write(layerwise(classifier(), InputMode.TILES), tmp_path))
    _memory, at = arena(tmp_path)
    reader = Reader(READ(lambda *_: 0), None)
    assert net.net_run(None, ctypes.byref(reader), None) == ERR_NULL
    assert net.net_run(ctypes.c_void_p(at), None, None) == ERR_NULL
    assert net.net_run(ctypes.c_void_p(at), ctypes.byref(Reader()), None) == ERR_NULL


def test_null_image_in_extern_mode_and_null_weights(tmp_path):
    schedule = layerwise(classifier(), InputMode.EXTERN)
    net = library(write(schedule, tmp_path, WeightsMode.EXTERN))
    _memory, at = arena(tmp_path)
    image = ctypes.create_string_buffer(macro(tmp_path, "IN0_BYTES"))
    given = ctypes.addressof(image)
    for pointers in ((None, given), (given, None)):
        inputs = (ctypes.c_void_p * 2)(*pointers)
        assert net.net_run(ctypes.c_void_p(at), inputs, None) == ERR_NULL


def test_misaligned_arena(tmp_path):
    """The sums of this schedule ask for four bytes; one byte off is refused, four are not."""
    schedule = grouped()
    net = library(write(schedule, tmp_path))
    assert macro(tmp_path, "ARENA_ALIGN") == 4
    reader = serve(np.zeros(schedule.graph.tensors["image"].shape, np.int8))
    for shift, status in ((0, 0), (1, ERR_ALIGN), (2, ERR_ALIGN), (4, 0)):
        _memory, at = arena(tmp_path, shift)
        assert net.net_run(ctypes.c_void_p(at), ctypes.byref(reader), None) == status


@pytest.mark.parametrize("stops_at", [0, 3])
def test_a_callback_that_fails_ends_the_run(stops_at, tmp_path):
    """It is not called again, and the outputs of the caller stay as they are."""
    net = library(write(two_convolutions(stripes=1), tmp_path))
    calls = []

    def read(*arguments):
        calls.append(arguments)
        return 7 if len(calls) > stops_at else 0

    _memory, at = arena(tmp_path)
    reader = Reader(READ(read), None)
    output = ctypes.create_string_buffer(b"\x55" * macro(tmp_path, "OUT0_BYTES"))
    outputs = ctypes.c_void_p(ctypes.addressof(output))
    status = net.net_run(ctypes.c_void_p(at), ctypes.byref(reader), ctypes.byref(outputs))
    assert status == ERR_CALLBACK
    assert len(calls) == stops_at + 1
    assert set(output.raw[:-1]) == {0x55}


def test_the_callback_is_given_its_context(tmp_path):
    net = library(write(layerwise(classifier(), InputMode.TILES), tmp_path))
    seen = []
    _memory, at = arena(tmp_path)
    reader = Reader(READ(lambda ctx, *_: seen.append(ctx) or 0), 1234)
    assert net.net_run(ctypes.c_void_p(at), ctypes.byref(reader), None) == 0
    assert seen == [1234]


def test_resident_inputs_may_be_left_out_altogether(tmp_path):
    """`in` null: the image is in the arena; `out` null: so are the outputs."""
    graph = residual()
    net = library(write(layerwise(graph, InputMode.RESIDENT), tmp_path))
    inputs = images(graph)
    wanted = expected(graph, inputs)
    for case in range(3):
        _memory, at = arena(tmp_path)
        image = inputs["image"][case]
        ctypes.memmove(at + macro(tmp_path, "IN0_OFFSET"), image.ctypes.data, image.nbytes)
        assert net.net_run(ctypes.c_void_p(at), None, None) == 0
        found = ctypes.string_at(at + macro(tmp_path, "OUT0_OFFSET"), macro(tmp_path, "OUT0_BYTES"))
        assert found == wanted[graph.outputs[0]][case].tobytes()


def test_two_arenas_are_two_inferences(tmp_path):
    """One runs in the other's callback: no state is shared."""
    graph = residual()
    net = library(write(layerwise(graph, InputMode.TILES), tmp_path))
    inputs = images(graph)
    wanted = expected(graph, inputs)[graph.outputs[0]]
    size = macro(tmp_path, "OUT0_BYTES")

    def run(reader: Reader) -> bytes:
        _memory, at = arena(tmp_path)
        output = ctypes.create_string_buffer(size)
        outputs = ctypes.c_void_p(ctypes.addressof(output))
        status = net.net_run(ctypes.c_void_p(at), ctypes.byref(reader), ctypes.byref(outputs))
        assert status == 0
        return output.raw

    inner = []
    outer = serve(inputs["image"][2])

    def read(*arguments):
        inner.append(run(serve(inputs["image"][1])))
        return outer.read(*arguments)

    assert run(Reader(READ(read), None)) == wanted[2].tobytes()
    assert inner == [wanted[1].tobytes()]


def test_host_main_sees_a_byte_written_behind_the_arena(tmp_path):
    """The arena of the header is made one byte too small."""
    schedule = layerwise(classifier(), InputMode.TILES)
    write(schedule, tmp_path)
    size = macro(tmp_path, "ARENA_BYTES")
    edit(tmp_path, "include/net.h", f"NET_ARENA_BYTES {size}", f"NET_ARENA_BYTES {size - 1}")
    with pytest.raises(PatchcError, match="a byte behind the arena was written"):
        build(tmp_path).run(images(schedule.graph))


def test_host_main_sees_a_byte_written_before_the_arena(tmp_path):
    schedule = layerwise(classifier(), InputMode.TILES)
    write(schedule, tmp_path)
    edit(tmp_path, "src/net.c", ".data = arena,", ".data = arena - 1,")
    with pytest.raises(PatchcError, match="a byte before the arena was written"):
        build(tmp_path).run(images(schedule.graph))


@pytest.mark.parametrize("step", ["- 1", "+ 1"])
def test_sanitizers_see_reads_outside_the_arena(step, tmp_path):
    """The guard bytes are poisoned: what only reads them is caught too."""
    schedule = layerwise(depthwise(), InputMode.RESIDENT)
    write(schedule, tmp_path)
    text = (tmp_path / "src/net.c").read_text()
    first, second = re.findall(r"\.data = (arena(?: \+ \d+)?),", text)
    moved = max(first, second, key=len) if step == "+ 1" else min(first, second, key=len)
    edit(tmp_path, "src/net.c", f".data = {moved},", f".data = {moved} {step},")
    with pytest.raises(PatchcError, match="AddressSanitizer: use-after-poison"):
        build(tmp_path, "sanitize").run(images(schedule.graph))


@pytest.mark.parametrize(
    ("mode", "text"),
    [(InputMode.TILES, "outside the image"), (InputMode.STREAM, "not in raster order")],
)
def test_host_main_holds_the_program_to_its_input_mode(mode, text, tmp_path):
    """Broken programs: one asks for a row below the image, one asks for the image twice."""
    schedule = layerwise(classifier(), mode)
    write(schedule, tmp_path)
    call = "load_rows(&inputs->image, &out, 0, 0)"
    again = f"{call} || {call}" if mode is InputMode.STREAM else call.replace("0, 0", "0, 1")
    edit(tmp_path, "src/net.c", call, again)
    with pytest.raises(PatchcError, match=text):
        build(tmp_path).run(images(schedule.graph))


def test_host_main_sees_rows_that_do_not_ascend(tmp_path):
    """Each stripe starts at row 0 and leaves none out."""
    schedule = two_convolutions(stripes=2)
    write(schedule, tmp_path)
    edit(tmp_path, "src/net.c", "&inputs->image, &out, at->r0,",
         "&inputs->image, &out, at->r0 == 5 ? 4 : at->r0,")  # fmt: skip
    with pytest.raises(PatchcError, match="asked for row 4 after row 4: rows ascend"):
        build(tmp_path).run(images(schedule.graph))


def test_host_main_sees_pixels_that_a_stream_leaves_out(tmp_path):
    schedule = layerwise(classifier(), InputMode.STREAM)
    write(schedule, tmp_path)
    edit(tmp_path, "src/net.c", ".rows = 4, .cols = 4, .channels = 3};\n    return",
         ".rows = 3, .cols = 4, .channels = 3};\n    return")  # fmt: skip
    with pytest.raises(PatchcError, match="not every pixel was asked for"):
        build(tmp_path).run(images(schedule.graph))
