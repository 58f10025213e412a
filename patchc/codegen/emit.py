"""emit: Schedule + Placement -> the files of OUT, as text and bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property

import jinja2

from patchc.choices import InputMode, WeightsMode
from patchc.codegen import helpers, layout, places
from patchc.codegen.calls import BlockFunction, declared, is_whole, outermost, whole_block
from patchc.codegen.constants import ConstantArray, Key, NodeConstants, node_constants
from patchc.codegen.describe import arena_map, call_numbers
from patchc.codegen.example import EXAMPLE_FILE, callback, example_facts
from patchc.codegen.firmware import firmware_files
from patchc.codegen.functions import describe_functions
from patchc.codegen.layout import comment_block, comment_lines
from patchc.codegen.libraries import LibraryUse, library_use
from patchc.codegen.names import Names
from patchc.codegen.options import LICENCE, EmitOptions
from patchc.codegen.ports import Port, input_ports, output_ports
from patchc.codegen.probabilities import shared_tables, tail_functions
from patchc.codegen.program import FileScope, Program
from patchc.codegen.projects import headers_folder, project_files
from patchc.codegen.readme import readme_facts
from patchc.codegen.runtime import Runtime, marker, runtime_version
from patchc.codegen.slices import Sliced, sliced
from patchc.codegen.tables import Tables
from patchc.codegen.tunnels import Shared, TunnelFunction, tunnel
from patchc.codegen.weights import WeightsFiles, pack
from patchc.kernels.kernel import Kernel
from patchc.memory.placement import Placement
from patchc.numerics.node_forms import FormCounts
from patchc.resources import templates_dir
from patchc.schedule.types import Call, KernelCall, Load, Move, Schedule, Store

# What host_main and its callers need to know; read by patchc.programs.program.
NETWORK_FILE = "test/network.json"

_URL = "https://pypi.org/project/patchc/"

# What the loops of tunnels are made of, under runtime_c.
_TUNNEL_HEADER, _TUNNEL_SOURCE = "patchc_tunnel.h", "portable/patchc_tunnel.c"
_SLIDE_HEADER, _SLIDE_SOURCE = "patchc_slide.h", "portable/patchc_slide.c"
# How they go on in slices.
_STEP_HEADER, _STEP_SOURCE, _PLACE_HEADER = (
    "patchc_step.h",
    "portable/patchc_step.c",
    "patchc_place.h",
)


def emit(schedule: Schedule, placement: Placement, options: EmitOptions) -> dict[str, str | bytes]:
    """Relative path -> content. The same arguments give the same bytes.

    Raises PatchcError when the schedule's interface cannot be offered in C (an output that is
    itself an input outside the arena).
    """
    network = _Network(schedule, placement, options)
    facts = network.facts()
    example = example_facts(
        options.name, network.helpers, network.inputs, network.outputs, bool(network.blob)
    )
    files: dict[str, str | bytes] = {
        places.header(options.name, network.headers): _render("network.h.j2", facts),
        places.program(options.name): _render("network.c.j2", facts),
        places.source(f"{options.name}_weights.h"): _render("weights.h.j2", facts),
        "Makefile": _render("Makefile.j2", facts),
        "CMakeLists.txt": _render("CMakeLists.txt.j2", facts),
        EXAMPLE_FILE: _render("example.c.j2", facts | example),
        "test/host_main.c": _render("host_main.c.j2", facts),
        NETWORK_FILE: network.description(),
    }
    for number, file in enumerate(network.weights.sources):
        path = places.source(file.name)
        files[path] = _render("weights.c.j2", facts | {"file": file, "number": number + 1})
    if network.helpers.are_there:
        known = facts | shared_tables()
        files[places.source(network.helpers.file)] = _render("helpers.c.j2", known)
    if options.report is not None:
        shown = readme_facts(schedule.input_mode.value, options.report)
        files["README.md"] = _render("readme.md.j2", facts | shown)
    files.update(firmware_files(_render, facts, options.target))
    if options.project is not None:
        known = facts | example
        files.update(project_files(_render, known, options.project, options.name, options.target))
    files.update((places.source(name), text) for name, text in network.weights.parts)
    if network.blob:
        files[network.blob_file] = network.blob
    files.update(network.runtime.files())
    if network.library is not None:
        files.update(network.library.out_files())
    if options.golden:
        files["test/golden_in.bin"] = options.golden.inputs
        files["test/golden_out.bin"] = options.golden.outputs
    return files


@dataclass(frozen=True, slots=True)
class ConstantFacts:
    """What is known of a network's constants before they are written."""

    bytes: Mapping[str, int]  # node -> of what its kernel reads, as emitted (parameter structs, a
    # few words per node that are code rather than weights, excepted)
    exact: FormCounts  # of all nodes
    flash: int  # bytes: of all nodes, what several of them read counted once


