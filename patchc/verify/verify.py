"""verify: the emitted C, the schedule, the Graph and onnxruntime must agree to the byte."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from patchc.choices import DEFAULT_CASES, HOST, QEMU
from patchc.classes import Right, best_classes, right
from patchc.frontend.endings import Ending
from patchc.measure.measure import Measurement, measure, targets, write_measured
from patchc.outdir import VERIFY
from patchc.pipeline import Progress, Stages, silent
from patchc.planner.rounded import is_rounded
from patchc.programs import host
from patchc.reference import run_graph, run_schedule
from patchc.verify.cases import random_cases, read_cases
from patchc.verify.golden import Case, Golden, Maps, file_outputs, golden, graph_inputs
from patchc.verify.network import endings_in_c, load, load_stages, stacked, unstacked
from patchc.verify.probabilities import in_numpy
from patchc.verify.rounded import RoundedLayer, rounded_layers
from patchc.version import __version__

# numpy takes seconds per case of a large network, and its shadow memory more. onnxruntime sees
# every case, so a few are enough to show that the chain of equalities has no gap.
GRAPH_CASES = 4
SHADOW_CASES = 1


@dataclass(frozen=True, slots=True)
class First:
    """The first byte that differs."""

    tensor: str
    case: int
    index: tuple[int, int, int]  # row, column, channel
    found: int
    expected: int


@dataclass(frozen=True, slots=True)
class Equality:
    """Two things that must give the same bytes."""

    name: str
    cases: int
    bytes_compared: int
    bytes_different: int
    first: First | None


@dataclass(frozen=True, slots=True)
class Verification:
    """What `patchc verify` found. `to_dict` is verify.json."""

    on: str  # HOST or QEMU
    cases: int
    inputs: str  # "random, seed N", or the file's name
    sanitize: bool
    versions: dict[str, str]
    firmware: tuple[Measurement, ...]  # per core; none on the host
    equalities: tuple[Equality, ...]
    golden: Golden
    rounded: tuple[RoundedLayer, ...] = ()  # layers that CMSIS-NN rounds, from the same operands
    right: Right | None = None  # of the C, where there are labels

    def __repr__(self) -> str:
        """On one line: `to_dict` has the rest."""
        where = f"on={self.on!r}, cases={self.cases}, inputs={self.inputs!r}"
        return f"Verification(passed={self.passed}, {where}, {len(self.failures)} failures)"

    @property
    def failures(self) -> tuple[str, ...]:
        """One line per comparison that does not hold."""
        unequal = [
            f"{e.name}: {e.bytes_different} of {e.bytes_compared} bytes differ, first "
            f"{e.first.tensor} case {e.first.case} {list(e.first.index)}: "
            f"{e.first.found} instead of {e.first.expected}"
            for e in self.equalities
            if e.first
        ]
        return (*unequal, *self.golden.failures)

    @property
    def passed(self) -> bool:
        """Whether every comparison holds."""
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and dictionaries."""
        return {"passed": self.passed, "failures": list(self.failures)} | asdict(self)

    def to_json(self) -> str:
        """The text of verify.json."""
        return json.dumps(self.to_dict(), indent=1) + "\n"


@dataclass(frozen=True, slots=True)
class Inputs:
    """Which cases to verify with."""

    cases: int = DEFAULT_CASES
    seed: int = 0
    file: Path | None = None  # an .npz, instead of random cases
    labels: tuple[int, ...] | None = None  # the class of each case

    @property
    def words(self) -> str:
        """For verify.json."""
        return self.file.name if self.file else f"random, seed {self.seed}"


def verify_out(
    out: Path, inputs: Inputs, *, sanitize: bool = False, progress: Progress = silent
) -> Verification:
    """Build OUT's C, run it, compare, and write OUT/verify.json. Raises PatchcError when OUT, the
    inputs or the build are at fault; a mismatch is in the result."""
    network = load(out, sanitize=sanitize, progress=progress)
    cases = _cases(network.stages, inputs)
    maps = graph_inputs(network.stages.imported, cases)
    progress("running the C")
    outputs, made = network.run_all(maps)
    found = Verification(
        on=HOST,
        cases=len(cases),
        inputs=inputs.words,
        sanitize=sanitize,
        versions=_versions(_compiler_version("sanitize" if sanitize else "release")),
        firmware=(),
        equalities=(
            *_equalities(network.stages, maps, outputs, progress),
            *_probabilities(network.endings, outputs, made),
        ),
        golden=_golden(network.stages, cases, outputs, progress),
        rounded=rounded_layers(network.stages.graph, maps[:GRAPH_CASES]),
        right=_right(network.stages, outputs, inputs),
    )
    (out / VERIFY).write_text(found.to_json(), encoding="utf-8")
    return found


