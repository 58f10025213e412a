"""NAME_step: whatever the slices, the bytes of NAME_run; what it counts, and how it begins anew."""

from __future__ import annotations

import ctypes
import random
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from patchc.ir import Graph
from patchc.memory import place
from patchc.plan.types import InputMode, Plan
from patchc.planner.cost import executed_cost
from patchc.planner.layer_by_layer import trivial_plan
from patchc.planner.machine import machine_of
from patchc.planner.slices import piece_prices
from patchc.programs.host import FLAVOURS, Flavour, build
from patchc.reference import run_schedule
from patchc.schedule.types import Schedule
from patchc.targets.cores import core
from tests.c.calling import ERR_CALLBACK, ERR_NULL, READ, Reader, arena, library, macro, serve
from tests.c.emitted import (
    GOLDEN,
    bottlenecks,
    concatenated,
    copied,
    expected,
    gated,
    images,
    layerwise,
    resized,
    segmentation,
    smallest,
    write,
    write_in_slices,
)
from tests.plans import lower
from tests.tools import require_tool

MORE = 1
SLICES = ("1", "7", "1000", "random")
HERE = Path(__file__).parent
SLICED = ("-include", str(HERE / "slices.h"))


class Place(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint16) for name in ("block", "part")),
        *((name, ctypes.c_int32) for name in ("stripe", "tick", "rows", "cols")),
    )


class State(ctypes.Structure):
    _fields_ = (("inputs", ctypes.c_void_p), ("outputs", ctypes.c_void_p), ("place", Place))


class Inference:
    """An arena, a state, and the caller's pointers, of a network with one input and one output."""

    def __init__(self, net: ctypes.CDLL, out: Path, given: ctypes.Structure | np.ndarray) -> None:
        self.net, self.out, self.given = net, out, given
        self.memory, self.at = arena(out)
        self.output = ctypes.create_string_buffer(macro(out, "OUT0_BYTES"))
        self.outputs = ctypes.c_void_p(ctypes.addressof(self.output))
        address = given.ctypes.data if isinstance(given, np.ndarray) else None
        self.inputs = given if address is None else ctypes.c_void_p(address)
        self.state = State(ctypes.addressof(self.inputs), ctypes.addressof(self.outputs), Place())

    def step(self, work: int) -> int:
        at, state = ctypes.c_void_p(self.at), ctypes.byref(self.state)
        return self.net.net_step(at, state, ctypes.c_uint32(work))

    def finish(self, work: int = 500) -> bytes:
        while (status := self.step(work)) == MORE:
            pass
        assert status == 0
        return self.output.raw


