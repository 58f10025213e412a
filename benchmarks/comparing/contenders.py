"""The tools that are compared, and what each makes of a file."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

import patchc
from benchmarks.cmsis_nn import kernel_options
from benchmarks.comparing import files, foreign
from benchmarks.comparing.files import Onnx, Tools
from benchmarks.comparing.foreign import ALIGN, CORE, NAME, Measured, Source
from benchmarks.cores import library_layers
from patchc.errors import PatchcError
from patchc.programs.program import read_interface
from patchc.version import __version__

PATCHC, CMSIS_NN, EMX, BAKENN, TFLM = (
    *("patchc", "cmsis-nn", "emx-onnx-cgen"),
    *("bakenn", "tflite-micro"),
)
TOOLS = (PATCHC, CMSIS_NN, EMX, BAKENN, TFLM)
# What pip installs.
PACKAGES = {
    EMX: "emx-onnx-cgen==1.4.0",
    BAKENN: "bakenn[tflite]==1.0.0",
    TFLM: "tflite-micro==0.dev20261023182759",
}
CONVERTER = ("tf2onnx", "tf2onnx==1.17.0 tensorflow-cpu==2.21.0")
TEMPLATE = "template"  # the folder whose harness the others take
_ARENA = re.compile(r"Arena allocation total (\d+) bytes")


@dataclass(frozen=True, slots=True)
class Row:
    """A tool and a network."""

    tool: str
    words: str  # how the tool was asked
    input_bytes: int
    seconds: float | None = None  # that the tool took
    found: Measured = field(default_factory=Measured)
    arena_only: bool = False  # is the RAM the arena alone?
    error: str = ""  # why there is nothing


@dataclass(frozen=True, slots=True)
class Work:
    """One network in one form, and what to run on it."""

    network: str
    cases: np.ndarray  # int8 (cases, h, w, c)
    expected: np.ndarray  # int8 (cases, values), onnxruntime's
    rows: Callable[[], Iterator[Row]]


def versions(tools: Tools, chosen: tuple[str, ...], needs_tflite: bool) -> dict[str, str]:
    """Of the tools. Raises PatchcError for the first that is not there."""
    found = {PATCHC: __version__}
    for tool in chosen:
        if tool in PACKAGES:
            found[tool] = tools.version(tool, PACKAGES[tool])
    if needs_tflite:
        package, wanted = CONVERTER
        found[package] = tools.version(package, wanted)
        found[TFLM] = tools.version(TFLM, PACKAGES[TFLM])
    return found


def input_shape(file: Onnx, folder: Path) -> tuple[int, ...]:
    """(h, w, c) of the file's input, as patchc's C takes it."""
    (port,) = read_interface(_template(file, folder)).inputs
    return port.shape


def _template(file: Onnx, folder: Path) -> Path:
    out = folder / TEMPLATE
    if not out.exists():
        patchc.compile(
            file.path, out, prefer="layers", name=NAME, kernels=kernel_options(PATCHC, None)
        )
    return out


# Budget and preference of `patchc compile`.
PLANS: dict[str, tuple[str | None, str | None]] = {
    "layer by layer": (None, "layers"),
    "default plan": (None, None),
    "least RAM": ("least", None),
}


def ours(file: Onnx, cases: np.ndarray, plan: str, kernels: str, folder: Path) -> Row:
    """A row of patchc's."""
    out = folder / f"{kernels}-{plan.replace(' ', '-')}"
    budget, prefer = PLANS[plan]
    begin = time.perf_counter()
    report = patchc.compile(
        file.path,
        out,
        target=CORE,
        name=NAME,
        kernels=kernel_options(kernels, None),
        budget=budget,
        prefer=prefer,
    ).report
    seconds = time.perf_counter() - begin
    bench = patchc.bench(out)
    answers = patchc.run(out, file.feed(cases))
    words = plan
    if kernels == CMSIS_NN:  # what is proved exact goes to it
        theirs, others = library_layers(report)
        words = f"{plan} by patchc, {theirs} of {theirs + others} layers"
    return Row(
        tool=kernels,
        words=words,
        input_bytes=cases[0].size,
        seconds=seconds,
        found=Measured(
            ram_bytes=report.ram.arena_bytes + bench.static_bytes + bench.stack_high_water_bytes,
            flash_bytes=bench.code_bytes + bench.weights_bytes,
            instructions=bench.instructions,
            cycles=bench.cycles,
            outputs=np.stack([files.as_int8(next(iter(a.values()))) for a in answers]),
        ),
    )


def emx(
    form: Callable[[], Onnx],
    words: str,
    cases: np.ndarray,
    width: int,
    tools: Tools,
    folder: Path,
) -> Row:
    """`width`: values of the output. Raises PatchcError."""
    file = form()
    made = folder / "emx_model.c"
    begin = time.perf_counter()
    # All constants in C, all buffers on the stack: there is no file system and no heap.
    tools.run(
        *("-m", "emx_onnx_cgen", "compile", "--model-name", "emx_model"),
        *("--large-weight-threshold", "0", "--large-temp-threshold", "0"),
        *(file.path, made),
    )
    seconds = time.perf_counter() - begin
    entry = (
        "extern void emx_model(const void *in, void *out);\n"
        "int net_run(void *arena, const void *in) { emx_model(in, arena); return 0; }\n"
    )
    source = Source([made], entry, 0, width)
    fed = np.stack([np.frombuffer(_bytes(feed), np.uint8) for feed in file.feed(cases)])
    found = foreign.measure(source, fed, folder.parent / TEMPLATE, folder / "out")
    assert found.outputs is not None
    answers = files.as_int8(found.outputs.view(np.uint8)).reshape(found.outputs.shape)
    return Row(EMX, words, fed.shape[1], seconds, replace(found, outputs=answers))


