"""What the tests of the firmware share: every Cortex-M on every board, tools, networks."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from patchc.codegen import WeightsMode
from patchc.plan.types import InputMode
from patchc.programs.firmware import Run, build
from patchc.schedule.lower import lower
from patchc.schedule.types import Schedule
from patchc.targets.cores import CORES
from patchc.targets.toolchain import ARM
from tests.c.emitted import (
    GOLDEN,
    bottlenecks,
    expected,
    images,
    points,
    write,
    write_in_slices,
)
from tests.tools import require_tool

CORTEX_M = [core for core in CORES.values() if core.toolchain is ARM]
BOARDS = [(core.name, board.name) for core in CORTEX_M for board in core.boards]

every_board = pytest.mark.parametrize(("core", "board"), BOARDS)

# One board for each architecture of MPU.
every_mpu = pytest.mark.parametrize(
    ("core", "board"), [("cortex-m4", "mps2-an386"), ("cortex-m33", "mps2-an505")]
)

# How NAME_step is called: flags by the name of a kind of slices.
SLICES: dict[str, tuple[str, ...]] = {
    size: (f"-DNET_RUN_SLICE={size}u",) for size in ("1", "7", "1000")
}
SLICES["scattered"] = ("-include", str(Path(__file__).with_name("scattered.h")))


def require_arm() -> None:
    """Skips the test, or fails it in CI, where the tools are missing."""
    require_tool(ARM.compiler)
    require_tool(ARM.qemu)


@cache
def smallest(mode: InputMode) -> Schedule:
    """Bottlenecks in the least memory that the search reaches."""
    graph = bottlenecks()
    return lower(graph, points(graph, mode)[-1].plan(mode))


def emitted(schedule: Schedule, out: Path, weights: WeightsMode = WeightsMode.INLINE) -> Path:
    require_arm()
    return write(schedule, out, weights)


def run(out: Path, schedule: Schedule, core: str, board: str, **options: Any) -> Run:
    """Two cases on a board, which must give what the reference gives."""
    inputs = images(schedule.graph, 2)
    found = build(out, core, board=board, **options).run(inputs)
    for name, wanted in expected(schedule.graph, inputs).items():
        np.testing.assert_array_equal(found.outputs[name], wanted, err_msg=name)
    return found


def run_in_slices(name: str, size: str, out: Path, core: str, board: str) -> Run:
    """A golden network in slices; as `run`."""
    golden = GOLDEN[name]
    schedule = golden.schedule()
    write_in_slices(schedule, out, golden.weights)
    return run(out, schedule, core, board, extra_flags=SLICES[size])
