"""ImageNet networks on a Cortex-M4F in a RAM region of 63 000 bytes that holds everything.

    python -m benchmarks.headline [--only NETWORK] [--photos N] [--opt -Os] [--json FILE]
                                  [--kernels patchc|cmsis-nn|auto] [--cmsis-nn DIR]

Arena, statics and stack share a region of 63 000 bytes under QEMU, with the MPU open for nothing
else of the RAM. Per network: the photos through the firmware, compared byte by byte with
onnxruntime's integer kernels; the first and last byte of the arena that was written, and the
painted stack beside its bound; then one photo in a region of exactly arena + statics + bound, and
the same region 16 bytes shorter, which must not link. Where a network
does not fit by the kernels that are asked for, the least that the search reaches by them is printed
with the buffers that set it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

import patchc
from benchmarks import cmsis_nn
from benchmarks.cores import library_layers
from examples.common import say
from examples.zoo import build_float, find
from patchc.errors import PatchcError
from patchc.frontend.export import to_qoperator
from patchc.ir import Graph
from patchc.kernel_options import KernelOptions
from patchc.measure.stack import FLAGS, firmware_bound
from patchc.programs.firmware import Firmware, build
from patchc.verify.golden import Case, Maps, graph_inputs
from patchc.verify.network import load_stages, stacked, unstacked
from patchc.verify.sessions import session

NETWORKS = ("mobilenet_v2_224", "efficientnet_lite0_224")
CORE = "cortex-m4"
RAM_BYTES = 63_000
SHORTER = 16  # bytes


@dataclass(frozen=True, slots=True)
class Result:
    """What a network gave. Bytes, unless said otherwise."""

    network: str
    opt: str
    region_bytes: int
    arena_bytes: int
    static_bytes: int
    stack_bytes: int  # by the call graph
    stack_painted_bytes: int
    predicted_bytes: int  # the report's total, before anything was measured
    arena_first_written: int  # offsets
    arena_last_written: int
    photos: int
    right: int  # photos
    right_onnxruntime: int
    bytes_compared: int
    bytes_different: int
    exact_region_differs: int  # bytes, in a region of exactly the total
    shorter_region: str  # what linking said 16 bytes below
    library_layers: tuple[int, int]  # that CMSIS-NN computes, and that it does not

    @property
    def total_bytes(self) -> int:
        return self.arena_bytes + self.static_bytes + self.stack_bytes

    @property
    def stack_slack(self) -> int:
        """Bytes that the bound may be above what was taken: CMSIS-NN's functions have ways inside
        that these layers do not go, and the bound counts the deepest."""
        return 256 if self.library_layers[0] else 64

    @property
    def holds(self) -> bool:
        slack = self.predicted_bytes - self.total_bytes
        return (
            not self.bytes_different
            and not self.exact_region_differs
            and self.right == self.right_onnxruntime
            and self.total_bytes <= self.region_bytes
            and 0 <= self.stack_bytes - self.stack_painted_bytes <= self.stack_slack
            and (self.arena_first_written, self.arena_last_written) == (0, self.arena_bytes - 1)
            and 0 <= slack <= max(512, self.total_bytes * 0.02)
            and "overflowed" in self.shorter_region
        )


def measure(name: str, photos: int, opt: str, kernels: KernelOptions, folder: Path) -> Result:
    """Compile, link and run one network. Raises PatchcError where it does not fit."""
    network = find(name)
    quantized, out = folder / f"{name}.onnx", folder / "out"
    patchc.quantize(build_float(name), quantized, calibration=network.calibration())
    report = patchc.compile(
        quantized, out, budget=RAM_BYTES, prefer="speed", target=CORE, name="net", kernels=kernels
    ).report
    imported = load_stages(out).imported
    samples = network.check_inputs()
    cases: list[Case] = [{k: v[i : i + 1] for k, v in samples.items()} for i in range(photos)]
    maps = graph_inputs(imported, cases)
    image = build(out, CORE, ram_bytes=RAM_BYTES, opt=opt, extra_flags=FLAGS)
    stack = firmware_bound(out, image).bytes
    say(f"{name}: {photos} photos through the firmware")
    run = image.run(stacked(maps))
    expected = _onnxruntime(imported.graph, maps)
    found = unstacked(run.outputs)
    labels = network.check_labels() or ()
    total = image.arena_bytes + image.static_bytes + stack
    say(f"{name}: a region of {total} bytes")
    exact = build(out, CORE, ram_bytes=total, stack_bytes=stack, opt=opt, extra_flags=FLAGS)
    return Result(
        network=name,
        opt=opt,
        region_bytes=image.ram_bytes,
        arena_bytes=image.arena_bytes,
        static_bytes=image.static_bytes,
        stack_bytes=stack,
        stack_painted_bytes=run.stack_high_water_bytes,
        predicted_bytes=report.ram.total_bytes,
        arena_first_written=run.arena_first_written,
        arena_last_written=run.arena_last_written,
        photos=photos,
        right=_right(found, labels),
        right_onnxruntime=_right(expected, labels),
        bytes_compared=sum(values.size for outputs in expected for values in outputs.values()),
        bytes_different=_different(found, expected),
        exact_region_differs=_different(_run_one(exact, maps[0]), expected[:1]),
        shorter_region=_refusal(out, total - SHORTER, stack, opt),
        library_layers=library_layers(report),
    )


def _onnxruntime(graph: Graph, maps: Sequence[Maps]) -> list[Maps]:
    """Integer kernels on the Graph written back as integer operators: int8 (h, w, c)."""
    running = session(to_qoperator(graph))
    answers = []
    for feeds in maps:
        inputs = {name: values.transpose(2, 0, 1)[None] for name, values in feeds.items()}
        found = running.run(list(graph.outputs), inputs)
        pairs = zip(graph.outputs, found, strict=True)
        answers.append({name: values[0].transpose(1, 2, 0) for name, values in pairs})
    return answers


def _run_one(image: Firmware, maps: Maps) -> list[dict[str, np.ndarray]]:
    return unstacked(image.run(stacked([maps])).outputs)


def _refusal(out: Path, ram_bytes: int, stack: int, opt: str) -> str:
    try:
        build(out, CORE, ram_bytes=ram_bytes, stack_bytes=stack, opt=opt, extra_flags=FLAGS)
    except PatchcError as error:
        (line, *_) = [text for text in str(error).splitlines() if "overflowed" in text] or [""]
        return line.strip()
    return "it links"


def _different(found: Sequence[Maps], expected: Sequence[Maps]) -> int:
    return sum(
        int((ours[name] != theirs[name]).sum())
        for ours, theirs in zip(found, expected, strict=True)
        for name in theirs
    )


def _right(answers: Sequence[Maps], labels: Sequence[int]) -> int:
    return sum(
        int(next(iter(outputs.values())).argmax()) == label
        for outputs, label in zip(answers, labels, strict=False)
    )


def render(r: Result) -> str:
    """A paragraph of 80 columns."""
    return f"""\
{r.network}, {CORE} {r.opt}: {"holds" if r.holds else "DOES NOT HOLD"}
  region {r.region_bytes}: arena {r.arena_bytes} + static {r.static_bytes} + stack \
{r.stack_bytes} = {r.total_bytes}; predicted {r.predicted_bytes}
  arena bytes {r.arena_first_written} .. {r.arena_last_written} written, stack painted \
{r.stack_painted_bytes}
{_library(r)}  {r.photos} photos: top-1 {r.right}, onnxruntime {r.right_onnxruntime}; \
{r.bytes_different} of {r.bytes_compared} bytes differ
  region of {r.total_bytes}: {r.exact_region_differs} bytes differ; \
{SHORTER} bytes less: {r.shorter_region.rsplit(":", 1)[-1].strip()}
"""


def _library(r: Result) -> str:
    theirs, others = r.library_layers
    return f"  CMSIS-NN computes {theirs} of {theirs + others} layers\n" if theirs + others else ""


@click.command()
@click.option("--only", type=click.Choice(NETWORKS), multiple=True, help="Some networks.")
@click.option("--photos", default=20, show_default=True, help="Of the 20 that there are.")
@click.option("--opt", default="-O2", show_default=True, help="Of the network's files.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all figures.")
@cmsis_nn.kernel_choice
def main(
    only: tuple[str, ...],
    photos: int,
    opt: str,
    json_file: Path | None,
    kernels: str,
    cmsis_dir: Path | None,
) -> None:
    """ImageNet networks in 63 000 bytes; exit code 1 when one does not hold."""
    results = []
    options = cmsis_nn.kernel_options(kernels, cmsis_dir)
    fits = True
    for name in only or NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                results.append(measure(name, photos, opt, options, Path(folder)))
            except PatchcError as error:
                click.echo(f"{name}, {CORE} {opt}: {error}")
                fits = False
                continue
        click.echo(render(results[-1]), nl=False)
    if json_file:
        json_file.write_text(json.dumps([asdict(r) for r in results], indent=1) + "\n")
    sys.exit(0 if fits and all(result.holds for result in results) else 1)


if __name__ == "__main__":
    main()
