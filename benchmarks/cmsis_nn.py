"""What CMSIS-NN executes for a network, layer by layer, with all the RAM it likes.

CMSIS-NN is a checkout, or the subset for int8 of version 4.0.0 that the package bakenn holds, which
is fetched by pinned version and hash. It lacks element-wise functions.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from examples.zoo import fetch
from patchc.errors import PatchcError
from patchc.ir import Graph
from patchc.ir.graph import Add, AveragePool, Conv, GlobalAveragePool, MaxPool, Mul, Node, Window
from patchc.kernel_options import KernelOptions
from patchc.libraries.cmsis_nn import CmsisNN, checked
from patchc.measure.cycles import cycles_of
from patchc.measure.listing import read_listing
from patchc.measure.symbols import read_section, read_symbols
from patchc.measure.trace import CONSTANTS, HARNESS, KERNEL, Range, trace
from patchc.planner.kernel_choice import Kernels
from patchc.programs.program import run_command
from patchc.resources import runtime_dir
from patchc.targets.core import Core
from patchc.targets.toolchain import ARM

WHEEL = "bakenn==1.0.0"
SHA256 = "b8251e71a8fc39252df0d308fe9a5837bd86f7a31f1596a7dd4a319196f30e56"
VENDORED = "bakenn/backend/cmsis_nn/vendor/cmsis_nn"

FOLDERS = (
    *("ConvolutionFunctions", "FullyConnectedFunctions", "PoolingFunctions"),
    *("BasicMathFunctions", "NNSupportFunctions", "TransposeFunctions"),
)
FLOATS = ("_f16", "_f32", "_flt")  # in names of files that compute with floats
ELEMENTWISE = "arm_elementwise_add_s8.c"
PROGRAM = Path(__file__).with_name("cmsis_layers.c")
LINK = Path(__file__).with_name("cmsis_layers.ld")
_SECONDS = 3600


_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Library:
    """CMSIS-NN's sources, and how they are compiled."""

    root: Path  # holds Include and Source
    name: str  # for people
    opt: str = "-Ofast"

    @property
    def library(self) -> CmsisNN:
        """As patchc takes it. Raises PatchcError where it cannot be used."""
        return checked(self.root, self.name)

    @property
    def has_elementwise(self) -> bool:
        return (self.root / "Source" / "BasicMathFunctions" / ELEMENTWISE).is_file()

    @property
    def includes(self) -> tuple[str, ...]:
        beside = self.root.parent / "cmsis_core" / "Include"  # in the package
        folders = [self.root / "Include", *([beside] if beside.is_dir() else [])]
        return tuple(f"-I{folder}" for folder in folders)

    def sources(self) -> list[Path]:
        files = [file for name in FOLDERS for file in (self.root / "Source" / name).glob("*.c")]
        return sorted(file for file in files if not any(part in file.name for part in FLOATS))


@dataclass(frozen=True, slots=True)
class Layer:
    """One call of CMSIS-NN. Dimensions are (n, h, w, c), pairs (w, h), as it has them."""

    node: str
    kind: str  # for people
    operation: str  # in cmsis_layers.c
    dims: tuple[tuple[int, ...], ...]  # input, filter, output
    pairs: tuple[tuple[int, int], ...]  # stride, pads at the left and top, dilation
    map_bytes: int
    weight_bytes: int

    def initializer(self) -> str:
        """In C."""
        groups = (*self.dims, *self.pairs)
        values = ", ".join("{" + ", ".join(map(str, group)) + "}" for group in groups)
        return f"{{{self.operation}, {values}}}"


@dataclass(frozen=True, slots=True)
class LayerCount:
    """What CMSIS-NN executes for a layer."""

    node: str
    kind: str
    instructions: int
    cycles: int  # estimated


def vendored(opt: str) -> Library:
    """The subset in the package, which is fetched if need be."""
    root = fetch.wheel(WHEEL, SHA256) / VENDORED
    return Library(root, f"CMSIS-NN 4.0.0 ({WHEEL})", opt)


def checkout(root: Path, opt: str) -> Library:
    """A folder with CMSIS-NN's Include and Source. Raises PatchcError where it is none."""
    library = Library(root.resolve(), f"CMSIS-NN in {root}", opt)
    if not (root / "Include" / "arm_nnfunctions.h").is_file() or not library.sources():
        raise PatchcError(f"{root} is no checkout of CMSIS-NN: it has no Include and Source")
    return library


checkout_option = click.option(
    "--cmsis-nn",
    "cmsis_dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A checkout of CMSIS-NN. [default: the subset in a pinned package, without sums]",
)


