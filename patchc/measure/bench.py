"""bench: instructions of one inference on a core, per block, step and kernel, and an estimate of
its cycles where its timing is known."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from patchc.errors import PatchcError
from patchc.measure import counting
from patchc.measure.counting import Counts, Sums
from patchc.measure.cycles import estimate
from patchc.measure.listing import read_listing
from patchc.outdir import BENCH, PLAN, REPORT, read_source
from patchc.pipeline import Progress, random_maps, read_plan, run_stages, silent
from patchc.programs.firmware import Firmware, build
from patchc.programs.program import BlockFunction, StepFunction, run_command
from patchc.reference import run_graph
from patchc.schedule.work import Work, executed_work
from patchc.targets.cores import core as core_called
from patchc.targets.timing import Timing
from patchc.version import __version__

SEED = 1  # of the one case: counts depend on its values a little
# No RAM is judged here: `verify --on qemu` does that. Enough for any level of optimisation.
_STACK_BYTES, _ROOM_BYTES = 4096, 8192
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Part:
    """The microcontroller that cycles are estimated for, beside its core."""

    clock_mhz: float | None = None
    wait_states: int = 0  # of the memory that holds code and constants


_PART = Part()


@dataclass(frozen=True, slots=True)
class StepCount:
    """What computes a few nodes together; in a layer, all of it."""

    step: str
    nodes: tuple[str, ...]  # none: an input is fetched
    instructions: int
    cycles: int | None  # estimated, here and below; None: nothing is known of the core's timing
    macs: int  # executed


@dataclass(frozen=True, slots=True)
class BlockCount:
    """A tunnel or a layer."""

    function: str  # in NAME.c
    instructions: int  # its steps and its loops
    cycles: int | None
    macs: int
    steps: tuple[StepCount, ...]

    @property
    def loop_instructions(self) -> int:
        """Those of no step."""
        return self.instructions - sum(step.instructions for step in self.steps)

    @property
    def loop_cycles(self) -> int | None:
        """Those of no step."""
        inside = _sum(step.cycles for step in self.steps)
        return None if self.cycles is None or inside is None else self.cycles - inside


@dataclass(frozen=True, slots=True)
class KernelCount:
    """A file of kernels; the compiler's library functions are one of their own."""

    kernel: str  # NAME.c: the program itself
    instructions: int
    cycles: int | None


@dataclass(frozen=True, slots=True)
class Bench:
    """What `patchc bench` found, of one inference. `to_json` is bench.json."""

    patchc: str  # version
    name: str  # of the emitted C
    target: str
    board: str
    board_core: str  # that it has
    opt: str
    flags: tuple[str, ...]  # beyond those of the test image
    versions: Mapping[str, str]
    inputs: str  # "random, seed N"
    instructions: int  # from NAME_run's entry to its return, callbacks left out
    cycles: int | None  # that the core takes for them: an estimate (measure/cycles.py)
    part: Part  # that `cycles` were estimated for
    timing: str | None  # what `cycles` rests on
    macs: int  # executed
    bytes_different: int  # of the outputs, from the network in numpy
    stack_high_water_bytes: int
    static_bytes: int  # .data and .bss
    code_bytes: int
    weights_bytes: int  # those that the linker script places; 0: among the code
    kernels: tuple[KernelCount, ...]
    blocks: tuple[BlockCount, ...]

    def __repr__(self) -> str:
        """On one line: `blocks` and `kernels` have the rest."""
        return (
            f"Bench({self.name!r}, target={self.target!r}, instructions={self.instructions}, "
            f"cycles={self.cycles})"
        )

    @property
    def per_mac(self) -> float | None:
        """Instructions per multiply-accumulate; None where there is none."""
        return self.instructions / self.macs if self.macs else None

    @property
    def milliseconds(self) -> float | None:
        """Of an inference, by `cycles`; None where there are none, or no clock is given."""
        if self.cycles is None or not self.part.clock_mhz:
            return None
        return self.cycles / self.part.clock_mhz / 1000

    def to_json(self) -> str:
        """The text of bench.json."""
        derived = {"milliseconds": self.milliseconds}
        return json.dumps(asdict(self) | derived, indent=1) + "\n"


@dataclass(frozen=True, slots=True)
class Counted:
    """What blocks and steps are made from."""

    instructions: Sums
    cycles: Sums | None
    work: Mapping[str, Work]

    shares: Mapping[str, int]  # function -> blocks or steps that it computes

    def of(self, function: str) -> tuple[int, int | None]:
        """Instructions and cycles of a function of NAME.c; where it computes several blocks or
        steps, equal ones, an equal part for each."""
        share = self.shares[function]
        instructions = self.instructions.owners.get(function, 0) // share
        if self.cycles is None:
            return instructions, None
        return instructions, self.cycles.owners.get(function, 0) // share


