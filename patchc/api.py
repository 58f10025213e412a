"""Everything that the commands do, as Python calls.

    import patchc

    result = patchc.compile("model.onnx", "out", budget="64k")
    print(result.report.ram.total_bytes)
    assert patchc.verify("out").passed
    outputs = patchc.run("out", {"image": pixels})

All of them raise `patchc.PatchcError` for what is wrong with a model, a file or an option.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
from onnx import helper

from patchc.align.align import align_model
from patchc.align.result import Aligned, refuse_unproved
from patchc.arguments import (
    PathLike,
    Shapes,
    as_onnx,
    blaming,
    place_of,
    project_for,
    reserve_for,
)
from patchc.choices import (
    DEFAULT_CASES,
    HOST,
    QEMU,
    InputMode,
    Merge,
    OutputMode,
    RuntimeMode,
    TailMode,
    Weights,
    WeightsMode,
    member,
)
from patchc.codegen import EmitOptions, emit
from patchc.codegen.names import file_stem
from patchc.codegen.options import Tail
from patchc.errors import PatchcError
from patchc.exploring import check_clock
from patchc.exploring import explore as explore
from patchc.fitting import fits as fits
from patchc.fitting import fits_all as fits_all
from patchc.frontend import cut_before, find_unsupported, import_model, not_in_the_c
from patchc.frontend.endings import Ending, endings
from patchc.frontend.load import load as read_model
from patchc.frontend.model import ImportedModel
from patchc.frontend.names import file_names
from patchc.frontend.orders import vectors
from patchc.independent.patches import parse_grid
from patchc.independent.rewrite import Tunnelled, TunnelOptions, rewrite
from patchc.ir import format_graph
from patchc.ir import verify as verify_graph
from patchc.kernel_options import KernelOptions, kernel_choice
from patchc.measure.bench import Bench, Part, bench_out
from patchc.outdir import (
    CERTIFICATE,
    PAGE,
    PLAN,
    REPORT,
    SOURCE,
    Source,
    check_writable,
    read_kept_model,
    replacing,
    write_files,
)
from patchc.passes import PASSES
from patchc.pipeline import (
    Progress,
    Stages,
    check_shadow_memory,
    cut_in_slices,
    read_plan,
    run_stages,
    silent,
)
from patchc.pixels import pixel_table
from patchc.plan.json import to_json as plan_to_json
from patchc.plan.printer import format_plan
from patchc.plan.types import Plan
from patchc.planner.kinds import reserve_of
from patchc.planner.machine import Machine, machine_of
from patchc.planner.slices import piece_prices
from patchc.preference import wanted
from patchc.products import command_line, golden_vectors, identifier, make_report
from patchc.quantize.calibration import Calibration
from patchc.quantize.images import load_image
from patchc.quantize.options import QuantizeOptions
from patchc.quantize.quantize import quantize as quantize_model
from patchc.quantize.stand_in import stand_in
from patchc.report import Report
from patchc.report.certificate import certificate
from patchc.report.inspection import Inspection, Rest, inspect_layers
from patchc.report.page.build import build_page
from patchc.report.page.read import read_out
from patchc.report.page.render import render_page
from patchc.schedule.printer import format_schedule
from patchc.targets.cores import DEFAULT_CORE, core
from patchc.targets.reserve import Reserve
from patchc.verify.cases import check_case, read_case
from patchc.verify.change import Change, changed
from patchc.verify.golden import Case
from patchc.verify.network import load
from patchc.verify.probabilities import check_endings
from patchc.verify.verify import Inputs, Verification, verify_firmware, verify_out
from patchc.version import __version__
from patchc.ways import Asked, missed

# Up to this much work every compilation is run over shadow memory. It takes a second or two; with
# as many pieces (a step in one tick of one stripe, at most) ten, however few their pixels.
SHADOW_MACS = 60_000_000
SHADOW_PIECES = 20_000
_ANY_KERNELS = KernelOptions()

PLANNED = ("plan", "schedule")  # what `dump` prints of a network with a plan


@dataclass(frozen=True)
class CompileResult:
    """What `compile` made: the folder, the report, and every stage in between."""

    output: Path
    report: Report
    stages: Stages

    def __repr__(self) -> str:
        """On one line: the report has the rest."""
        ram, cost = self.report.ram, self.report.cost
        return (
            f"CompileResult({str(self.output)!r}, total_bytes={ram.total_bytes}, "
            f"layerwise_bytes={ram.layerwise_bytes}, macs_overhead={cost.macs_overhead:.3f})"
        )

    @property
    def search_gap(self) -> int | None:
        """What the plan costs above the bound that the search proves for this budget, in what the
        target counts: its instructions where it has a cost table, else multiply-accumulates. None
        where the plan was given."""
        cost, bound = self.stages.cost, self.stages.cost_bound
        return None if cost is None or bound is None else cost - bound


def compile(
    model: PathLike,
    output: PathLike,
    *,
    budget: str | int | None = None,
    prefer: str | None = None,
    target: str = DEFAULT_CORE,
    input_mode: str | None = None,
    output_mode: str | None = None,
    reserve: str | int | None = None,
    weights: str = WeightsMode.INLINE.value,
    runtime: str = RuntimeMode.PRIVATE.value,
    name: str | None = None,
    input_shapes: Shapes | None = None,
    plan: Plan | PathLike | None = None,
    cut: Sequence[str] = (),
    calibration: Calibration | None = None,
    quantization: QuantizeOptions | None = None,
    kernels: KernelOptions = _ANY_KERNELS,
    step: bool = False,
    tail: str = TailMode.HOST.value,
    project: str | None = None,
    clock_mhz: float | None = None,
    check: bool = False,
    progress: Progress = silent,
) -> CompileResult:
    """Write C99 that computes `model` into the folder `output`, within `budget` bytes of RAM.

    model: an ONNX file, quantised, or float with `calibration`; or a TensorFlow Lite file, where
        tf2onnx is installed.
    budget: bytes, or text such as "64k" (65536) or "63kB" (63000), for arena, statics and stack
        together; None: no limit; "least" for the plan of least RAM.
    prefer: of the plans that fit: "speed", "ram", a percentage such as "1%" (the default) for the
        least RAM at that much more time than the fastest, or "layers" for layer by layer.
    target: a core, see `patchc.targets.cores.CORES`, or a part, see `patchc.targets.parts.PARTS`,
        whose RAM is the budget then, unless there is another or a plan.
    input_mode: where the image is: "tiles" (the default), "stream", "extern" or "resident".
    output_mode: where outputs go that are maps: "arena" (the default), "rows" for a callback that
        is handed their rows as they are made, or "raster" for whole rows in their order.
    reserve: bytes that stand for stack and statics; None: the target's default.
    weights: "inline", or "extern" for NAME_weights.bin behind a pointer that the caller gives.
    runtime: "private", so that networks link with each other as they are, or "shared" for one copy
        of the kernels in a program of several networks.
    name: the prefix of files and functions; None: made from the model's file name. A name that a
        system's header has, such as "string", gets "net_" in front, with a note in the report.
    input_shapes: ONNX input -> dimensions, where the file leaves them open.
    plan: an earlier plan.json to repeat.
    cut: nodes that are left to the host, with all that depends on them.
    calibration: quantise a float model first; see `quantize`, whose options are `quantization`.
    kernels: whose there may be, and where CMSIS-NN is; by default all, where CMSIS-NN is at hand.
    step: with NAME_step, which runs an inference in slices; long layers are cut by rows for it.
    tail: "host" leaves a Softmax or Sigmoid behind the last integers to whoever reads the outputs;
        with "c" the C has it, too, in integers: NAME_probabilities.
    project: lay the folder out for the tools of an ecosystem, too: "cmake", "arduino",
        "platformio", "zephyr", "esp-idf", "stm32cube" or "cmsis-pack".
    clock_mhz: of the core, for an estimate in milliseconds; None: the fastest of a part.
    check: run the schedule byte by byte in numpy, over shadow memory, however large the network;
        small ones always are.
    progress: called with a few words before each stage.

    `output` must be new, empty, or written by patchc before; it is replaced as a whole, and only
    when everything has succeeded. Raises PatchcError; BudgetError when the budget cannot be met.
    """
    source, out = Path(model), Path(output)
    place = place_of(target, budget)
    target, budget = place.core, place.budget if plan is None else budget
    kept, asked = reserve_for(target, reserve), wanted(budget, prefer)
    limit = asked.budget
    ecosystem, kernels = project_for(project, target, kernels)
    choice = kernel_choice(kernels)
    machine = choice.machine(core(target))
    chosen_plan, outputs = _plan_or_modes(plan, input_mode, output_mode)
    options = EmitOptions(
        name=identifier(source.stem) if name is None else file_stem(name),
        patchc_version=__version__,
        model_file=source.name,
        model_sha256="",
        command_line="",
        target=target,
        stack_bytes=0,  # until there is a plan
        weights=member(WeightsMode, weights, "--weights"),
        runtime=member(RuntimeMode, runtime, "--runtime"),
        project=ecosystem,
        cmsis_nn=choice.library,
        cmsis_nn_mode=choice.mode,
        cmsis_nn_rounding=choice.numerics.rounding,
    )
    tail_mode, left_out = member(TailMode, tail, "--tail"), tuple(cut)
    check_writable(out)
    check_clock(clock_mhz, target)
    clock_mhz = place.clock_mhz(clock_mhz)
    if quantization is not None and calibration is None:
        raise PatchcError("quantising options need --calibration")
    notes: list[str] = []
    if name is not None and options.name != name:
        notes.append(f"{name}.h is a system's header: files and functions are {options.name}")
    with tempfile.TemporaryDirectory(prefix="patchc-") as folder:
        file = as_onnx(source, Path(folder), notes)
        if calibration is not None:
            given, file = file, Path(folder, f"int8-{file.name}" if file != source else source.name)
            quantize(
                given,
                file,
                calibration=calibration,
                options=replace(quantization or QuantizeOptions(), cut=tuple(cut)),
                input_shapes=input_shapes,
                progress=progress,
                noted=notes.append,
            )
            cut = ()  # what stayed float is outside the Graph
        with blaming(file, source if file == source else f"{source}, quantised"):
            stages = run_stages(
                file,
                input_shapes,
                chosen_plan,
                asked.limit,
                progress,
                kept,
                outputs,
                machine,
                cut,
                asked.slack,
            )
        kept_model = read_kept_model(file)
    if step:
        stages = cut_in_slices(stages, machine)
    tails = _endings(stages.imported, left_out) if tail_mode is TailMode.C else ()
    reserve_bytes = reserve_of(kept, stages.graph, stages.plan)
    options = replace(
        options,
        stack_bytes=reserve_bytes,
        tails=tuple(Tail(one.tensor, one.output, one.probabilities) for one in tails),
    )
    _check_budget(stages, limit, kept, machine, cut, progress, place.budget_words)
    report = make_report(stages, options, limit, choice, clock_mhz, place.part, tails)
    notes += (*place.notes, *place.too_much(report.flash.weights_bytes))
    made = not_in_the_c(one.node for one in tails)  # a cut in front of what the C makes after all
    notes += (note for note in report.notes if note != made)
    report = replace(report, notes=tuple(notes))
    pieces = sum(block.stripes * block.ticks * len(block.steps) for block in stages.schedule.blocks)
    if check or (report.cost.macs_executed <= SHADOW_MACS and pieces <= SHADOW_PIECES):
        progress("running the schedule over shadow memory")
        check_shadow_memory(stages)
    progress("writing C")
    files = emit(
        stages.schedule,
        stages.placement,
        replace(
            options,
            model_sha256=stages.imported.sha256,
            command_line=command_line(options, budget, prefer, stages.plan, choice, step),
            golden=golden_vectors(stages),
            names=file_names(stages.imported),
            pixels=pixel_table(stages.imported),
            vectors=vectors(stages.imported) | {one.tensor: one.is_vector for one in tails},
            pieces=piece_prices(stages.schedule, machine.cost) if step else None,
            report=report.to_dict(),
        ),
    )
    files[PLAN] = plan_to_json(stages.plan)
    files[CERTIFICATE] = certificate(
        stages.schedule,
        stages.placement,
        options.name,
        options.weights,
        {name: files[name] for name in files if name.endswith((".c", ".h", ".inc", ".json"))},
        stages.imported.sha256,
    )
    files[REPORT] = report.to_json()
    files[PAGE] = render_page(build_page(report))
    kept_file, model_files = kept_model.beside([*files, SOURCE])
    files |= model_files
    files[SOURCE] = Source(
        options.name,
        dict(input_shapes or {}),
        choice.numerics.value,
        tuple(cut),
        kept_file,
        tail_mode.value,
    ).to_json()
    with replacing(out) as folder:
        write_files(folder, files)
    return CompileResult(out, report, stages)


def _endings(imported: ImportedModel, cut: Sequence[str]) -> tuple[Ending, ...]:
    """What `--tail c` puts into the C. Raises PatchcError where there is nothing, and where `cut`
    wants it elsewhere."""
    found = endings(imported)
    for one in found:
        for name in cut:
            if name == one.output or one.node.startswith(f"{name} ("):
                raise PatchcError(
                    f"--cut leaves {name!r} to the host, --tail c puts it into the C: leave one of "
                    "them out"
                )
    check_endings(imported, found)
    return found


def quantize(
    model: PathLike,
    output: PathLike,
    *,
    calibration: Calibration,
    options: QuantizeOptions | None = None,
    input_shapes: Shapes | None = None,
    progress: Progress = silent,
    noted: Progress = silent,
) -> Path:
    """Write the quantised form of a float ONNX file to `output`, and return that path.

    calibration: a folder of pictures, an .npz of samples by input name, stacked along the first
    axis, or a mapping of that. options: format, type of activations, method, preparation of
    pictures. noted: called with what there is to know of how the model was read. The same input
    gives the same bytes. Raises PatchcError.
    """
    progress("quantising")
    notes = quantize_model(model, output, calibration, options or QuantizeOptions(), input_shapes)
    for note in notes:
        noted(note)
    return Path(output)


def tunnel(
    model: PathLike,
    output: PathLike,
    *,
    grid: str,
    center: bool = False,
    overlap: int = 0,
    until: str | Sequence[str] = (),
    start: str | None = None,
    merge: str = Merge.MEAN.value,
    weights: str = Weights.SHARED.value,
    input_shapes: Shapes | None = None,
) -> Tunnelled:
    """Write to `output` the float or QDQ network `model` with the image cut into patches that
    ignore each other (independent tunnels). Its answers change: it is meant to be trained so.

    grid: rows x columns of patches, e.g. "2x2". center: one more, as large, in the middle.
    overlap: pixels that neighbours share. until: the last nodes of the patches' path, or their
        tensors; by default what the last layer reads, with merge="tile" the maps that the outputs
        are made of. start: the node or tensor that is cut; by default the image.
    merge: "mean", "max" or "sum" of the patches' results, "concat" for all of them side by side,
        for which the layer behind is widened, "tile" for one map again.
    weights: "shared", or "separate" for copies of them, to be trained.

    Says what was cut and merged. Raises PatchcError, and writes nothing then.
    """
    chosen = TunnelOptions(
        grid=parse_grid(grid, overlap, center),
        until=(until,) if isinstance(until, str) else tuple(until),
        start=start,
        merge=member(Merge, merge, "--merge"),
        weights=member(Weights, weights, "--weights"),
    )
    found = rewrite(Path(model), chosen, input_shapes)
    try:
        Path(output).write_bytes(found.model.SerializeToString(deterministic=True))
    except OSError as error:
        raise PatchcError(f"{output}: cannot be written: {error.strerror}") from error
    return found


def align(
    model: PathLike,
    output: PathLike,
    *,
    input_shapes: Shapes | None = None,
    inputs: PathLike | None = None,
    labels: Sequence[int] | None = None,
) -> tuple[Aligned, Change]:
    """Write to `output` the quantised network `model` with weight scales, each nudged by 1e-4 at
    most, with which CMSIS-NN (single rounding) computes every convolution and dense layer as
    onnxruntime does, and patchc's kernels in the cheapest form where there is one.

    inputs: an .npz as for `verify`, whose cases both files are compared on; by default random ones.
    labels: the class of each case, for top-1.

    Says what was done, and what it changes of the outputs. Raises PatchcError, naming layer and
    channels, where something cannot be proved, and writes nothing then.
    """
    found = align_model(Path(model), input_shapes)
    refuse_unproved(found, Path(model).name)
    change = changed(found, None if inputs is None else Path(inputs), labels)
    try:
        Path(output).write_bytes(found.model.SerializeToString(deterministic=True))
    except OSError as error:
        raise PatchcError(f"{output}: cannot be written: {error.strerror}") from error
    return found, change


def verify(
    output: PathLike,
    *,
    on: str = HOST,
    target: str | Sequence[str] = (),
    cases: int = DEFAULT_CASES,
    seed: int = 0,
    inputs: PathLike | None = None,
    labels: Sequence[int] | None = None,
    sanitize: bool = False,
    progress: Progress = silent,
) -> Verification:
    """Build the C in `output`, run it and compare it with the schedule, the Graph in numpy and
    onnxruntime; writes verify.json there.

    on: where the C runs: "host" is this machine, "qemu" a board that QEMU plays, where RAM, stack
        and code are measured, too, and go into report.json.
    target: for "qemu", a core or several, or "all"; by default the one it was compiled for.
    cases: random cases made from `seed`; `inputs`, an .npz with the names of the ONNX file and one
        more first axis for the cases, takes their place; `labels` is the class of each, for the
        C's top-1 and top-5.
    sanitize: build with the address and undefined-behaviour sanitizers.

    A mismatch is in the result (`passed`, `failures`), not an error. Raises PatchcError.
    """
    cores = (target,) if isinstance(target, str) else tuple(target)
    if on not in (HOST, QEMU):
        raise PatchcError(f"--on {on!r}: choose one of {HOST}, {QEMU}")
    if on == HOST and cores:
        raise PatchcError(f"--target: only with --on {QEMU}")
    if on == QEMU and sanitize:
        raise PatchcError(f"--sanitize: only with --on {HOST}")
    if cases < 1:
        raise PatchcError(f"--cases {cases}: at least 1")
    if labels is not None and inputs is None:
        raise PatchcError("labels are of cases: give their inputs, too")
    chosen = Inputs(
        cases,
        seed,
        Path(inputs) if inputs else None,
        None if labels is None else tuple(labels),
    )
    if on == QEMU:
        return verify_firmware(Path(output), chosen, cores=cores, progress=progress)
    return verify_out(Path(output), chosen, sanitize=sanitize, progress=progress)


def bench(
    output: PathLike,
    *,
    target: str | None = None,
    opt: str = "-O2",
    clock_mhz: float | None = None,
    wait_states: int = 0,
    progress: Progress = silent,
) -> Bench:
    """Instructions that one inference of the C in `output` executes on a core, under QEMU, and an
    estimate of the cycles that they take: in total, per tunnel or layer, per kernel; writes
    bench.json there.

    target: a core; None: the one that it was compiled for. opt: gcc's level for the network.
    clock_mhz: of the core, for milliseconds. wait_states: of the memory that holds the code.

    The figures are the same every time. Raises PatchcError.
    """
    if clock_mhz is not None and clock_mhz <= 0:
        raise PatchcError(f"a clock of {clock_mhz} MHz: more than 0 expected")
    if wait_states < 0:
        raise PatchcError(f"{wait_states} wait states: at least 0")
    part = Part(clock_mhz, wait_states)
    return bench_out(Path(output), target, opt=opt, part=part, progress=progress)


def report(output: PathLike) -> Path:
    """Write report.html in `output` again, with what `verify` and `bench` have found since, and
    return its path. Raises PatchcError where `output` is not what `compile` wrote, or a file in it
    is damaged; the page is as it was then."""
    out = Path(output)
    page = render_page(build_page(*read_out(out)))
    (out / PAGE).write_text(page, encoding="utf-8", newline="\n")
    return out / PAGE


def run(
    output: PathLike,
    inputs: Case | Sequence[Case] | PathLike | None = None,
    *,
    image: PathLike | None = None,
    progress: Progress = silent,
) -> Any:
    """The outputs of the emitted C for the ONNX file's inputs, by the names, shapes and types of
    that file, so that they compare with == to onnxruntime's.

    inputs: input name -> array; or a sequence of such mappings; or an .npz, or .npy for a model
        with one input.
    image: instead, a picture, prepared as the calibration pictures were.

    Returns output name -> array, or a list of these for a sequence. Float operators at the
    model's borders are run by onnxruntime. Raises PatchcError.
    """
    if (inputs is None) == (image is None):
        raise PatchcError("give either inputs (--input) or a picture (--image)")
    network = load(Path(output), progress=progress)
    several = not isinstance(inputs, str | Path | Mapping | None)
    progress("running the C")
    found = network.run(list(_cases(network.stages.imported, inputs, image)))
    return found if several else found[0]


def _cases(
    imported: ImportedModel,
    inputs: Case | Sequence[Case] | PathLike | None,
    image: PathLike | None,
) -> Iterator[Case]:
    """The cases that `run` was given, checked."""
    if image is not None:
        name = imported.onnx_model.graph.input[0].name
        inputs = {name: load_image(image, imported.onnx_model)}
    if isinstance(inputs, str | Path):
        inputs = read_case(imported, Path(inputs))
    for case in [inputs] if isinstance(inputs, Mapping) else inputs or ():
        check_case(imported, case)
        yield case


def inspect(
    model: PathLike,
    *,
    target: str = DEFAULT_CORE,
    input_shapes: Shapes | None = None,
    cut: Sequence[str] = (),
) -> Inspection:
    """What is in an ONNX or TensorFlow Lite file, and the arena that it needs layer by layer on a
    core. A float file is quantised with noise for this: its layers and their sizes are the same.

    cut: nodes that are left to the host. Of a file that is refused, what leaving out what is
    refused would leave.

    Raises PatchcError when it cannot be read or quantised, and for a target that there is not.
    """
    path, machine = Path(model), machine_of(core(target))
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="patchc-") as folder:
        file = as_onnx(path, Path(folder), notes)
        file, cut, more = stand_in(file, Path(folder), input_shapes, cut)
        found = _inspected(file, machine, input_shapes, cut)
    return replace(found, model=path.name, notes=(*notes, *more, *found.notes))


def _inspected(
    path: Path, machine: Machine, input_shapes: Shapes | None, cut: Sequence[str]
) -> Inspection:
    """Of a quantised file."""
    unsupported = tuple(find_unsupported(path, input_shapes, cut))
    if unsupported:
        notes = read_model(path, input_shapes).notes
        names = cut_before(path, input_shapes, unsupported, cut)
        rest = None
        if names:
            left = _inspected(path, machine, input_shapes, (*cut, *names))
            rest = Rest(names, len(left.layers), left.macs, left.weights, left.layerwise_bytes)
        return Inspection(path.name, unsupported, (), (), (), (), (), 0, 0, 0, notes, rest)
    stages = run_stages(path, input_shapes, InputMode.TILES, machine=machine, cut=cut)
    imported, layers = stages.imported, inspect_layers(stages.graph)
    return Inspection(
        model=path.name,
        unsupported=(),
        inputs=_describe(imported.onnx_model.graph.input),
        outputs=_describe(imported.onnx_model.graph.output),
        leading=imported.prologue.nodes if imported.prologue else (),
        trailing=imported.epilogue.nodes if imported.epilogue else (),
        layers=layers,
        macs=sum(layer.macs for layer in layers),
        weights=sum(layer.weights for layer in layers),
        layerwise_bytes=stages.placement.arena_bytes,
        notes=imported.notes,
    )


def dump(
    model: PathLike,
    stage: str,
    *,
    input_shapes: Shapes | None = None,
    budget: str | int | None = None,
    prefer: str | None = None,
    target: str | None = None,
    input_mode: str | None = None,
    output_mode: str | None = None,
    reserve: str | int | None = None,
    plan: Plan | PathLike | None = None,
    kernels: KernelOptions | None = None,
    cut: Sequence[str] = (),
    progress: Progress = silent,
) -> str:
    """The stable text form of what `model` is at a stage of its compilation.

    stage: "graph" (as imported), "after=PASS", "plan" or "schedule" (with the offsets in the
        arena). The options choose a plan as those of `compile` do, and go with the last two only.

    Raises PatchcError, also for a stage that there is not, and when the budget cannot be met.
    """
    names = [item.name for item in PASSES]
    if stage not in ("graph", *PLANNED) and stage.removeprefix("after=") not in names:
        known = ", ".join(["graph", *(f"after={name}" for name in names), *PLANNED])
        raise PatchcError(f"--dump {stage!r}: choose one of {known}")
    if stage in PLANNED:
        place = place_of(DEFAULT_CORE if target is None else target, budget)
        name, budget = place.core, budget if plan is not None else place.budget
        choice = kernel_choice(kernels or _ANY_KERNELS)
        kept, machine = reserve_for(name, reserve), choice.machine(core(name))
        asked = wanted(budget, prefer)
        chosen, outputs = _plan_or_modes(plan, input_mode, output_mode)
        stages = run_stages(
            Path(model),
            input_shapes,
            chosen,
            asked.limit,
            progress,
            kept,
            outputs,
            machine,
            cut,
            asked.slack,
        )
        _check_budget(stages, asked.budget, kept, machine, cut, progress, place.budget_words)
        if stage == "plan":
            return format_plan(stages.plan)
        return format_schedule(stages.schedule, stages.placement.offsets)
    options = {
        "--budget": budget,
        "--prefer": prefer,
        "--target": target,
        "--input": input_mode,
        "--outputs": output_mode,
        "--reserve": reserve,
        "--plan": plan,
        "--kernels": kernels,
    }
    given = [option for option, value in options.items() if value is not None]
    if given:
        raise PatchcError(f"{', '.join(given)}: only with --dump {' or '.join(PLANNED)}")
    graph = import_model(Path(model), input_shapes, cut).graph
    for item in PASSES if stage != "graph" else ():
        graph = verify_graph(item.run(graph))
        if stage == f"after={item.name}":
            break
    return format_graph(graph)


def _describe(values: Iterable[onnx.ValueInfoProto]) -> tuple[str, ...]:
    """Inputs or outputs of the file, as "name float32 [1, 3, 96, 96]"."""
    found = []
    for value in values:
        tensor = value.type.tensor_type
        dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        dims = ", ".join(str(dim.dim_value or dim.dim_param or "?") for dim in tensor.shape.dim)
        found.append(f"{value.name} {dtype} [{dims}]")
    return tuple(found)


def _plan_or_modes(
    plan: Plan | PathLike | None, input_mode: str | None, output_mode: str | None
) -> tuple[Plan | InputMode, OutputMode]:
    """The plan to replay, or the input mode to plan for; the output mode. Raises PatchcError when
    they clash."""
    mode = None if input_mode is None else member(InputMode, input_mode, "--input")
    outputs = None if output_mode is None else member(OutputMode, output_mode, "--outputs")
    if plan is None:
        return mode or InputMode.TILES, outputs or OutputMode.ARENA
    chosen = plan if isinstance(plan, Plan) else read_plan(Path(plan))
    for option, given, own in (
        ("--input", mode, chosen.input_mode),
        ("--outputs", outputs, chosen.output_mode),
    ):
        if given is not None and given is not own:
            raise PatchcError(
                f"{option} {given.value} contradicts the plan, which is for {own.value}"
            )
    return chosen, chosen.output_mode


def _check_budget(
    stages: Stages,
    limit: int | None,
    kept: Reserve,
    machine: Machine,
    cut: Sequence[str],
    progress: Progress,
    budget_words: str,
) -> None:
    """Raises BudgetError when arena and reserve exceed the limit."""
    reserve = reserve_of(kept, stages.graph, stages.plan)
    if limit is None or stages.placement.arena_bytes + reserve <= limit:
        return
    modes = stages.plan.input_mode, stages.plan.output_mode
    asked = Asked(
        stages.imported, stages.network, *modes, limit, kept, machine, tuple(cut), budget_words
    )
    raise missed(asked, stages.schedule, stages.placement, reserve, progress)