def verify_firmware(
    out: Path, inputs: Inputs, *, cores: tuple[str, ...] = (), progress: Progress = silent
) -> Verification:
    """The same with the C built for `cores` (none: the report's target) and run under QEMU. What
    is measured there goes into OUT/report.json, if all comparisons hold."""
    stages = load_stages(out, progress)
    cases = _cases(stages, inputs)
    maps = graph_inputs(stages.imported, cases)
    runs = [measure(out, name, stacked(maps), progress) for name in targets(out, cores)]
    figures = tuple(measurement for measurement, _ in runs)
    outputs = [unstacked(run.outputs) for _, run in runs]
    others = [
        compare_bytes(
            f"C on {one.core} = C on {figures[0].core}", stages.graph.outputs, found, outputs[0]
        )
        for one, found in zip(figures[1:], outputs[1:], strict=True)
    ]
    behind = endings_in_c(out, stages)
    for (one, run), found in zip(runs, outputs, strict=True):
        made = unstacked(run.probabilities) if behind else ()
        others += _probabilities(behind, found, made, f"C on {one.core}")
    verification = Verification(
        on=QEMU,
        cases=len(cases),
        inputs=inputs.words,
        sanitize=False,
        versions=_versions(figures[0].compiler) | {"qemu": figures[0].qemu},
        firmware=figures,
        equalities=(*_equalities(stages, maps, outputs[0], progress), *others),
        golden=_golden(stages, cases, outputs[0], progress),
        rounded=rounded_layers(stages.graph, maps[:GRAPH_CASES]),
        right=_right(stages, outputs[0], inputs),
    )
    (out / VERIFY).write_text(verification.to_json(), encoding="utf-8")
    if verification.passed:
        for one in figures:
            write_measured(out, one)
    return verification


def _cases(stages: Stages, inputs: Inputs) -> Sequence[Case]:
    if inputs.file:
        return read_cases(stages.imported, inputs.file)
    return random_cases(stages.imported, inputs.cases, inputs.seed)


def _right(stages: Stages, outputs: Sequence[Maps], inputs: Inputs) -> Right | None:
    """Of the C, by the file's first output. Raises PatchcError."""
    if inputs.labels is None:
        return None
    name = stages.imported.onnx_model.graph.output[0].name
    found = file_outputs(stages.imported, outputs)
    return right([best_classes(values[name]) for values in found], inputs.labels)


def _versions(compiler: str) -> dict[str, str]:
    return {
        "patchc": __version__,
        "onnxruntime": onnxruntime.__version__,
        "numpy": np.__version__,
        "compiler": compiler,
    }


def _golden(
    stages: Stages, cases: Sequence[Case], outputs: Sequence[Maps], progress: Progress
) -> Golden:
    progress("comparing with onnxruntime")
    return golden(stages.imported, cases, outputs, is_rounded(stages.graph))


def _equalities(
    stages: Stages, inputs: Sequence[Maps], outputs: Sequence[Maps], progress: Progress
) -> tuple[Equality, ...]:
    progress("running the graph in numpy")
    graph = [run_graph(stages.graph, maps) for maps in inputs[:GRAPH_CASES]]
    progress("running the schedule over shadow memory")
    schedule = [
        run_schedule(stages.schedule, stages.placement, maps) for maps in inputs[:SHADOW_CASES]
    ]
    names = stages.graph.outputs
    return (
        compare_bytes("C = graph in numpy", names, outputs, graph),
        compare_bytes("schedule over shadow memory = graph in numpy", names, schedule, graph),
    )


def _probabilities(
    endings: Sequence[Ending], outputs: Sequence[Maps], made: Sequence[Maps], where: str = "C"
) -> tuple[Equality, ...]:
    """What the C makes of its outputs, with `--tail c`."""
    if not endings:
        return ()
    expected = [in_numpy(endings, maps) for maps in outputs]
    found = [_in_pixels(*pair) for pair in zip(made, outputs, strict=True)]
    wanted = [_in_pixels(*pair) for pair in zip(expected, outputs, strict=True)]
    tensors = [one.tensor for one in endings]
    return (compare_bytes(f"probabilities of the {where} = in numpy", tensors, found, wanted),)


def _in_pixels(made: Maps, maps: Maps) -> dict[str, np.ndarray]:
    """Bytes of probabilities, by the pixels that they are of."""
    return {
        name: np.ascontiguousarray(values).view(np.uint8).reshape(*maps[name].shape[:2], -1)
        for name, values in made.items()
    }


def compare_bytes(
    name: str, tensors: Sequence[str], found: Sequence[Maps], expected: Sequence[Maps]
) -> Equality:
    """`found` against `expected`, over the cases that both have."""
    compared = different = 0
    first = None
    cases = min(len(found), len(expected))
    for case in range(cases):
        for tensor in tensors:
            ours, theirs = found[case][tensor], expected[case][tensor]
            wrong = np.argwhere(ours != theirs)
            compared += theirs.size
            different += len(wrong)
            if len(wrong) and first is None:
                row, col, channel = (int(index) for index in wrong[0])
                at = (row, col, channel)
                first = First(tensor, case, at, int(ours[at]), int(theirs[at]))
    return Equality(name, cases, compared, different, first)


def _compiler_version(flavour: str) -> str:
    """The first line of what the C compiler says about itself."""
    compiler = host.compiler(host.FLAVOURS[flavour])
    done = subprocess.run(
        [*compiler.split(), "--version"], capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines()[0] if done.stdout else compiler
