"""The data files of the cores."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

import patchc
from patchc.errors import PatchcError
from patchc.geometry.axis import streams
from patchc.ir import Op
from patchc.kernels.registry import KERNELS
from patchc.targets.board import MPS2_AN385, Board, Memory
from patchc.targets.core import Core
from patchc.targets.cores import CORES, DEFAULT_CORE, core
from patchc.targets.cost_table import Coefficients, CostTable
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing
from patchc.targets.toolchain import RISCV
from tests.c.emitted import (
    bottlenecks,
    concatenated,
    copied,
    dense_over_a_map,
    depthwise,
    gated,
    pools,
    residual,
)
from tests.onnx_float import quantized_cnn
from tests.plans import chosen


def test_the_default_is_one_of_them():
    assert core(DEFAULT_CORE).name == "cortex-m4"


@pytest.mark.parametrize("name", CORES)
def test_every_core_selects_itself_and_reserves_ram(name: str):
    found = core(name)
    assert found.name == name
    # gcc 12 does not know the Cortex-M85, whose code is that of the M55.
    selects = "-march" if found.toolchain is RISCV else "-mcpu"
    assert f"{selects}={name.replace('m85', 'm55')}" in found.compile_flags
    assert 0 < found.reserve.largest < 2048


def test_cores_are_listed_by_number():
    numbers = [name.removeprefix("cortex-m") for name in CORES]
    assert numbers == ["0", "0plus", "3", "4", "7", "23", "33", "55", "85", "rv32imac"]


def test_boards_have_cores_that_run_the_code():
    """Those that QEMU does not play run on a larger one."""
    larger = {
        ("cortex-m0", "mps2-an385"): "cortex-m3",
        ("cortex-m0plus", "mps2-an385"): "cortex-m3",
        ("cortex-m0plus", "microbit"): "cortex-m0",
        ("cortex-m23", "mps2-an505"): "cortex-m33",
        ("cortex-m85", "mps3-an547"): "cortex-m55",
    }
    for entry in CORES.values():
        for board in entry.boards:
            assert board.core == larger.get((entry.name, board.name), entry.name)


def test_a_misspelt_core_gets_a_hint():
    with pytest.raises(PatchcError, match=r"no target 'cortexm33': did you mean cortex-m33 or "):
        core("cortexm33")


def test_a_new_core_is_a_value(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """One that there is not, with a table of what kernels cost: its plans are priced by it."""
    made_up = Core(
        name="cortex-m1",
        description="Arm Cortex-M1, ARMv6-M",
        timing=Timing("made up"),
        compile_flags=("-mcpu=cortex-m1", "-mthumb"),
        reserve=Reserve.of_all(600),
        boards=(MPS2_AN385,),
        cost_table=CostTable({"portable": Coefficients(per_call=100_000, per_mac=6_000)}),
    )
    monkeypatch.setitem(CORES, made_up.name, made_up)
    model = quantized_cnn(tmp_path / "tiny.onnx")
    plain = patchc.compile(model, tmp_path / "plain", target=made_up.name, prefer="layers").report
    found = patchc.compile(
        model, tmp_path / "out", target=made_up.name, budget=plain.ram.total_bytes * 3 // 4
    )
    assert found.report.target == made_up.name
    assert found.report.ram.total_bytes < plain.ram.total_bytes
    assert found.report.cost.cycles_estimate == found.stages.cost
    assert found.report.cost.cycles_estimate > 6 * found.report.cost.macs_executed
    points = patchc.explore(model, target=made_up.name).points
    assert points[0].macs_executed == plain.cost.macs_executed
    assert made_up.name in (tmp_path / "out/test/firmware/boards.mk").read_text()


BOARDS = {board.name: board for entry in CORES.values() for board in entry.boards}


def memories(board: Board) -> list[Memory]:
    found = [board.code, board.ram, board.harness]
    return found + ([board.external] if board.external else [])


@pytest.mark.parametrize("name", BOARDS)
def test_the_memories_of_a_board_are_apart(name: str):
    ranges = sorted(
        (memory.origin, memory.origin + memory.bytes) for memory in memories(BOARDS[name])
    )
    assert all(end <= start for (_, end), (start, _) in pairwise(ranges))


@pytest.mark.parametrize("name", [name for name, board in BOARDS.items() if board.external])
def test_an_mpu_can_describe_them(name: str):
    """What PMSAv7 asks of a region; see runtime_c/platform/guard.c."""
    board = BOARDS[name]
    for memory in (board.code, board.external):
        assert memory is not None
        assert memory.bytes & (memory.bytes - 1) == 0
        assert memory.origin % memory.bytes == 0
    assert board.ram.origin % board.ram.bytes == 0


# -- kernels -----------------------------------------------------------------------------------

NETWORKS = (bottlenecks, gated, concatenated, copied, pools, residual, depthwise, dense_over_a_map)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_kernel_is_chosen_for_the_operator_that_it_says(network):
    graph = network()
    for node in graph.nodes:
        assert KERNELS[chosen(graph, node)].operator is type(node.op), node.name


def test_every_operator_of_those_networks_runs_in_tunnels_and_others_do_not():
    class Unheard(Op):
        """Of which no axis map is known."""

    kinds = {type(node.op) for network in NETWORKS for node in network().nodes}
    assert len(kinds) > 8
    assert all(streams(kind) for kind in kinds)
    assert not streams(Unheard)
