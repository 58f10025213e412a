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

from patchc.frontend.ops import handlers
from tests.golden.node_chain import Outcome, run
from tests.golden.node_programs import differing, groups
from tests.golden.node_table import HEADING, PAGE, form_counts, row, versions
from tests.golden.node_tests import collect, covered_operators, of_operator

START, END = "<!-- table -->\n", "<!-- end of table -->\n"


def missing() -> list[str]:
    """Tests of operators in the importer's registry that are not in the module called like them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = collect_testcases()
    found = {test.name for operator in covered_operators() for test in collect(operator)}
    return [
        test.name
        for operator in sorted({name for domain, name in handlers() if not domain})
        for test in of_operator(operator, cases)
        if test.name not in found
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
    "--only", multiple=True, type=click.Choice(covered_operators()), help="Some operators."
)
@click.option("--write", is_flag=True, help="Put the table into docs/backend-tests.md.")
def main(only: tuple[str, ...], write: bool) -> None:
    """Run the node tests and print the table."""
    if write and only:
        raise click.UsageError("--write takes all operators")
    wrong = [] if only else [f"{name}: not collected" for name in missing()]
    found: dict[str, list[Outcome]] = {}
    for group in groups(only or covered_operators()):
        for operator in group:
            found[operator] = [run(test) for test in collect(operator)]
        outcomes = [one for operator in group for one in found[operator]]
        with tempfile.TemporaryDirectory() as folder:
            wrong += [text for one in outcomes for text in one.failures]
            wrong += differing(outcomes, Path(folder))
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
