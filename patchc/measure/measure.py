"""What a linked test image needs of RAM and flash: measured while it runs under QEMU."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from patchc.choices import ALL
from patchc.errors import PatchcError
from patchc.kernels.registry import KERNELS
from patchc.measure.stack import FLAGS, firmware_bound
from patchc.outdir import PLAN, REPORT
from patchc.pipeline import Progress, read_plan
from patchc.plan.types import FETCH
from patchc.planner.kinds import kind_of
from patchc.programs.firmware import Firmware, Run, build
from patchc.programs.program import run_command
from patchc.targets.cores import CORES, core

_VERSION_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Measurement:
    """One image of the network on one board. Bytes."""

    core: str
    machine: str  # of QEMU
    compiler: str
    qemu: str
    optimisation: str
    ram_bytes: int  # the region that held all of the next three, guarded
    arena_bytes: int
    static_bytes: int  # .data and .bss
    stack_bytes: int  # the most that a run can take, by the call graph
    stack_painted_bytes: int  # the most that any case took
    total_bytes: int  # arena + static + stack
    code_bytes: int
    weights_bytes: int
    arena_first_written: int  # offset of the lowest byte of the arena that was written
    arena_last_written: int
    mpu: bool  # False: the core has none, and only the end of the board's RAM guards


def targets(out: Path, asked: tuple[str, ...]) -> tuple[str, ...]:
    """The cores to run on: those `asked` for, each once, ALL for all of them; by default the
    report's. Raises PatchcError for a name that there is not."""
    if ALL in asked:
        return tuple(CORES)
    names = asked or (read_report(out)["target"],)
    return tuple(dict.fromkeys(core(name).name for name in names))


def measure(
    out: Path, name: str, inputs: Mapping[str, np.ndarray], progress: Progress
) -> tuple[Measurement, Run]:
    """Build `out` for the core `name`, run int8 (cases, h, w, c) per graph input: the figures, and
    what came of it. The region is the report's budget. Raises PatchcError as `Firmware`, and
    where a run took more stack than the bound says any can."""
    progress(f"building the firmware for {name}")
    firmware = build(out, name, stack_bytes=_stack_of(out, name), extra_flags=FLAGS)
    stack = firmware_bound(out, firmware).bytes
    progress(f"running the firmware on {firmware.board.machine} under QEMU")
    run = firmware.run(inputs)
    if run.stack_high_water_bytes > stack:
        raise PatchcError(
            f"a run on {name} took {run.stack_high_water_bytes} B of stack, more than the "
            f"{stack} B that its call graph allows: please report this, with {out}"
        )
    return _figures(firmware, run, stack), run


def _stack_of(out: Path, name: str) -> int | None:
    """For a core that `out` was not compiled for: its reserve, and the other core's on top where
    kernels run that are not written for it. None: NAME_STACK_BYTES."""
    made_for = read_report(out)["target"]
    if made_for == name:
        return None
    plan = read_plan(out / PLAN)
    used = {kernel for tunnel in plan.tunnels for step in tunnel.steps for kernel in step.kernels}
    used.discard(FETCH)
    foreign = {KERNELS[kernel].flavour for kernel in used} - set(core(name).flavours)
    cores = (name, made_for) if foreign else (name,)
    return sum(core(one).reserve.of(kind_of(plan)) for one in cores)


def _figures(firmware: Firmware, run: Run, stack: int) -> Measurement:
    return Measurement(
        core=firmware.core.name,
        machine=firmware.board.machine,
        compiler=_version(firmware.core.toolchain.compiler),
        qemu=_version(firmware.core.toolchain.qemu),
        optimisation=firmware.opt,
        ram_bytes=firmware.ram_bytes,
        arena_bytes=firmware.arena_bytes,
        static_bytes=firmware.static_bytes,
        stack_bytes=stack,
        stack_painted_bytes=run.stack_high_water_bytes,
        total_bytes=firmware.arena_bytes + firmware.static_bytes + stack,
        code_bytes=firmware.code_bytes,
        weights_bytes=firmware.weights_bytes,
        arena_first_written=run.arena_first_written,
        arena_last_written=run.arena_last_written,
        mpu=run.mpu_regions > 0,
    )


def _version(program: str) -> str:
    return run_command([program, "--version"], _VERSION_SECONDS).splitlines()[0]


def read_report(out: Path) -> dict[str, Any]:
    """OUT/report.json. Raises PatchcError."""
    try:
        return json.loads((out / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PatchcError(f"{out / REPORT} is missing or damaged: compile again") from error


def write_measured(out: Path, found: Measurement) -> None:
    """Replace the reserve in OUT/report.json by what was measured on the report's own target; what
    was measured on another one leaves it as it is. Raises PatchcError."""
    data = read_report(out)
    if data["target"] != found.core:
        return
    ram = data["ram"]
    outside = ram["total_with_input_bytes"] - ram["total_bytes"]
    data["ram"] = ram | {
        "static_bytes": found.static_bytes,
        "stack_bytes": found.stack_bytes,
        "source": f"measured on {found.machine} under QEMU, gcc {found.optimisation}",
        "total_bytes": found.total_bytes,
        "total_with_input_bytes": found.total_bytes + outside,
    }
    data["flash"]["code_bytes"] = found.code_bytes
    (out / REPORT).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
