"""What static analysers say of the C: runtime_c and small networks as emitted.

    python -m benchmarks.static_analysis [--tool NAME ...] [--findings] [--write]

Analysers are gcc's (-fanalyzer), clang's, clang-tidy and cppcheck with its addon for MISRA
C:2012; those that are not installed are named and left out. benchmarks/deviations.tsv says of each
rule how many findings there may be, and why they stay. A finding of a rule that is not listed, or
more of one than are listed, make the exit code 1. --write writes docs/static-analysis.md.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from patchc.codegen import emit
from patchc.outdir import write_files
from tests.c.emitted import GOLDEN, options, placed

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = ROOT / "runtime_c"
DEVIATIONS = Path(__file__).with_name("deviations.tsv")
PAGE = ROOT / "docs" / "static-analysis.md"
# Of the networks of tests/golden_c: between them every kind of function that is emitted.
NETWORKS = ("classifier_tiles", "grouped_extern_weights", "rows_in_two_stripes", "upwards_extern")
PORTABLE, CORES = ("portable", "narrow"), ("dsp", "mve")
ARM = ("-mthumb", "-mfloat-abi=hard")
CORE_FLAGS = {
    "dsp": (*ARM, "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16"),
    "mve": (*ARM, "-mcpu=cortex-m55"),
}
# Left out: advice on the order of parameters, and on functions of the C library that are not used.
TIDY_CHECKS = (
    "-*,bugprone-*,cert-*,clang-analyzer-*,portability-*,-bugprone-easily-swappable-parameters,"
    "-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling"
)
LINE = re.compile(
    r"^(?P<file>[^:\s]+):(?P<line>\d+):(?P<column>\d+): "
    r"(?:warning|error|style|performance|portability): (?P<text>.*) \[(?P<rule>[\w.,=+-]+)\]$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What a tool says of one place."""

    tool: str
    rule: str
    file: str
    line: int
    column: int
    text: str

    @property
    def place(self) -> str:
        """Where deviations are counted: in the kernels, or in what is emitted beside them."""
        return "runtime" if self.file.startswith("runtime_c") else "emitted"


@dataclass(frozen=True, slots=True)
class Deviation:
    """Findings of a rule that stay, and why."""

    tool: str
    rule: str
    runtime: int  # at most so many findings
    emitted: int
    reason: str


@dataclass(frozen=True, slots=True)
class Job:
    """Files that one command looks at."""

    files: tuple[Path, ...]
    flags: tuple[str, ...]
    compiler: str = "gcc"


def jobs(emitted: Path) -> Iterator[Job]:
    """The runtime, folder by folder, and the networks in `emitted`."""
    included = tuple(f"-I{RUNTIME / name}" for name in ("include", "portable"))
    for folder in PORTABLE:
        yield Job(tuple(sorted((RUNTIME / folder).glob("*.c"))), included)
    for folder in CORES:
        files = tuple(sorted((RUNTIME / folder).glob("*.c")))
        yield Job(files, (*included, *CORE_FLAGS[folder]), "arm-none-eabi-gcc")
    for name in NETWORKS:
        folder = emitted / name
        yield Job(tuple(sorted(folder.glob("src/net*.c"))), (f"-I{folder / 'include'}",))


def gcc(job: Job) -> str:
    """gcc's analyser, of the compiler that the files are for."""
    flags = ("-std=c99", "-O1", "-fanalyzer", "-Wall", "-Wextra", "-fdiagnostics-plain-output")
    return _each([job.compiler, *flags, "-S", "-o", "/dev/null"], job)


def clang(job: Job) -> str:
    """clang's analyser, for what is not for one core."""
    flags = ("--analyze", "--analyzer-output", "text", "-std=c99", "-Wall", "-Wextra")
    return _each(["clang", *flags], job) if job.compiler == "gcc" else ""


def clang_tidy(job: Job) -> str:
    if job.compiler != "gcc":
        return ""
    command = ["clang-tidy", "--quiet", f"--checks={TIDY_CHECKS}", "--header-filter=patchc|net"]
    return _run([*command, *map(str, job.files), "--", "-std=c99", *job.flags])


def cppcheck(job: Job) -> str:
    if "-mcpu=cortex-m55" in job.flags:
        return ""  # it does not know the vector types
    enabled = "--enable=warning,style,performance,portability"
    form = "--template={file}:{line}:{column}: warning: {message} [{id}]"
    # Copies of the kernels beside an emitted network are the runtime's.
    included = [flag for flag in job.flags if flag.startswith("-I")]
    command = ["cppcheck", "-q", "--std=c99", "--addon=misra", enabled, form, *included]
    silent = ("--suppress=missingIncludeSystem", "--suppress=toomanyconfigs")
    return _run([*command, *silent, *map(str, job.files)])


