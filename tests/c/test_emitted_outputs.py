"""Outputs that are handed over row by row: which rows, in which order, and what ends a run."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from patchc.errors import PatchcError
from patchc.ir import Graph
from patchc.memory import place
from patchc.plan.types import InputMode, OutputMode
from patchc.planner.layer_by_layer import trivial_plan
from patchc.planner.search import Search
from patchc.programs.host import build
from patchc.schedule.lower import lower
from tests.c.calling import (
    ERR_CALLBACK,
    ERR_NULL,
    WRITE,
    Reader,
    Writer,
    arena,
    library,
    macro,
    serve,
)
from tests.c.emitted import (
    GOLDEN,
    check_equal,
    classifier,
    edit,
    expected,
    images,
    pools,
    segmentation,
    two_in_two_out,
    write,
)
from tests.property.strategies import graphs

ROWS = GOLDEN["rows_in_two_stripes"].schedule


class Outputs(ctypes.Structure):
    """Of `segmentation`."""

    _fields_ = (
        *((name, Writer) for name in ("fine", "coarse", "edges")),
        ("logits", ctypes.c_void_p),
    )


def collector(
    calls: list[tuple[object, ...]], name: str, channels: int, stops_at: int | None = None
) -> Writer:
    """Notes (name, row, col, rows, cols, values); gives up at call number `stops_at`."""

    def take(ctx, row, col, rows, cols, src):
        values = np.array(src[: rows * cols * channels], np.int8).reshape(rows, cols, channels)
        calls.append((name, row, col, rows, cols, values))
        return 7 if stops_at is not None and len(calls) > stops_at else 0

    return Writer(WRITE(take), None)


def run(
    net: ctypes.CDLL, out: Path, image: Reader, outputs: ctypes.Structure | None
) -> tuple[int, bytes]:
    """The status, and the arena afterwards."""
    _memory, at = arena(out)
    given_outputs = None if outputs is None else ctypes.byref(outputs)
    status = net.net_run(ctypes.c_void_p(at), ctypes.byref(image), given_outputs)
    return status, ctypes.string_at(at, macro(out, "ARENA_BYTES"))


def test_each_pixel_once_stripe_by_stripe_rows_ascending(tmp_path):
    """Rings hand over a row of a stripe at a time, each output at its own pace; a map goes in one
    call; the vector stays in the arena."""
    schedule = ROWS()
    graph, net = schedule.graph, library(write(schedule, tmp_path))
    inputs = images(graph)
    wanted = {name: values[2] for name, values in expected(graph, inputs).items()}
    calls: list[tuple[object, ...]] = []
    writers = [
        collector(calls, name, graph.tensors[name].shape[2]) for name in ("fine", "coarse", "edges")
    ]
    status, memory = run(net, tmp_path, serve(inputs["image"][2]), Outputs(*writers, None))
    assert status == 0
    for name, row, col, rows, cols, values in calls:
        np.testing.assert_array_equal(
            values, wanted[name][row : row + rows, col : col + cols], err_msg=name
        )
    places = {name: [c[1:5] for c in calls if c[0] == name] for name in wanted}
    assert places["fine"] == [(r, c, 1, 4) for c in (0, 4) for r in range(8)]
    assert places["coarse"] == [(r, c, 1, 2) for c in (0, 2) for r in range(4)]
    assert places["edges"] == [(0, 0, 4, 4)]
    # A coarse row brings two enlarged ones, of which a fine row needs one more below it.
    assert [c[0] for c in calls[:5]] == ["coarse", "fine", "coarse", "fine", "fine"]
    at, size = macro(tmp_path, "OUT3_OFFSET"), macro(tmp_path, "OUT3_BYTES")
    assert memory[at : at + size] == wanted["logits"].tobytes()


@pytest.mark.parametrize("stops_at", [0, 5, 24])
def test_a_callback_that_fails_ends_the_run(stops_at, tmp_path):
    """In a tunnel, and where a whole map is handed over: nothing is called again."""
    schedule = ROWS()
    graph, net = schedule.graph, library(write(schedule, tmp_path))
    calls: list[tuple[object, ...]] = []
    writers = [
        collector(calls, name, graph.tensors[name].shape[2], stops_at)
        for name in ("fine", "coarse", "edges")
    ]
    image = serve(images(graph)["image"][0])
    assert run(net, tmp_path, image, Outputs(*writers, None))[0] == ERR_CALLBACK
    assert len(calls) == stops_at + 1


def test_null_outputs_and_a_null_callback(tmp_path):
    schedule = ROWS()
    net = library(write(schedule, tmp_path))
    image = serve(images(schedule.graph)["image"][0])
    assert run(net, tmp_path, image, None)[0] == ERR_NULL
    for left_out in range(3):
        writers = [Writer() if n == left_out else collector([], "", 1) for n in range(3)]
        assert run(net, tmp_path, image, Outputs(*writers, None))[0] == ERR_NULL


def test_the_callback_is_given_its_context(tmp_path):
    schedule = ROWS()
    net = library(write(schedule, tmp_path))
    seen: set[int] = set()
    writers = [Writer(WRITE(lambda ctx, *_: seen.add(ctx) or 0), n) for n in (11, 22, 33)]
    image = serve(images(schedule.graph)["image"][0])
    assert run(net, tmp_path, image, Outputs(*writers, None))[0] == 0
    assert seen == {11, 22, 33}


@pytest.mark.parametrize("mode", InputMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize("graph", [segmentation, two_in_two_out, pools, classifier])
def test_layer_by_layer_in_every_input_mode(graph, mode, tmp_path):
    """Outputs of a classifier are vectors: nothing is handed over."""
    schedule = lower(graph(), trivial_plan(graph(), mode, OutputMode.ROWS))
    assert bool(schedule.handed) == (graph is not classifier)
    write(schedule, tmp_path)
    check_equal(tmp_path, schedule.graph, "release")


@pytest.mark.parametrize("mode", InputMode, ids=lambda mode: mode.value)
def test_the_smallest_plan_needs_less_than_its_outputs(mode, tmp_path):
    """Without the image, which lies in the arena where it is resident."""
    graph = segmentation(16)
    points = tuple(Search(graph, mode, OutputMode.ROWS).frontier(2**20))
    schedule = lower(graph, points[-1].plan(mode, OutputMode.ROWS))
    image = graph.tensors["image"].bytes if mode is InputMode.RESIDENT else 0
    outputs = sum(graph.tensors[name].bytes for name in graph.outputs)
    assert place(schedule).arena_bytes - image < outputs
    write(schedule, tmp_path)
    check_equal(tmp_path, graph, "sanitize")


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=graphs())
def test_random_networks(graph: Graph, tmp_path_factory):
    """The smallest plan of the search, under the sanitizers."""
    *_, smallest = Search(graph, InputMode.TILES, OutputMode.ROWS).frontier(2**20)
    out = tmp_path_factory.mktemp("random")
    write(lower(graph, smallest.plan(InputMode.TILES, OutputMode.ROWS)), out)
    check_equal(out, graph, "sanitize")


CALL = "store_rows(&outputs->edges, &in, 0, 0)"


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (CALL, f"{CALL} || {CALL}", "OUT2: handed 4 x 4 pixels at row 0, column 0, not at row 0"),
        (CALL, CALL.replace("0, 0", "1, 0"), "OUT2: handed 4 x 4 pixels at row 1"),
        (f"return {CALL}", "(void)outputs, (void)in; return 0", "OUT2: not every pixel was handed"),
        ("&outputs->fine, &in, at->r0,", "&outputs->fine, &in, at->r0 ^ 1,", "at row 1, column 0"),
    ],
)
def test_host_main_holds_the_program_to_the_order(old, new, text, tmp_path):
    schedule = ROWS()
    write(schedule, tmp_path)
    edit(tmp_path, "src/net.c", old, new)
    with pytest.raises(PatchcError, match=text):
        build(tmp_path).run(images(schedule.graph))
