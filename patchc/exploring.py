"""`patchc.explore`: the frontier of RAM against work, and the plan that is picked from it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from patchc.arguments import PathLike, Shapes, as_onnx, blaming, place_of, reserve_for
from patchc.budget import parse_budget
from patchc.choices import InputMode, OutputMode, member
from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.frontend.model import ImportedModel
from patchc.ir import Graph, macs
from patchc.kernel_options import KernelOptions, kernel_choice
from patchc.passes import run_passes
from patchc.pipeline import Progress, Stages, silent
from patchc.plan.json import to_json as plan_to_json
from patchc.planner.again import AgainChooser
from patchc.planner.branched import planned_branches
from patchc.planner.choose import Choice, layer_by_layer
from patchc.planner.kinds import reserve_of
from patchc.preference import DEFAULT
from patchc.quantize.stand_in import stand_in
from patchc.report.exploration import CYCLES, MACS, Exploration, frontier_points
from patchc.report.page.frontier import exploration_html, exploration_svg
from patchc.targets.cores import DEFAULT_CORE, core
from patchc.ways import Asked, missed

_ANY_KERNELS = KernelOptions()


def explore(
    model: PathLike,
    output: PathLike | None = None,
    *,
    html: PathLike | None = None,
    svg: PathLike | None = None,
    csv: PathLike | None = None,
    pick: str | int | None = None,
    plan: PathLike | None = None,
    target: str = DEFAULT_CORE,
    input_mode: str = InputMode.TILES.value,
    output_mode: str = OutputMode.ARENA.value,
    reserve: str | int | None = None,
    kernels: KernelOptions = _ANY_KERNELS,
    clock_mhz: float | None = None,
    input_shapes: Shapes | None = None,
    cut: Sequence[str] = (),
    progress: Progress = silent,
) -> Exploration:
    """The whole frontier of RAM against work of `model`: every plan of the search that no other one
    beats in both, and the plan layer by layer.

    model: an ONNX or TensorFlow Lite file. One that is float is quantised with noise for this: RAM
        and time do not depend on weights.
    output: a file for the JSON form; `html`, `svg` and `csv`: files for a page, its picture, and a
        line per plan.
    pick: a budget, as for `compile`; the plan that `compile` would choose for it, of those on the
        frontier, is written to the file `plan`, for `compile(plan=...)`.
    clock_mhz: of the core, for milliseconds; None: the fastest of a part.

    Each point can be had by `compile(budget=point.total_bytes)`. Raises PatchcError; BudgetError
    where nothing fits what is picked.
    """
    path, mode = Path(model), member(InputMode, input_mode, "--input")
    place = place_of(target, pick)
    target = place.core
    outputs = member(OutputMode, output_mode, "--outputs")
    kept, machine = reserve_for(target, reserve), kernel_choice(kernels).machine(core(target))
    limit = None if pick is None else parse_budget(pick)
    if (pick is None) != (plan is None):
        raise PatchcError("a plan that is picked needs a file to be written to, and the other way")
    check_clock(clock_mhz, target)
    clock_mhz = place.clock_mhz(clock_mhz)
    progress("reading the model")
    read = planned_model(path, input_shapes, cut)
    graph = read.graph
    progress("searching every budget")
    plain = sum(macs(graph, node) for node in graph.nodes)
    choices = AgainChooser(graph, mode, outputs, machine).explore(kept)
    whole = layer_by_layer(graph, mode, kept, outputs, machine)
    if limit is not None and plan is not None:
        chosen = picked((whole, *choices), limit)
        if chosen.total_bytes > limit:
            asked = Asked(
                *(read.imported, graph, mode, outputs, limit, kept, machine, read.cut),
                budget_words=place.budget_words,
            )
            raise missed(asked, chosen.schedule, chosen.placement, chosen.reserve_bytes, progress)
        write(Path(plan), plan_to_json(chosen.plan))
    (first,) = frontier_points([whole], plain)
    found = Exploration(
        model=path.name,
        target=target,
        input_mode=mode.value,
        output_mode=outputs.value,
        macs=plain,
        unit=MACS if core(target).cost_table is None else CYCLES,
        layer_by_layer=first,
        points=frontier_points(choices, plain),
        clock_mhz=clock_mhz,
        notes=(*read.notes, *place.notes),
    )
    for output_file, text in (
        (output, Exploration.to_json),
        (csv, Exploration.to_csv),
        (html, exploration_html),
        (svg, exploration_svg),
    ):
        if output_file is not None:
            write(Path(output_file), text(found))
    return found


@dataclass(frozen=True)
class PlannedModel:
    """What is planned of a file."""

    imported: ImportedModel  # of a float file, of its stand-in
    cut: tuple[str, ...]  # nodes of it that are left to the host
    notes: tuple[str, ...]  # of how the file was read

    @property
    def graph(self) -> Graph:
        """After all passes."""
        return run_passes(self.imported.graph)


def planned_model(
    path: Path, input_shapes: Shapes | None = None, cut: Sequence[str] = ()
) -> PlannedModel:
    """Read a file, quantised or float. Raises PatchcError."""
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="patchc-") as folder:
        file = as_onnx(path, Path(folder), notes)
        file, cut, more = stand_in(file, Path(folder), input_shapes, cut)
        with blaming(file, path):
            imported = import_model(file, input_shapes, cut)
    return PlannedModel(imported, tuple(cut), (*notes, *more))


def picked(choices: Sequence[Choice], limit: int) -> Choice:
    """Of plans that are placed, the one of least total among those that cost no more than the
    cheapest of at most `limit` bytes and the default slack; where none fits, the one of least
    total."""
    fitting = [one for one in choices if one.total_bytes <= limit]
    if not fitting:
        return min(choices, key=lambda one: one.total_bytes)
    most = min(one.cost for one in fitting) * (1 + (DEFAULT.slack or 0.0))
    lean = [one for one in fitting if one.cost <= most]
    return min(lean, key=lambda one: (one.total_bytes, one.cost))


@dataclass(frozen=True, slots=True)
class Smaller:
    """What a budget below that of a plan would cost."""

    budget_bytes: int
    more: float | None  # than the plan: 0.1 is a tenth more; None: no plan is so small

    def words(self, unit: str) -> str:
        if self.more is None:
            return f"{self.budget_bytes:,} B: no plan is so small"
        return f"{self.budget_bytes:,} B: about {self.more:+.0%} {unit}"


def smaller(
    stages: Stages, target: str = DEFAULT_CORE, reserve: str | int | None = None
) -> tuple[Smaller, ...]:
    """What half the RAM of a plan that was searched, and the next smaller power of two, would cost.
    Empty where that is not known: the plan was given, or runs independent branches."""
    cost, plan, chooser = stages.cost, stages.plan, stages.chooser
    if not cost or chooser is None or planned_branches(stages.network, plan.input_mode) is not None:
        return ()
    kept = reserve_for(target, reserve)
    total = stages.placement.arena_bytes + reserve_of(kept, stages.graph, plan)
    limits = sorted({total // 2, 1 << (total - 1).bit_length() - 1}, reverse=True)
    costs = chooser.priced(limits, kept)
    return tuple(
        Smaller(limit, None if found is None else found / cost - 1)
        for limit, found in zip(limits, costs, strict=True)
    )


def check_clock(clock_mhz: float | None, target: str) -> None:
    """Raises PatchcError for a clock that is none, and where a core has no cycles."""
    if clock_mhz is None:
        return
    if not 0 < clock_mhz < float("inf"):
        raise PatchcError(f"a clock of {clock_mhz} MHz: more than 0 expected")
    if core(target).cost_table is None:
        raise PatchcError(f"--clock: plans for {target} are priced in MACs, not in cycles")


def write(file: Path, text: str) -> None:
    """Raises PatchcError."""
    try:
        file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise PatchcError(f"{file}: cannot be written: {error.strerror}") from error