def bakenn(
    tflite: Path, words: str, cases: np.ndarray, width: int, tools: Tools, folder: Path
) -> Row:
    """Raises PatchcError."""
    made = folder / "bakenn"
    begin = time.perf_counter()
    tools.run(files.HERE / "run_bakenn.py", tflite, made, words)
    seconds = time.perf_counter() - begin
    header = (made / "bknn_net.h").read_text(encoding="utf-8")
    arena = int(re.findall(r"BKNN_NET_ARENA_SIZE (\d+)u", header)[0])
    aligned = -(-arena // ALIGN) * ALIGN
    entry = (
        '#include "bknn_net.h"\n'
        "int net_run(void *arena, const void *in)\n"
        f"{{ bknn_net_infer(arena, in, (int8_t *)arena + {aligned}); return 0; }}\n"
    )
    listed = (made / "bakenn_sources.cmake").read_text(encoding="utf-8")
    paths, includes, flags = listed_by_bakenn(listed, made)
    library = [path for path in paths if "third_party" in path.parts]
    source = Source(paths, entry, aligned, width, includes, flags, library)
    flat = cases.reshape(len(cases), -1)
    found = foreign.measure(source, flat, folder.parent / TEMPLATE, folder / "out")
    return Row(BAKENN, words, flat.shape[1], seconds, found)


def listed_by_bakenn(text: str, folder: Path) -> tuple[list[Path], list[Path], str]:
    """Sources, folders of headers and gcc's definitions of its bakenn_sources.cmake."""
    names = re.findall(r'DIR\}/([^"]+)"', text)
    sources = [folder / name for name in names if name.endswith(".c")]
    includes = [folder / name for name in names if not name.endswith(".c")]
    parts = re.findall(r"COMPILE_DEFINITIONS\n([^)]*)\)", text)
    return sources, includes, " ".join(f"-D{name}" for part in parts for name in part.split())


def tflite_micro(tflite: Path, cases: np.ndarray, tools: Tools, folder: Path) -> Row:
    """Its interpreter on this machine. Raises PatchcError."""
    inputs, outputs = folder / "in.npy", folder / "out.npy"
    np.save(inputs, cases)
    done = tools.run(files.HERE / "run_tflite_micro.py", tflite, inputs, outputs)
    (arena,) = _ARENA.findall(done.stderr + done.stdout)
    found = Measured(ram_bytes=int(arena), outputs=np.load(outputs))
    return Row(TFLM, "interpreter", 0, None, found, arena_only=True)


def _bytes(feed: dict[str, np.ndarray]) -> bytes:
    return next(iter(feed.values())).tobytes()


def onnx_work(network: str, chosen: tuple[str, ...], tools: Tools, folder: Path) -> Work:
    """The file that patchc quantised."""
    file = files.quantized(network, folder)
    cases = files.random_cases(input_shape(file, folder))
    expected = file.expected(cases)

    def rows() -> Iterator[Row]:
        yield from _ours(file, cases, chosen, folder)
        if EMX in chosen:
            forms = {
                "QDQ": lambda: file,
                "QOperator": lambda: _same(files.operators(file, folder), cases, expected),
            }
            for words, form in forms.items():
                made = _scratch(folder, f"{EMX}-{words}")
                run = partial(emx, form, words, cases, expected.shape[1], tools, made)
                yield _tried(EMX, words, run)

    return Work(network, cases, expected, rows)


def tflite_work(network: str, chosen: tuple[str, ...], tools: Tools, folder: Path) -> Work:
    """The file of Silicon Labs."""
    tflite = files.tflite(network, folder, tools)
    file = files.converted(tflite, folder, tools)
    cases = files.random_cases(input_shape(file, folder))
    expected = file.expected(cases)

    def rows() -> Iterator[Row]:
        yield from _ours(file, cases, chosen, folder)
        for words in ("portable", "optimized") if BAKENN in chosen else ():
            made = _scratch(folder, f"{BAKENN}-{words}")
            run = partial(bakenn, tflite, words, cases, expected.shape[1], tools, made)
            yield _tried(BAKENN, words, run)
        if TFLM in chosen:
            made = _scratch(folder, TFLM)
            yield _tried(TFLM, "interpreter", partial(tflite_micro, tflite, cases, tools, made))

    return Work(network, cases, expected, rows)


def _ours(file: Onnx, cases: np.ndarray, chosen: tuple[str, ...], folder: Path) -> Iterator[Row]:
    wanted = [(plan, PATCHC) for plan in PLANS if PATCHC in chosen]
    wanted += [("layer by layer", CMSIS_NN)] if CMSIS_NN in chosen else []
    for plan, kernels in wanted:
        yield _tried(kernels, plan, partial(ours, file, cases, plan, kernels, folder))


def _same(form: Onnx, cases: np.ndarray, expected: np.ndarray) -> Onnx:
    """A further form of a file. Raises PatchcError where onnxruntime answers otherwise by it."""
    if (form.expected(cases) != expected).any():
        raise PatchcError("onnxruntime answers otherwise by this form of the file")
    return form


def _scratch(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made


def _tried(tool: str, words: str, run: Callable[[], Row]) -> Row:
    """Its row, or one that says why there is none."""
    try:
        return run()
    except PatchcError as error:
        return Row(tool, words, 0, error=files.first_error(str(error)))