def kernel_choice(command: _Command) -> _Command:
    """Options of a benchmark: whose kernels, and where CMSIS-NN is."""
    for option in (
        click.option(
            "--kernels",
            type=click.Choice([kernels.value for kernels in Kernels]),
            default=Kernels.PATCHC.value,
            show_default=True,
            help="Whose.",
        ),
        checkout_option,
    ):
        command = option(command)
    return command


def kernel_options(kernels: str, root: Path | None) -> KernelOptions:
    """Those of a compilation: `--kernels`, by the checkout in a folder, or the package."""
    if kernels == Kernels.PATCHC.value:
        return KernelOptions(kernels)
    library = checkout(root, "") if root else vendored("")
    return KernelOptions(kernels, cmsis_nn_dir=library.root)


def layers(graph: Graph, library: Library) -> tuple[list[Layer], list[Node]]:
    """What CMSIS-NN computes of a network, and the nodes that it has no function for."""
    found, left = [], []
    for node in graph.nodes:
        layer = _layer(graph, node, library)
        if layer is None:
            left.append(node)
        else:
            found.append(layer)
    return found, left


def _layer(graph: Graph, node: Node, library: Library) -> Layer | None:
    (h, w, c), (oh, ow, oc) = (graph.tensors[t].shape for t in (node.inputs[0], node.output))
    op, window, weight_bytes = node.op, Window((1, 1)), 0
    if isinstance(op, Conv):
        window, weight_bytes = op.window, op.weights.size
        kind, operation = _convolution(op, (h, w), (oh, ow))
        if operation is None:
            return None
    elif isinstance(op, Add | Mul) and len(node.inputs) == 2 and library.has_elementwise:
        if graph.tensors[node.inputs[1]].shape != (h, w, c):
            return None
        kind = operation = op.kind.upper()
    elif isinstance(op, MaxPool | AveragePool):
        window, kind = op.window, "pool"
        operation = "MAX_POOL" if isinstance(op, MaxPool) else "AVERAGE_POOL"
    elif isinstance(op, GlobalAveragePool):
        window, kind, operation = Window((h, w)), "pool", "AVERAGE_POOL"
    else:
        return None
    kh, kw = window.kernel
    filter_dims = {
        "CONV": (oc, kh, kw, c),
        "DEPTHWISE": (1, kh, kw, oc),
        "DENSE": (h * w * c, 1, 1, oc),
    }.get(operation, (1, kh, kw, 1))
    flat = operation == "DENSE"
    dims = ((1, 1, 1, h * w * c) if flat else (1, h, w, c), filter_dims, (1, oh, ow, oc))
    pairs = (window.stride, (window.pads.top, window.pads.left), window.dilation)
    return Layer(
        node=node.name,
        kind=kind.lower(),
        operation=operation,
        dims=dims,
        pairs=tuple((second, first) for first, second in pairs),
        map_bytes=max(graph.tensors[t].bytes for t in (node.inputs[0], node.output)),
        weight_bytes=weight_bytes,
    )


def _convolution(op: Conv, size: tuple[int, int], out: tuple[int, int]) -> tuple[str, str | None]:
    """What it is called, and which function computes it."""
    if op.is_depthwise:
        return "depthwise", "DEPTHWISE"
    if op.groups > 1:
        return "grouped", None
    if op.window.kernel == size and out == (1, 1):
        return "dense", "DENSE"
    return ("pointwise" if op.window.kernel == (1, 1) else "conv"), "CONV"


def count(
    found: Sequence[Layer], library: Library, core: Core, folder: Path, wait_states: int = 0
) -> list[LayerCount]:
    """Run all layers on the core's first board. `folder` is for files. wait_states: as in
    measure/cycles.py. Raises PatchcError where they cannot be built or run."""
    elf, objects = _program(found, library, core, folder)
    owners = {f"layer_{number}": number for number in range(len(found))}
    ranges = []
    for symbol in read_symbols(elf, objects):
        if symbol.stem:
            kind = KERNEL if symbol.function == "compute" else HARNESS
            ranges.append(Range(symbol.low, symbol.high, owners.get(symbol.function, kind)))
    for section in (read_section(elf, name) for name in (".text", ".constants")):
        if wait_states:
            ranges.append(Range(section.low, section.high, CONSTANTS))
    qemu = [ARM.qemu, "-M", core.boards[0].machine, "-kernel", str(elf), "-display", "none"]
    qemu += ["-monitor", "none", "-serial", "null"]
    qemu += ["-semihosting-config", "enable=on,target=native"]
    executed, _ = trace(ranges, lambda more: run_command([*qemu, *more], _SECONDS))
    listing = read_listing(elf)
    assert core.timing is not None
    cycles = dict.fromkeys(owners.values(), 0)
    for block in executed.blocks:
        cycles[block.owner] += cycles_of(block, listing, core.timing, wait_states)
    return [
        LayerCount(layer.node, layer.kind, executed.instructions(number), cycles[number])
        for number, layer in enumerate(found)
    ]


