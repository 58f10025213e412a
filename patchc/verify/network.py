"""OUT as something that runs: its model imported again, its C built for this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from patchc.outdir import MODEL, PLAN, read_source
from patchc.pipeline import Progress, Stages, read_plan, run_stages, silent
from patchc.verify.golden import Case, Maps, file_outputs, graph_inputs
from patchc.verify.host import HostProgram, build


@dataclass(frozen=True)
class Network:
    """A compiled network."""

    out: Path
    stages: Stages
    program: HostProgram

    def run_c(self, inputs: Sequence[Maps]) -> list[dict[str, np.ndarray]]:
        """The emitted C: Graph inputs -> Graph outputs, int8 (h, w, c) by tensor, per case."""
        stacked = {
            name: np.stack([maps[name] for maps in inputs]) for name in self.stages.graph.inputs
        }
        found = self.program.run(stacked)
        return [{name: maps[case] for name, maps in found.items()} for case in range(len(inputs))]

    def run(self, cases: Sequence[Case]) -> list[Mapping[str, np.ndarray]]:
        """The ONNX file's inputs -> its outputs, through the emitted C, per case."""
        imported = self.stages.imported
        outputs = self.run_c(graph_inputs(imported, cases))
        return list(file_outputs(imported, outputs))


def load(out: Path, *, sanitize: bool = False, progress: Progress = silent) -> Network:
    """Raises PatchcError when `out` is not what `patchc compile` wrote, or does not build."""
    source = read_source(out)
    stages = run_stages(out / MODEL, source.input_shapes, read_plan(out / PLAN), progress=progress)
    progress("building the C")
    return Network(out, stages, build(out, "sanitize" if sanitize else "release"))
