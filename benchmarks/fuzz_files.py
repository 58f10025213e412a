"""patchc on damaged ONNX files, counted by what came of it.

    python -m benchmarks.fuzz_files --count 2000 --seed 1 [--kind graph] [--keep FOLDER]

Small sound files (benchmarks/fuzzing/bases.py) are damaged: protobuf's bytes, fields, the graph,
shapes, scales, names, external data. Each is compiled, half of them under a budget, in a process
with limits of time and memory. What is accepted is verified: the schedule over shadow memory, and
that against numpy and onnxruntime, every so many with the C. A file that is neither refused with
one message nor verified stays in the folder, and the exit code is 1.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import click
import onnxruntime

import patchc
from benchmarks.fuzzing.limited import Limits, Tried, tried
from benchmarks.fuzzing.mutations import KINDS, Mutant, mutant
from patchc import cli
from patchc.codegen.emit import _environment as c_templates
from patchc.reference import run_graph, run_schedule
from patchc.report.page.render import _environment as page_templates
from patchc.verify.cases import random_cases
from patchc.verify.golden import golden, graph_inputs
from patchc.verify.network import load_stages
from patchc.verify.verify import compare_bytes

MODEL, OUT = "m.onnx", "out"
BUDGETS = ("4k", "64k", "1", "2500", "3k", "1200")
GOOD = frozenset({"refused", "verified", "verified as C"})


def load_everything() -> None:
    """Modules and templates, so that no try has to: patchc loads what a command needs when it
    needs it, which takes longer than a small network."""
    for module in pkgutil.walk_packages(patchc.__path__, "patchc."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for templates in (c_templates(), page_templates()):
        for name in templates.list_templates():
            if not name.startswith("report/"):  # which are seen by both
                templates.get_template(name)


def verify_without_c(out: Path) -> None:
    """What `patchc verify` compares, with the schedule over shadow memory in the C's place."""
    stages = load_stages(out)
    cases = random_cases(stages.imported, 1, 0)
    maps = graph_inputs(stages.imported, cases)
    graph = [run_graph(stages.graph, values) for values in maps]
    schedule = [run_schedule(stages.schedule, stages.placement, values) for values in maps]
    equal = compare_bytes("schedule = graph", stages.graph.outputs, schedule, graph)
    failures = golden(stages.imported, cases, schedule).failures
    if equal.bytes_different or failures:
        print("; ".join(failures) or "the schedule differs from the graph")
        sys.exit(cli.MISMATCH_STATUS)


def outcome(found: Mutant, folder: Path, budget: str | None, as_c: bool, limits: Limits) -> str:
    """What patchc makes of it, in `folder`: one of GOOD, or what is wrong."""
    for name, data in {MODEL: found.content, **found.beside}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    before = sorted(folder.rglob("*"))
    words = ["compile", MODEL, "-o", OUT, *(["--budget", budget] if budget else [])]
    first = _reason(tried(lambda: cli.main(words), folder, limits))
    if first == "refused" and sorted(folder.rglob("*")) != before:
        return "refused, but it left files"
    if first != "ok":
        return first
    check = ["verify", OUT, "--cases", "1"]
    second = _reason(
        tried(lambda: cli.main(check) if as_c else verify_without_c(folder / OUT), folder, limits)
    )
    if second != "ok":
        return f"{second}, in verify"
    return "verified as C" if as_c else "verified"


def _reason(end: Tried) -> str:
    lines = end.err.strip().splitlines() or end.out.strip().splitlines() or [""]
    last = re.sub(r"\d+", "N", lines[-1])[:120]
    if end.timed_out:
        return "timeout"
    if "out of memory" in end.err or "MemoryError" in end.err or "bad_alloc" in end.err:
        return "memory"
    if "Traceback" in end.err or "internal error" in end.err:
        return f"traceback: {last}"
    if end.status == cli.MISMATCH_STATUS:
        return f"mismatch: {last}"
    if end.status == cli.ERROR_STATUS:
        return "refused" if end.err.count("patchc: error:") == 1 else f"not one message: {last}"
    return "ok" if end.status == 0 else f"exit {end.status}: {last}"


def try_one(
    found: Mutant, seed: int, index: int, c_every: int, limits: Limits, keep: Path | None
) -> str:
    """The outcome of one mutant; its files stay in `keep` where it is none of GOOD."""
    source = random.Random(f"{seed}/{index}/how")
    budget = source.choice(BUDGETS) if source.random() < 0.5 else None
    as_c = bool(c_every) and source.randrange(c_every) == 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        came = outcome(found, folder, budget, as_c, limits)
        if came not in GOOD:
            words = f"{seed}/{index} {found.base} {found.kind}: {found.words} (budget {budget})"
            click.echo(f"{came}\n    {words}")
            if keep:
                shutil.rmtree(folder / OUT, ignore_errors=True)
                target = keep / f"{seed}-{index}"
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(folder, target)
                (target / "what.txt").write_text(f"{came}\n{words}\n", encoding="utf-8")
    return came


@click.command()
@click.option("--count", default=2000, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--first", default=0, show_default=True, help="The number of the first mutant.")
@click.option("--kind", type=click.Choice(KINDS), multiple=True, help="All, by default.")
@click.option("--c-every", default=10, show_default=True, help="0: no C.")
@click.option("--seconds", default=30, show_default=True, help="Of CPU, for one command.")
@click.option("--gigabytes", default=2, show_default=True, help="Of address space.")
@click.option("--keep", default="build/fuzz_files", show_default=True, help="Where failures go.")
def main(
    count: int,
    seed: int,
    first: int,
    kind: tuple[str, ...],
    c_every: int,
    seconds: int,
    gigabytes: int,
    keep: str,
) -> None:
    """Try the mutants and print the counts."""
    onnxruntime.set_default_logger_severity(4)
    load_everything()
    limits = Limits(seconds, gigabytes << 30)
    tally: Counter[str] = Counter()
    for index in range(first, first + count):
        came = try_one(mutant(seed, index, kind), seed, index, c_every, limits, Path(keep))
        tally[came] += 1
        if (index + 1 - first) % 100 == 0:
            print(f"{index + 1 - first} files", file=sys.stderr, flush=True)
    click.echo(f"seed {seed}, {count} files from number {first}:")
    for came, number in sorted(tally.items(), key=lambda item: (-item[1], item[0])):
        click.echo(f"{number:7,} {came}")
    sys.exit(any(came not in GOOD for came in tally))


if __name__ == "__main__":
    main()
