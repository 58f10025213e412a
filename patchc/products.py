"""What goes into OUT beside the C itself: report, golden vectors, the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from patchc.choices import LibraryMode, Numerics, OutputMode, RuntimeMode
from patchc.codegen import EmitOptions, GoldenVectors, constant_facts
from patchc.codegen.names import C_WORDS, file_stem
from patchc.codegen.probabilities import function_words
from patchc.frontend.endings import Ending
from patchc.frontend.export import to_qoperator
from patchc.kernel_options import KernelChoice
from patchc.memory import place
from patchc.pipeline import Stages, random_maps
from patchc.plan.types import Plan
from patchc.planner.cost import CoreCost, node_costs
from patchc.planner.layer_by_layer import trivial_plan
from patchc.planner.rounded import as_computed, is_rounded
from patchc.reference import run_graph
from patchc.report import Facts, Report, build_report
from patchc.report.arena import alive_by_node
from patchc.report.data import TailReport
from patchc.report.library import Distances, library_report
from patchc.schedule.lower import lower
from patchc.targets.cores import core
from patchc.targets.parts import Part
from patchc.verify.difference import compare
from patchc.verify.rounded import rounded_layers
from patchc.verify.sessions import session

# Golden vectors in OUT/test: the firmware's smoke test. `patchc verify` makes its own cases.
GOLDEN_CASES = 2


def identifier(text: str) -> str:
    """A prefix for C names made from a file name: `mobilenet-v2.int8` -> `mobilenet_v2_int8`."""
    word = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")
    if not word or not word[0].isalpha() or word in C_WORDS or word.lower().startswith("patchc"):
        word = f"net_{word}".rstrip("_")
    return file_stem(word)


def make_report(
    stages: Stages,
    options: EmitOptions,
    limit: int | None,
    choice: KernelChoice,
    clock_mhz: float | None = None,
    part: Part | None = None,
    tails: Sequence[Ending] = (),
) -> Report:
    """The report; `limit` is the budget in bytes, `clock_mhz` the core's, for milliseconds, `part`
    the one that was named, `tails` what the C computes behind the outputs."""
    target = core(options.target)
    machine, mode, outputs = choice.priced(target), stages.plan.input_mode, stages.plan.output_mode
    plain = lower(
        stages.network, trivial_plan(stages.network, mode, outputs, machine), machine.registry
    )
    layerwise = stages.layerwise_bytes
    if layerwise is None:
        layerwise = place(plain).arena_bytes
    cycles = layerwise_cycles = None
    if target.cost_table is not None:
        cost = CoreCost(target.cost_table)
        cycles = node_costs(stages.schedule, cost)
        layerwise_cycles = sum(node_costs(plain, cost).values())
    constants = constant_facts(stages.schedule)
    facts = Facts(
        name=options.name,
        target=options.target,
        budget_bytes=limit,
        reserve_bytes=options.stack_bytes,
        layerwise_bytes=layerwise,
        layerwise_alive=alive_by_node(plain),
        cycles=cycles,
        constant_bytes=constants.bytes,
        weights_bytes=constants.flash,
        exact=constants.exact,
        library=None
        if choice.library is None
        else library_report(
            stages.graph,
            stages.plan,
            machine.registry,
            machine.flavours,
            choice.library,
            choice.mode,
            choice.numerics,
            distances(stages),
        ),
        machine=machine,
        layerwise_cycles=layerwise_cycles,
        clock_mhz=clock_mhz,
        part=part,
        tails=tuple(
            TailReport(one.output, one.tensor, one.node, f"{options.name}_{word}")
            for one, word in zip(tails, function_words(stages.graph.outputs, tails), strict=True)
        ),
    )
    return build_report(stages.imported, stages.plan, stages.schedule, stages.placement, facts)


def distances(stages: Stages) -> Distances:
    """Of layers that CMSIS-NN rounds, and of outputs, on the random inputs of OUT's test."""
    graph = stages.graph
    if not is_rounded(graph):
        return Distances()
    maps = random_maps(graph, GOLDEN_CASES, seed=1)
    cases = [{name: maps[name][case] for name in maps} for case in range(GOLDEN_CASES)]
    layers = tuple((one.node, one.difference) for one in rounded_layers(graph, cases))
    plain = as_computed(graph, stages.plan, None)
    found = [run_graph(graph, maps) for maps in cases]
    expected = [run_graph(plain, maps) for maps in cases]
    outputs = tuple(
        (name, compare(name, [m[name] for m in found], [m[name] for m in expected]))
        for name in graph.outputs
    )
    return Distances(layers, outputs)


def golden_vectors(stages: Stages) -> GoldenVectors:
    """Random inputs, and what onnxruntime's integer kernels make of them; where CMSIS-NN rounds
    layers in its own way, what the network in numpy does."""
    graph = stages.graph
    maps = random_maps(graph, GOLDEN_CASES, seed=1)
    running = None if is_rounded(graph) else session(to_qoperator(graph))
    inputs, outputs = b"", b""
    for case in range(GOLDEN_CASES):
        feeds = {name: maps[name][case].transpose(2, 0, 1)[None] for name in graph.inputs}
        inputs += b"".join(maps[name][case].tobytes() for name in graph.inputs)
        if running is None:
            values = run_graph(graph, {name: maps[name][case] for name in graph.inputs})
            outputs += b"".join(values[name].tobytes() for name in graph.outputs)
            continue
        found = running.run(list(graph.outputs), feeds)
        outputs += b"".join(values[0].transpose(1, 2, 0).tobytes() for values in found)
    return GoldenVectors(GOLDEN_CASES, inputs, outputs)


def command_line(
    options: EmitOptions,
    budget: str | int | None,
    prefer: str | None,
    plan: Plan,
    choice: KernelChoice,
    step: bool = False,
) -> str:
    """The command that makes the same C, without folders: it stands in the emitted files."""
    words = ["patchc compile", options.model_file, "-o OUT"]
    words += [f"--budget {budget}"] if budget is not None else []
    words += [f"--prefer {prefer}"] if prefer is not None else []
    words += [
        f"--target {options.target}",
        f"--input {plan.input_mode.value}",
        f"--reserve {options.stack_bytes}",
    ]
    if plan.output_mode is not OutputMode.ARENA:
        words.append(f"--outputs {plan.output_mode.value}")
    words += [f"--weights {options.weights.value}"] if options.weights.value != "inline" else []
    words += ["--runtime shared"] if options.runtime is RuntimeMode.SHARED else []
    words += [] if options.project is None else [f"--project {options.project.value}"]
    if choice.library is not None:
        words.append(f"--kernels {choice.kernels.value}")
        exact = choice.numerics is Numerics.EXACT
        words += [] if exact else [f"--numerics {choice.numerics.value}"]
        words += ["--cmsis-nn link"] if choice.mode is LibraryMode.LINK else []
    words += ["--step"] if step else []
    words += ["--tail c"] if options.tails else []
    return " ".join([*words, f"--name {options.name}"])