def bench_out(
    out: Path,
    target: str | None = None,
    *,
    opt: str = "-O2",
    part: Part = _PART,
    flags: tuple[str, ...] = (),
    progress: Progress = silent,
) -> Bench:
    """Build OUT's test image for a core (None: the one that it was compiled for), run one case
    under QEMU and count; writes bench.json. flags: further ones of the compiler.

    The figures are the same every time. Raises PatchcError as `firmware.build` and `counting.count`
    do, and when `out` is not what `patchc compile` wrote.
    """
    out = Path(out).resolve()
    source = read_source(out)
    core = target or _compiled_for(out)
    timing = core_called(core).timing
    if timing is None and part != _PART:
        raise PatchcError(
            f"patchc bench knows no cycles of {core}, but counts its instructions: leave out clock "
            "and wait states"
        )
    progress("reading the plan")
    stages = run_stages(out / source.model, source.input_shapes, read_plan(out / PLAN))
    progress(f"building for {core}")
    ram = stages.placement.arena_bytes + _ROOM_BYTES
    all_flags = (*counting.FLAGS, *flags)
    image = build(
        out, core, ram_bytes=ram, stack_bytes=_STACK_BYTES, opt=opt, extra_flags=all_flags
    )
    progress("counting under QEMU")
    maps = random_maps(stages.graph, 1, SEED)
    found = counting.count(image, maps, lines=part.wait_states > 0)
    expected = run_graph(stages.graph, {name: values[0] for name, values in maps.items()})
    different = sum(
        int((values[0] != expected[name]).sum()) for name, values in found.run.outputs.items()
    )
    cycles = None
    if timing is not None:
        cycles = estimate(found, read_listing(image.elf), timing, part.wait_states)
    work = executed_work(stages.schedule)
    result = _bench(image, found, cycles, part, timing, work, opt, all_flags, different)
    (out / BENCH).write_text(result.to_json(), encoding="utf-8")
    return result


def _bench(
    image: Firmware,
    found: Counts,
    cycles: Sums | None,
    part: Part,
    timing: Timing | None,
    work: Mapping[str, Work],
    opt: str,
    flags: tuple[str, ...],
    different: int,
) -> Bench:
    blocks = image.interface.blocks
    steps = [step.function for block in blocks for step in block.steps]
    alone = [b.function for b in blocks if b.function not in {s.function for s in b.steps}]
    counted = Counted(found.instructions(), cycles, work, Counter((*steps, *alone)))
    return Bench(
        patchc=__version__,
        name=image.interface.name,
        target=image.core.name,
        board=image.board.name,
        board_core=image.board.core,
        opt=opt,
        flags=flags,
        versions={name: _version(name) for name in _tools(image)},
        inputs=f"random, seed {SEED}",
        instructions=counted.instructions.total,
        cycles=cycles.total if cycles else None,
        part=part,
        timing=timing.source if timing else None,
        macs=sum(node.macs for node in work.values()),
        bytes_different=different,
        stack_high_water_bytes=found.run.stack_high_water_bytes,
        static_bytes=image.static_bytes,
        code_bytes=image.code_bytes,
        weights_bytes=image.weights_bytes,
        kernels=tuple(
            KernelCount(
                _kernel(stem, image.interface.name), n, cycles.files[stem] if cycles else None
            )
            for stem, n in counted.instructions.files.items()
        ),
        blocks=tuple(_block(block, counted) for block in image.interface.blocks),
    )


def _block(block: BlockFunction, counted: Counted) -> BlockCount:
    steps = tuple(_step(step, counted) for step in block.steps)
    alone = block.function in {step.function for step in block.steps}
    own, cycles = (0, 0) if alone else counted.of(block.function)
    return BlockCount(
        function=block.function,
        instructions=own + sum(step.instructions for step in steps),
        cycles=_sum((cycles, *(step.cycles for step in steps))),
        macs=sum(step.macs for step in steps),
        steps=steps,
    )


def _sum(cycles: Iterable[int | None]) -> int | None:
    """None where one of them is."""
    total = 0
    for one in cycles:
        if one is None:
            return None
        total += one
    return total


def _step(step: StepFunction, counted: Counted) -> StepCount:
    macs = sum(counted.work[name].macs for name in step.nodes if name in counted.work)
    return StepCount(step.step, step.nodes, *counted.of(step.function), macs)


def _kernel(stem: str, name: str) -> str:
    """What a file of the network is called in the table."""
    return f"{name}.c" if stem == name else stem.removeprefix("patchc_")


def _compiled_for(out: Path) -> str:
    try:
        return json.loads((out / REPORT).read_text(encoding="utf-8"))["target"]
    except (OSError, ValueError, KeyError) as error:
        raise PatchcError(f"{out / REPORT} is missing or damaged: compile again") from error


def _tools(image: Firmware) -> tuple[str, str]:
    return image.core.toolchain.compiler, image.core.toolchain.qemu


def _version(name: str) -> str:
    return run_command([name, "--version"], _SECONDS).splitlines()[0]