PAGE_HEAD = """# Static analysis

`python -m benchmarks.static_analysis` (or `make analyse`) asks gcc -fanalyzer, clang --analyze,
clang-tidy and cppcheck with its addon for MISRA C:2012, as far as they are installed, about
`runtime_c` (gcc also with the flags of Cortex-M4 and M55; clang, clang-tidy: `portable` and
`narrow`; cppcheck: all but `mve`) and about four networks of `tests/golden_c` as emitted. The table
is `benchmarks/deviations.tsv`: findings that stay, at most so many, and why. Any other makes the
exit code 1. `--findings` prints each one. What cppcheck 2.10 finds was not the same in two runs
(178 and 171 of 12.1, 4 and 6 of 13.4, 10 and 0 of 8.5): the table has the larger figures.

| tool | rule | in runtime_c | as emitted | why it stays |
|---|---|---:|---:|---|
"""

TOOLS: Mapping[str, Callable[[Job], str]] = {
    "gcc": gcc,
    "clang": clang,
    "clang-tidy": clang_tidy,
    "cppcheck": cppcheck,
}


def _each(command: list[str], job: Job) -> str:
    return "".join(_run([*command, *job.flags, str(file)]) for file in job.files)


def _run(command: list[str]) -> str:
    """What a command says, on both streams; nothing where its program is missing."""
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{done.stdout}\n{done.stderr}\n"


def parsed(tool: str, text: str, roots: Mapping[Path, str]) -> set[Finding]:
    """Findings in a tool's text; files are named relative to `roots`."""
    found = set()
    for match in LINE.finditer(text):
        file = str(Path(match["file"]).resolve())
        for root, name in roots.items():
            file = file.replace(f"{root}/", name)
        if re.search(r"emitted/\w+/patchc_", file):  # a copy of the runtime's
            continue
        rule = match["rule"].split(",")[0]
        place = int(match["line"]), int(match["column"])
        found.add(Finding(tool, rule, file, *place, match["text"]))
    return found


def analysed(tools: Iterable[str]) -> list[Finding]:
    """All that these tools find, each place once."""
    found: set[Finding] = set()
    with tempfile.TemporaryDirectory() as name:
        emitted = Path(name).resolve()
        for network in NETWORKS:
            case = GOLDEN[network]
            settings = options(weights=case.weights)
            write_files(emitted / network, emit(*placed(case.schedule()), settings))
        roots = {ROOT: "", emitted: "emitted/"}
        for tool in tools:
            for job in jobs(emitted):
                found |= parsed(tool, TOOLS[tool](job), roots)
    return sorted(found)


def read_deviations(text: str) -> list[Deviation]:
    """deviations.tsv: a line per rule of a tool; lines that begin with # are notes."""
    lines = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return [
        Deviation(tool, rule, int(runtime), int(emitted), reason)
        for tool, rule, runtime, emitted, reason in lines
    ]


def surplus(found: Iterable[Finding], listed: Iterable[Deviation]) -> list[str]:
    """A line for each rule of which there are more findings than are listed."""
    most = {}
    for one in listed:
        most[one.tool, one.rule, "runtime"] = one.runtime
        most[one.tool, one.rule, "emitted"] = one.emitted
    counts = Counter((one.tool, one.rule, one.place) for one in found)
    return [
        f"{tool} {rule}: {count} findings in {place}, {most.get((tool, rule, place), 0)} are listed"
        for (tool, rule, place), count in sorted(counts.items())
        if count > most.get((tool, rule, place), 0)
    ]


def page(listed: Iterable[Deviation]) -> str:
    """docs/static-analysis.md."""
    rows = [f"| {d.tool} | {d.rule} | {d.runtime} | {d.emitted} | {d.reason} |" for d in listed]
    return PAGE_HEAD + "\n".join(rows) + "\n"


@click.command()
@click.option("--tool", "chosen", type=click.Choice(list(TOOLS)), multiple=True, help="All.")
@click.option("--findings", is_flag=True, help="Print each finding.")
@click.option("--write", is_flag=True, help="Write docs/static-analysis.md.")
def main(chosen: tuple[str, ...], findings: bool, write: bool) -> None:
    """Analyse, and compare with the list."""
    listed = read_deviations(DEVIATIONS.read_text(encoding="utf-8"))
    if write:
        PAGE.write_text(page(listed), encoding="utf-8")
        return
    wanted = chosen or tuple(TOOLS)
    there = [tool for tool in wanted if shutil.which(tool)]
    found = analysed(there)
    for one in found if findings else ():
        click.echo(f"{one.file}:{one.line}:{one.column}: {one.text} [{one.tool} {one.rule}]")
    for (tool, rule, place), count in sorted(
        Counter((one.tool, one.rule, one.place) for one in found).items()
    ):
        click.echo(f"{count:6} {place} {tool} {rule}")
    for tool in sorted(set(wanted) - set(there)):
        click.echo(f"{tool} is not installed: it was not asked")
    wrong = surplus(found, listed)
    for line in wrong:
        click.echo(line)
    click.echo(f"{len(found)} findings, {len(wrong)} rules with more than are listed")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