def constant_facts(schedule: Schedule) -> ConstantFacts:
    """Of the constants that `emit` writes for a schedule."""
    found = node_constants(schedule, "", WeightsMode.INLINE)
    by_node = {node: constants for (node, _, _), constants in found.items()}
    return ConstantFacts(
        bytes={node: constants.bytes for node, constants in by_node.items()},
        exact=sum((constants.forms for constants in by_node.values()), FormCounts()),
        flash=sum(constants.own_bytes for constants in found.values()),
    )


@dataclass(frozen=True)
class _Network:
    """Everything that the templates show, computed once."""

    schedule: Schedule
    placement: Placement
    options: EmitOptions

    @cached_property
    def constants(self) -> Mapping[Key, NodeConstants]:
        return node_constants(self.schedule, self.options.name, self.options.weights)

    @cached_property
    def arrays(self) -> tuple[ConstantArray, ...]:
        return tuple(array for entry in self.constants.values() for array in entry.arrays)

    @cached_property
    def weights(self) -> WeightsFiles:
        return pack(self.options.name, self.arrays)

    @cached_property
    def blob(self) -> bytes:
        return b"".join(part.tobytes() for entry in self.constants.values() for part in entry.blob)

    @property
    def headers(self) -> str:
        """The folder of those that firmware includes."""
        return headers_folder(self.options.project)

    @property
    def weights_align(self) -> int:
        """Bytes: where weights outside of the C text begin."""
        return max((kernel.needs.weights for kernel in self.kernels), default=1)

    @property
    def blob_file(self) -> str:
        return f"{self.options.name}_weights.bin"

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        steps = (step for block in self.schedule.blocks for step in block.steps)
        return tuple(call for step in steps for call in step.all_calls)

    @cached_property
    def kernels(self) -> tuple[Kernel, ...]:
        used = {call.kernel for call in self.calls if isinstance(call, KernelCall)}
        return tuple(sorted(used, key=lambda kernel: kernel.name))

    @cached_property
    def library(self) -> LibraryUse | None:
        """CMSIS-NN, where kernels call it."""
        options = self.options
        return library_use(
            self.kernels, options.cmsis_nn, options.cmsis_nn_mode, options.cmsis_nn_rounding
        )

    @cached_property
    def inputs(self) -> tuple[Port, ...]:
        return input_ports(self.schedule, self.placement, self.options.names)

    @cached_property
    def outputs(self) -> tuple[Port, ...]:
        options = self.options
        return output_ports(self.schedule, self.placement, options.names, options.vectors)

    @cached_property
    def helpers(self) -> helpers.Helpers:
        options = self.options
        tails = tail_functions(options.name, options.tails, self.outputs)
        return helpers.Helpers(options.name, options.pixels, self.outputs, tails)

    @cached_property
    def weights_field(self) -> str:
        """The member of the inputs struct that is not a tensor."""
        names = Names()
        for port in self.inputs:
            names.identifier(port.field)
        return names.identifier("weights")

    @cached_property
    def blocks(self) -> tuple[BlockFunction | TunnelFunction, ...]:
        program = Program(self.schedule, self.placement, self.inputs, self.outputs, self.constants)
        scope = FileScope(self.exported)
        tables = Tables(program, scope)
        numbers = call_numbers(self.schedule)
        shared = Shared({}, {})
        layers: dict[str, BlockFunction] = {}
        found: list[BlockFunction | TunnelFunction] = []
        for index, block in enumerate(self.schedule.blocks):
            if is_whole(block):
                made = whole_block(program, block, index, numbers, scope)
                known = layers.setdefault(made.key, made)
                found.append(made if known is made else replace(known, is_new=False))
            else:
                found.append(tunnel(program, block, index, numbers, scope, tables, shared))
        return tuple(found)

    @cached_property
    def sliced(self) -> Sliced | None:
        """The program as tables, where it also runs in slices."""
        prices = self.options.pieces
        if prices is None:
            return None
        resident = self.schedule.input_mode is InputMode.RESIDENT
        left = [port for port in self.outputs if not port.handed]
        copied = self.inputs if resident else ()
        return sliced(self.blocks, prices, self.options.name.upper(), copied, left)

    @property
    def has_tunnels(self) -> bool:
        return any(block.is_tunnel for block in self.blocks)

    @property
    def slides(self) -> bool:
        """Is there a ring that moves its rows?"""
        return any(isinstance(call, Move) for call in self.calls)

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """Header and source of what the loops are made of."""
        in_slices = self.sliced is not None
        found = [(_TUNNEL_HEADER, _TUNNEL_SOURCE)] if self.has_tunnels or in_slices else []
        found += [(_SLIDE_HEADER, _SLIDE_SOURCE)] if self.slides else []
        return (*found, *([(_STEP_HEADER, _STEP_SOURCE)] if in_slices else []))

    @cached_property
    def runtime(self) -> Runtime:
        headers = () if self.sliced is None else (_PLACE_HEADER,)
        copied = () if self.library is None else self.library.copied
        options = self.options
        return Runtime(
            *(options.name, options.runtime, self.kernels, self.parts, headers, copied),
            headers=self.headers,
        )

    @property
    def declarations(self) -> list[str]:
        """The headers that declare kernels, but for the one that the network always includes."""
        return sorted({kernel.header for kernel in self.kernels} - {"patchc_kernels.h"})

    @property
    def exported(self) -> set[str]:
        """Identifiers with which those of NAME.c must not collide."""
        words = (
            "run",
            "step",
            "state",
            "inputs",
            "outputs",
            "reader",
            "writer",
            *self.helpers.names,
        )
        names = {f"{self.options.name}_{word}" for word in words}
        return names | {array.name for array in self.arrays}

    def required(self) -> list[str]:
        """Members of the inputs struct that must not be null."""
        members = {
            InputMode.TILES: [f"{port.field}.read" for port in self.inputs],
            InputMode.STREAM: [f"{port.field}.read" for port in self.inputs],
            InputMode.EXTERN: [port.field for port in self.inputs],
            InputMode.RESIDENT: [],
        }[self.schedule.input_mode]
        return members + ([self.weights_field] if self.blob else [])

    def facts(self) -> dict[str, object]:
        options = self.options
        required = self.required()
        static = list(
            dict.fromkeys(c.params for c in self.constants.values() if not c.params.local)
        )
        buffers = [self.schedule.buffers[name] for name in self.placement.offsets]
        sources = [f"{options.name}.c", *(file.name for file in self.weights.sources)]
        sources += [self.helpers.file] if self.helpers.are_there else []
        sources += self.runtime.sources
        return {
            "name": options.name,
            "macro": options.name.upper(),
            "origin": self._origin(),
            "mode": self.schedule.input_mode.value,
            "arena_bytes": self.placement.arena_bytes,
            "arena_align": max((buffer.align for buffer in buffers), default=1),
            "arena_map": arena_map(self.schedule, self.placement),
            "stack_bytes": options.stack_bytes,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "inputs_optional": not required,
            "required": required,
            "weights_bytes": len(self.blob),
            "weights_align": self.weights_align,
            "weights_field": self.weights_field,
            "arrays": self.arrays,
            "count": len(self.weights.sources),
            "static_params": static,
            "blocks": self.blocks,
            "begins": sorted({call.row for call in self.calls if isinstance(call, Load)} - {0}),
            "loads": any(isinstance(call, Load) for call in self.calls),
            "stores": any(isinstance(call, Store) for call in self.calls),
            "declarations": self.declarations,
            "headers": [*(header for header, _ in self.parts), *self.declarations],
            "sources": sources,
            "library": self.library,
            "runtime_mode": options.runtime.value,
            "runtime_version": runtime_version(),
            "runtime_marker": marker(options.name, options.runtime),
            "helpers": self.helpers,
            "sliced": self.sliced,
            "target": options.target,
            "project": None if options.project is None else options.project.value,
            "include": self.headers,
            "version": options.patchc_version,
            "licence": LICENCE,
            "url": _URL,
            "golden_cases": options.golden.cases if options.golden else 0,
        }

    def _origin(self) -> list[str]:
        options = self.options
        return [
            *comment_lines(f"Made by patchc {options.patchc_version} for {options.target}."),
            *comment_lines(f"Model: {options.model_file}"),
            *comment_lines(f"sha256: {options.model_sha256}"),
            *comment_lines(f"Command: {options.command_line}"),
            *(comment_lines(f"Calls {self.library.title}.") if self.library else ()),
            f"SPDX-License-Identifier: {LICENCE}",
        ]

    def description(self) -> str:
        tails = [{"tensor": t.port.tensor, "count": t.count} for t in self.helpers.tails]
        return (
            json.dumps(
                {
                    "name": self.options.name,
                    "input_mode": self.schedule.input_mode.value,
                    "inputs": [{"tensor": p.tensor, "shape": p.shape} for p in self.inputs],
                    "outputs": [{"tensor": p.tensor, "shape": p.shape} for p in self.outputs],
                    **({"probabilities": tails} if tails else {}),
                    "weights": self.blob_file if self.blob else None,
                    "blocks": describe_functions(
                        self.schedule, self.blocks, self.sliced is not None
                    ),
                },
                indent=1,
            )
            + "\n"
        )


def _render(template: str, facts: Mapping[str, object]) -> str:
    return _environment().get_template(template).render(facts)


@cache
def _environment() -> jinja2.Environment:
    """Made once: it keeps the compiled templates, which take longer than rendering them."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_dir()),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # C, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["comment_block"] = comment_block
    environment.filters["declared"] = declared
    environment.filters["outermost"] = outermost
    for function in (layout.arguments, layout.made, layout.pieces, layout.initialiser, callback):
        environment.globals[function.__name__] = function
    return environment