def check_slices(out: Path, graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the sanitizers, in all kinds of slices."""
    plain = FLAVOURS["sanitize"]
    program = build(out, Flavour("sliced", (*plain.cflags, *SLICED)))
    inputs = images(graph)
    wanted = expected(graph, inputs)
    for size in SLICES:
        monkeypatch.setenv("SLICE", size)
        found = program.run(inputs)
        for name in graph.outputs:
            np.testing.assert_array_equal(found[name], wanted[name], err_msg=f"{name}, {size}")


@pytest.mark.parametrize("name", GOLDEN)
def test_no_slice_changes_a_byte(name, tmp_path, monkeypatch):
    """Every kernel, input mode and kind of tunnel; callbacks are asked in the same order."""
    schedule = GOLDEN[name].schedule()
    write_in_slices(schedule, tmp_path, GOLDEN[name].weights)
    check_slices(tmp_path, schedule.graph, monkeypatch)


def cut(graph: Graph, mode: InputMode, rows: int) -> tuple[Plan, Plan]:
    """Layer by layer, whole and so many rows at a time."""
    plan = trivial_plan(graph, mode)
    heights = {node.name: graph.tensors[node.output].shape[0] for node in graph.nodes}
    tunnels = tuple(
        replace(tunnel, rows=min(rows, heights[tunnel.nodes[0]])) for tunnel in plan.tunnels
    )
    return plan, replace(plan, tunnels=tunnels)


@pytest.mark.parametrize(
    ("make", "rows"),
    [(bottlenecks, 2), *((m, 1) for m in (gated, concatenated, copied, resized, segmentation))],
)
def test_layers_cut_by_rows(make, rows, tmp_path, monkeypatch):
    """In the memory of the same layers at once, byte for byte; in numpy over shadow memory too."""
    graph = make()
    whole, pieces = (lower(graph, plan) for plan in cut(graph, InputMode.EXTERN, rows))
    placement = place(whole)
    assert place(pieces) == placement
    inputs = images(graph)
    wanted = expected(graph, inputs)
    found = run_schedule(pieces, placement, {name: inputs[name][2] for name in graph.inputs})
    for name in graph.outputs:
        np.testing.assert_array_equal(found[name], wanted[name][2], err_msg=name)
    write_in_slices(pieces, tmp_path)
    check_slices(tmp_path, graph, monkeypatch)


def test_without_it_layers_cut_by_rows_run_too(tmp_path):
    graph = bottlenecks()
    schedule = lower(graph, cut(graph, InputMode.TILES, 2)[1])
    write(schedule, tmp_path)
    inputs = images(graph)
    found = build(tmp_path, "sanitize").run(inputs)["logits"]
    np.testing.assert_array_equal(found, expected(graph, inputs)["logits"])


@pytest.fixture(scope="module", params=["layers", "tunnels"])
def extern(request, tmp_path_factory) -> tuple[ctypes.CDLL, Path, Schedule]:
    """A network whose image lies outside the arena."""
    make = {"layers": layerwise, "tunnels": smallest}[request.param]
    schedule = make(bottlenecks(), InputMode.EXTERN)
    out = write_in_slices(schedule, tmp_path_factory.mktemp(request.param))
    return library(out), out, schedule


def logits(schedule: Schedule) -> tuple[list[np.ndarray], list[bytes]]:
    """Images, and what the network makes of them."""
    inputs = images(schedule.graph)
    wanted = expected(schedule.graph, inputs)["logits"]
    return list(inputs["image"]), [values.tobytes() for values in wanted]


def test_two_arenas_in_turns(extern):
    """Two inferences of one program, each in slices of its own."""
    net, out, schedule = extern
    maps, wanted = logits(schedule)
    pair = [Inference(net, out, maps[case]) for case in (1, 2)]
    sizes, running = random.Random(1), {0, 1}
    while running:
        which = sizes.choice(sorted(running))
        if pair[which].step(sizes.randrange(4000)) == 0:
            running.remove(which)
    assert [one.output.raw for one in pair] == wanted[1:3]


@pytest.mark.parametrize("steps", [1, 5, 10])
def test_begun_anew_in_the_middle(extern, steps):
    """Place at zero, another image, the same arena with what was left in it."""
    net, out, schedule = extern
    maps, wanted = logits(schedule)
    one = Inference(net, out, maps[1])
    for _ in range(steps):
        assert one.step(1) == MORE
    one.state.place = Place()
    one.inputs.value = maps[2].ctypes.data
    assert one.finish() == wanted[2]
    assert bytes(one.state.place) == bytes(Place())
    one.inputs.value = maps[1].ctypes.data
    assert one.finish() == wanted[1]  # after its end it begins anew by itself


def test_a_run_in_the_middle_of_another_arena(extern):
    net, out, schedule = extern
    maps, wanted = logits(schedule)
    one, other = Inference(net, out, maps[1]), Inference(net, out, maps[2])
    for _ in range(8):
        assert one.step(1) == MORE
    pointers = ctypes.byref(other.inputs), ctypes.byref(other.outputs)
    assert net.net_run(ctypes.c_void_p(other.at), *pointers) == 0
    assert other.output.raw == wanted[2]
    assert one.finish() == wanted[1]


def test_null_pointers(extern):
    net, out, schedule = extern
    maps, _ = logits(schedule)
    one = Inference(net, out, maps[0])
    assert net.net_step(None, ctypes.byref(one.state), 1) == ERR_NULL
    assert net.net_step(ctypes.c_void_p(one.at), None, 1) == ERR_NULL
    one.state.inputs = None
    assert one.step(1) == ERR_NULL


def test_a_callback_may_be_late(tmp_path):
    """It returns non-zero where a row is not there yet, and is asked again for that piece."""
    schedule = GOLDEN["streamed_in_two_stripes"].schedule()
    net = library(write_in_slices(schedule, tmp_path))
    inputs = images(schedule.graph)
    (output,) = schedule.graph.outputs
    image, wanted = serve(inputs["image"][2]), expected(schedule.graph, inputs)[output][2]
    asked: list[int] = []

    def read(_ctx, row, *rest):
        asked.append(row)
        return 1 if len(asked) % 3 else image.read(None, row, *rest)

    one = Inference(net, tmp_path, Reader(READ(read), None))
    late = 0
    while (status := one.step(800)) != 0:
        assert status in (MORE, ERR_CALLBACK)
        late += status == ERR_CALLBACK
    assert one.output.raw == wanted.tobytes()
    assert late == len(asked) * 2 // 3 > 10
    assert all(asked[at] == asked[at + 1] for at in range(0, len(asked), 3))


HOOKED = r"""
#include <stdio.h>
#include "net.h"

static uint64_t total;
static uint32_t slice, pieces, most;

void count(uint32_t part, uint32_t work)
{
    if (part >= NET_PARTS || work == 0 || work > NET_PIECE_WORK) {
        puts("a piece of what?");
    }
    total += work;
    slice += work;
    pieces++;
}

static int32_t arena[(NET_ARENA_BYTES + 3) / 4];
static int8_t image[NET_IN0_BYTES];

int main(void)
{
    static const uint32_t sizes[] = {0, 1, 3000, 20000, UINT32_MAX};
    net_inputs in = {image};

    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        net_state state = {&in, NULL, {0}};
        uint32_t slices = 0;
        int status;

        total = most = 0;
        do {
            slice = pieces = 0;
            status = net_step(arena, &state, sizes[i]);
            slices++;
            if (slice > sizes[i] && pieces != 1) {
                puts("a slice is too long");
            }
        } while (status == NET_MORE);
        if (status != 0 || total != NET_WORK) {
            printf("%d, %llu instead of %u\n", status, (unsigned long long)total, NET_WORK);
        }
        printf("%u\n", slices);
    }
    return 0;
}
"""


def test_what_it_counts(extern, tmp_path):
    """The hook sees every piece; their work adds up to NAME_WORK, and stays within each slice."""
    _, out, _schedule = extern
    (tmp_path / "main.c").write_text(HOOKED)
    sources = sorted(out.glob("src/*.c"))
    flags = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-DNET_STEP_HOOK=count", f"-I{out}/include")
    target = tmp_path / "hooked"
    command = [require_tool("gcc"), *flags, tmp_path / "main.c", *sources, "-o", target]
    subprocess.run(command, check=True)
    done = subprocess.run([target], check=True, capture_output=True, text=True)
    none, one, few, many, whole = map(int, done.stdout.split())
    assert none == one > few > many > whole == 1


@pytest.mark.parametrize("make", [layerwise, smallest])
def test_prices_are_those_of_the_plan(make):
    """Pieces, each counted as its step's longest, add up to a little more than the plan costs."""
    schedule = make(bottlenecks(48), InputMode.TILES)
    cost = machine_of(core("cortex-m4")).cost
    prices = piece_prices(schedule, cost)
    assert [len(block) for block in prices.pieces] == [len(b.steps) for b in schedule.blocks]
    assert 1 <= prices.total / executed_cost(schedule, cost) < 1.3
