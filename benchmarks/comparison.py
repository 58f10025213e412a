"""patchc beside other tools that make C of a quantised network: docs/comparison.md.

    python -m benchmarks.comparison [--only NETWORK]... [--tool TOOL]... [--tools PYTHON]
                                    [--page docs/comparison.md]

Two tables: of ONNX files that patchc quantised, and of TensorFlow Lite files of Silicon Labs; all
from bytes to bytes. The C of every tool is built with the same gcc and flags, linked with the same
test image, run under QEMU's Cortex-M4 and counted by the same plugin. RAM is what it takes in all
as linked: arena with the output, statics, and the stack as painted memory shows it; then the same
with the input, where the caller has it as a whole. `differ`: bytes of the outputs, of 20 random
inputs, that are not onnxruntime's. Cycles are an estimate (docs/figures.md), `tool s` what the tool
takes to write its C. The other tools are packages of PYTHON, by default of this one.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import click

from benchmarks.comparing import contenders
from benchmarks.comparing.contenders import EMX, PATCHC, TOOLS, Row, Work
from benchmarks.comparing.files import TFLITE, Tools
from benchmarks.comparing.table import Result, by_figures, table
from examples.common import OneMessage, say
from examples.pages import placed
from patchc.programs.program import run_command
from patchc.targets.toolchain import ARM

NETWORKS = (
    *("keywords_ds_cnn", "resnet8_cifar10"),
    *("vww_mobilenet_v1_96", "mobilenet_v2_035_144"),
)
PLACE = "comparison"
_SECONDS = 60
SECTIONS: dict[str, Callable[[str, tuple[str, ...], Tools, Path], Work]] = {
    "ONNX, quantised by patchc:": contenders.onnx_work,
    "TensorFlow Lite, by Silicon Labs:": contenders.tflite_work,
}


def takes_tflite(networks: tuple[str, ...], chosen: tuple[str, ...]) -> bool:
    """Is there a TensorFlow Lite file among the networks, and a tool that reads it?"""
    return bool(set(networks) & set(TFLITE)) and bool(set(chosen) - {EMX})


def results(
    networks: tuple[str, ...], chosen: tuple[str, ...], tools: Tools
) -> Iterator[tuple[str, Result]]:
    """Per network and section."""
    for network in networks:
        for section, make in SECTIONS.items():
            if make is contenders.tflite_work and not takes_tflite((network,), chosen):
                continue
            with tempfile.TemporaryDirectory() as name:
                say(f"{network}: {section}")
                work = make(network, chosen, tools, Path(name))
                rows = []
                for row in work.rows():
                    say(f"  {row.tool}, {row.words}: {row.error or _short(row)}")
                    rows.append(row)
                yield section, Result(network, work.expected, rows)


def _short(row: Row) -> str:
    return f"{row.found.ram_bytes} B, {row.found.instructions} instructions"


def measured_with(tools: Tools, chosen: tuple[str, ...], needs_tflite: bool) -> str:
    """A line of versions, and the day."""
    found = contenders.versions(tools, chosen, needs_tflite)
    programs = [
        run_command([program, "--version"], _SECONDS).splitlines()[0]
        for program in (ARM.compiler, ARM.qemu)
    ]
    words = ", ".join([*(f"{name} {version}" for name, version in found.items()), *programs])
    return f"Measured on {date.today().isoformat()} with {words}."


def text_of(measured: str, found: Mapping[str, Sequence[Result]]) -> str:
    """All tables, in Markdown."""
    lines = [measured, ""]
    for section, results in found.items():
        if results:
            beside = SECTIONS[section] is contenders.tflite_work
            lines += [section, "", *table(results, beside), "", "First in each:", ""]
            lines += [*by_figures(results), ""]
    return "\n".join(lines[:-1]) + "\n"


def is_exact(row: Row, result: Result) -> bool:
    """Is every byte onnxruntime's?"""
    outputs = row.found.outputs
    return outputs is not None and bool((outputs == result.expected).all())


@click.command(cls=OneMessage, help=(__doc__ or "").splitlines()[0])
@click.option("--only", multiple=True, type=click.Choice(NETWORKS), help="Some networks.")
@click.option("--tool", "chosen", multiple=True, type=click.Choice(TOOLS), help="Some tools.")
@click.option(
    "--tools",
    "python",
    default=sys.executable,
    help="The Python that the other tools are installed in.  [default: this one]",
)
@click.option("--page", type=click.Path(path_type=Path), help="Markdown to write the tables into.")
def main(only: tuple[str, ...], chosen: tuple[str, ...], python: str, page: Path | None) -> None:
    """Print the tables; exit code 1 where a byte of patchc's is not onnxruntime's."""
    if page is not None and (only or chosen):
        raise click.UsageError("--page takes all networks and tools: leave --only and --tool out")
    networks, chosen, tools = only or NETWORKS, chosen or TOOLS, Tools(python)
    measured = measured_with(tools, chosen, takes_tflite(networks, chosen))
    found: dict[str, list[Result]] = {section: [] for section in SECTIONS}
    text = ""
    for section, result in results(networks, chosen, tools):
        found[section].append(result)
        text = text_of(measured, found)
        if page is not None:  # network by network: all of them take a while
            page.write_text(placed(page.read_text("utf-8"), PLACE, f"\n{text}\n"), "utf-8")
    click.echo(text, nl=False)
    wrong = [
        row
        for section_results in found.values()
        for result in section_results
        for row in result.rows
        if row.tool == PATCHC and not is_exact(row, result)
    ]
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