def _program(
    found: Sequence[Layer], library: Library, core: Core, folder: Path
) -> tuple[Path, list[Path]]:
    """The linked program, and the objects of it that are not CMSIS-NN's."""
    (folder / "layers.inc").write_text(_include(found), encoding="utf-8")
    platform = runtime_dir() / "platform"
    sources = (PROGRAM, platform / "startup.c", platform / "semihosting.c")
    flags = [*core.compile_flags, "-O2", "-ffunction-sections", "-fdata-sections"]
    flags += [f"-DHAS_ELEMENTWISE={int(library.has_elementwise)}", *library.includes]
    flags += [f"-I{folder}", f"-I{platform}"]
    objects = [folder / f"{source.stem}.o" for source in sources]
    for source, made in zip(sources, objects, strict=True):
        run_command([ARM.compiler, *flags, "-c", str(source), "-o", str(made)], _SECONDS)
    board = core.boards[0]
    if board.external is None:
        raise PatchcError(f"{board.name} has no memory for the maps")
    memories = {"CODE": board.code, "RAM": board.harness, "EXTERNAL": board.external}
    places = {f"{name}_ORIGIN": memory.origin for name, memory in memories.items()}
    places |= {f"{name}_BYTES": memory.bytes for name, memory in memories.items()}
    link = ["-nostartfiles", "-T", str(LINK), "-Wl,--gc-sections", "--specs=nosys.specs"]
    link += [f"-Wl,--defsym={name}={value:#x}" for name, value in places.items()]
    elf = folder / "layers.elf"
    files = [*map(str, objects), str(_archive(library, core))]
    run_command([ARM.compiler, *core.compile_flags, *link, *files, "-o", str(elf)], _SECONDS)
    return elf, objects


def _include(found: Sequence[Layer]) -> str:
    sizes = {
        "MAP_BYTES": max(layer.map_bytes for layer in found),
        "WEIGHT_BYTES": max(layer.weight_bytes for layer in found),
        "CHANNELS": max(dims[3] for layer in found for dims in layer.dims),
    }
    lines = [f"enum {{ {name} = {value} }};" for name, value in sizes.items()]
    lines += ["static const layer layers[] = {"]
    lines += [f"    {layer.initializer()}, /* {layer.kind} */" for layer in found]
    calls = " ".join(f"X({number})" for number in range(len(found)))
    return "\n".join([*lines, "};", f"#define LAYERS(X) {calls}", ""])


def _archive(library: Library, core: Core) -> Path:
    """CMSIS-NN for a core, built once per contents, flags and compiler."""
    flags = [*core.compile_flags, *library.opt.split(), "-ffunction-sections", "-fdata-sections"]
    sources = library.sources()
    headers = sorted((library.root / "Include").rglob("*.h"))
    parts = [run_command([ARM.compiler, "--version"], _SECONDS).encode(), repr(flags).encode()]
    parts += [file.read_bytes() for file in (*headers, *sources)]
    digest = hashlib.sha256(b"".join(parts)).hexdigest()[:16]
    folder = fetch.cache_root() / "cmsis-nn"
    archive = folder / f"{core.name}-{digest}.a"
    if archive.exists():
        return archive
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:

        def compiled(source: Path) -> str:
            made = str(Path(name, f"{source.stem}.o"))
            command = [ARM.compiler, *flags, *library.includes, "-c", str(source), "-o", made]
            run_command(command, _SECONDS)
            return made

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = list(pool.map(compiled, sources))
        made = Path(name, archive.name)
        run_command(["arm-none-eabi-ar", "rcs", str(made), *objects], _SECONDS)
        made.replace(archive)
    return archive


def by_kind(found: Sequence[LayerCount]) -> dict[str, int]:
    """Instructions."""
    sums: dict[str, int] = {}
    for layer in found:
        sums[layer.kind] = sums.get(layer.kind, 0) + layer.instructions
    return sums


def version(library: Library) -> str:
    """Of a checkout: its commit, where git knows it."""
    command = ["git", "-C", str(library.root), "log", "-1", "--format=%h of %cs"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{library.name} ({done.stdout.strip()})" if done.stdout.strip() else library.name
