"""OUT as something that runs: its model imported again, its C built for this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from patchc.choices import Numerics, TailMode
from patchc.frontend.endings import Ending, endings
from patchc.outdir import PLAN, read_source
from patchc.pipeline import Progress, Stages, read_plan, run_stages, silent
from patchc.planner.kernel_choice import registry_of, rounding_of
from patchc.planner.machine import ANY_CORE
from patchc.programs.host import HostProgram, build
from patchc.verify.golden import Case, Maps, file_outputs, graph_inputs
from patchc.verify.probabilities import with_probabilities


@dataclass(frozen=True)
class Network:
    """A compiled network."""

    out: Path
    stages: Stages
    program: HostProgram
    endings: tuple[Ending, ...] = ()  # Softmax and Sigmoid that the C has functions for

    def run_c(self, inputs: Sequence[Maps]) -> list[dict[str, np.ndarray]]:
        """The emitted C: Graph inputs -> Graph outputs, int8 (h, w, c) by tensor, per case."""
        return unstacked(self.program.run(stacked(inputs)))

    def run_all(
        self, inputs: Sequence[Maps]
    ) -> tuple[list[dict[str, np.ndarray]], list[dict[str, np.ndarray]]]:
        """The same, and what the C makes of them: uint32 (values,) by tensor, per case."""
        outputs, made = self.program.run_with_probabilities(stacked(inputs))
        return unstacked(outputs), unstacked(made) if made else [{} for _ in inputs]

    def run(self, cases: Sequence[Case]) -> list[Mapping[str, np.ndarray]]:
        """The ONNX file's inputs -> its outputs, through the emitted C, per case."""
        imported = self.stages.imported
        maps, made = self.run_all(graph_inputs(imported, cases))
        outputs = file_outputs(imported, maps)
        return [
            with_probabilities(imported, self.endings, *pair)
            for pair in zip(made, outputs, strict=True)
        ]


def stacked(cases: Sequence[Maps]) -> dict[str, np.ndarray]:
    """Maps per case -> (cases, h, w, c) by tensor."""
    return {name: np.stack([maps[name] for maps in cases]) for name in cases[0]}


def unstacked(arrays: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """The inverse of `stacked`."""
    cases = len(next(iter(arrays.values())))
    return [{name: maps[case] for name, maps in arrays.items()} for case in range(cases)]


def load_stages(out: Path, progress: Progress = silent) -> Stages:
    """Raises PatchcError when `out` is not what `patchc compile` wrote."""
    source = read_source(out)
    plan, numerics = read_plan(out / PLAN), Numerics(source.numerics)
    machine = replace(ANY_CORE, registry=registry_of(numerics), rounding=rounding_of(numerics))
    return run_stages(
        out / source.model,
        source.input_shapes,
        plan,
        progress=progress,
        machine=machine,
        cut=source.cut,
    )


def load(out: Path, *, sanitize: bool = False, progress: Progress = silent) -> Network:
    """Raises PatchcError when `out` is not what `patchc compile` wrote, or does not build."""
    stages = load_stages(out, progress)
    progress("building the C")
    program = build(out, "sanitize" if sanitize else "release")
    return Network(out, stages, program, endings_in_c(out, stages))


def endings_in_c(out: Path, stages: Stages) -> tuple[Ending, ...]:
    """Softmax and Sigmoid that the C in `out` has functions for."""
    in_c = read_source(out).tail == TailMode.C.value
    return endings(stages.imported) if in_c else ()
