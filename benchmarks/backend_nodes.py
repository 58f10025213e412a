"""onnx's backend node tests: how many apply to patchc, how many pass, and why others do not apply.

    python -m benchmarks.backend_nodes [--write] [--only Conv]

Each test goes through the whole compiler and every comparison that
tests/golden/test_backend_nodes.py makes. --write puts the table into docs/backend-tests.md.
Exit status 1: a test fails.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import click
from onnx.backend.test.case.node import collect_testcases

from tests.golden.node_chain import Outcome, run
from tests.golden.node_programs import differing
from tests.golden.node_table import HEADING, PAGE, form_counts, row, versions
from tests.golden.node_tests import collect, of_operator, tested_operators

START, END = "<!-- table -->\n", "<!-- end of table -->\n"


def outcomes_of(operator: str) -> tuple[list[Outcome], list[str]]:
    """What became of its tests, and what does not hold."""
    outcomes = [run(test) for test in collect(operator)]
    failures = [text for one in outcomes for text in one.failures]
    programs = [one.compiled[0] for one in outcomes if one.compiled]
    if programs:
        with tempfile.TemporaryDirectory() as folder:
            failures += differing(programs, Path(folder))
    return outcomes, failures


def missing() -> list[str]:
    """Tests of the operators that are not in the modules called like them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = collect_testcases()
    return [
        test.name
        for operator in tested_operators()
        for test in of_operator(operator, cases)
        if test.name not in {own.name for own in collect(operator)}
    ]


def table(found: dict[str, list[Outcome]]) -> str:
    """The part of the page that is generated."""
    everything = [one for outcomes in found.values() for one in outcomes]
    applying = sum(bool(one.compiled) for one in everything)
    forms = form_counts(everything)
    lines = [
        f"With {versions()}: {len(everything)} tests of {len(found)} operators, {applying} apply, "
        f"{len(everything) - applying} do not. Forms of those that apply: "
        + ", ".join(f"{count} {words}" for words, count in sorted(forms.items()))
        + ".",
        "",
        HEADING,
        *(row(operator, outcomes) for operator, outcomes in found.items()),
    ]
    return "\n".join(lines) + "\n"


@click.command()
@click.option(
    "--only", multiple=True, type=click.Choice(tested_operators()), help="Some operators."
)
@click.option("--write", is_flag=True, help="Put the table into docs/backend-tests.md.")
def main(only: tuple[str, ...], write: bool) -> None:
    """Run the node tests and print the table."""
    if write and only:
        raise click.UsageError("--write takes all operators")
    found, wrong = {}, [] if only else [f"{name}: not collected" for name in missing()]
    for operator in only or tested_operators():
        found[operator], failures = outcomes_of(operator)
        wrong += failures
    text = table(found)
    click.echo(text, nl=False)
    for line in wrong:
        click.echo(line)
    if write:
        before, rest = PAGE.read_text(encoding="utf-8").split(START)
        after = rest.split(END)[1]
        PAGE.write_text(before + START + text + END + after, encoding="utf-8")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
