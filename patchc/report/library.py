"""Which layers a library of others computes, and why it does not compute the rest."""

from __future__ import annotations

from dataclasses import dataclass

from patchc.choices import LibraryMode, Numerics
from patchc.ir import Graph
from patchc.kernels.cmsis_nn import FLAVOURS, is_library_kernel
from patchc.kernels.kernel import site_of
from patchc.kernels.registry import Registry
from patchc.libraries.cmsis_nn import CmsisNN
from patchc.plan.types import Plan
from patchc.planner.kernel_choice import registry_of
from patchc.report.data import Elsewhere, LibraryReport, Rounded
from patchc.verify.difference import Difference


@dataclass(frozen=True, slots=True)
class Distances:
    """From onnxruntime; empty where everything is exact."""

    layers: tuple[tuple[str, Difference], ...] = ()
    outputs: tuple[tuple[str, Difference], ...] = ()


def library_report(
    graph: Graph,
    plan: Plan,
    registry: Registry,
    flavours: tuple[str, ...],
    library: CmsisNN,
    mode: LibraryMode,
    numerics: Numerics,
    distances: Distances,
) -> LibraryReport:
    """`flavours`: the core's, those of the library among them."""
    kernel_of = {
        node: kernel
        for tunnel in plan.tunnels
        for step in tunnel.steps
        for node, kernel in zip(step.nodes, step.kernels, strict=True)
    }
    own = [flavour for flavour in flavours if flavour in FLAVOURS]
    here, elsewhere = [], []
    functions: set[str] = set()
    for node in graph.nodes:
        if is_library_kernel(kernel_of[node.name]):
            here.append(node.name)
            functions |= set(registry[kernel_of[node.name]].cmsis_nn)
        else:
            reason = _reason(graph, node.name, registry, own)
            elsewhere.append(Elsewhere(node.name, reason))
    return LibraryReport(
        name="CMSIS-NN",
        version=library.version,
        source=library.source,
        sha256=library.sha256(library.sources(functions)) if functions else None,
        mode=mode.value,
        numerics=numerics.value,
        layers=tuple(here),
        rounded=tuple(Rounded(n, d.values, d.differing, d.largest) for n, d in distances.layers),
        outputs=tuple(Rounded(n, d.values, d.differing, d.largest) for n, d in distances.outputs),
        elsewhere=tuple(elsewhere),
    )


def _reason(graph: Graph, name: str, registry: Registry, own: list[str]) -> str:
    node = graph.node(name)
    height, width, _ = graph.tensors[node.output].shape
    site = site_of(graph, node, rows=height, cols=width)
    if registry.candidates(site, own):
        return "patchc's kernel costs less, or fits where the library's does not"
    for kernel in registry_of(Numerics.CMSIS).candidates(site, own):
        return str(registry[kernel.name].refusal(site))  # but for the proof it could
    # Of one operator the last kernel is the general one.
    reasons = list(registry.refusals(site, own[:1]).values())
    return reasons[-1] if reasons else "the library has no function for it that patchc calls"
