"""The tables of docs/operators.md, from the code: python -m benchmarks.operators writes them anew.

Prose around the tables stays. What is in them: the importer's entries (what they make and refuse,
and the first paragraph of their docstrings), the operators of the Graph, the kernels and cores, and
the modules of tests that name an operator of ONNX.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import click

import patchc.ir
from examples.pages import placed
from patchc.frontend.load import MICROSOFT
from patchc.frontend.ops import entries
from patchc.frontend.registry import Entry
from patchc.geometry.axis import streams
from patchc.ir import Op
from patchc.kernels.kernel import Order
from patchc.kernels.registry import KERNELS
from patchc.targets.cores import CORES

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "operators.md"


def updated(page: str) -> str:
    """The text of the page with its tables made anew: each lies between two comments."""
    for name, table in (("onnx", onnx_table()), ("graph", graph_table())):
        page = placed(page, name, table)
    return page


def onnx_table() -> str:
    """Operators of ONNX files: what of them is read, what they become, what is refused."""
    tests = _tests()
    rows = [
        (
            ", ".join(f"`{name}`" for name in _names(entry)),
            _first_paragraph(entry.handler.__doc__ or ""),
            ", ".join(kind.__name__ for kind in entry.makes) or "-",
            entry.limits,
            ", ".join(_naming(tests, _names(entry))),
        )
        for entry in sorted(entries().values(), key=_place)
    ]
    headings = ("in the ONNX file", "what is read", "becomes", "what is not supported", "tests")
    return _markdown(headings, rows)


def graph_table() -> str:
    """Operators of the Graph: where they run, and by which kernels."""
    rows = []
    for kind in graph_operators():
        kernels = [kernel for kernel in KERNELS.values() if kernel.operator is kind]
        flavours = {kernel.flavour for kernel in kernels}
        cores = [name for name, core in CORES.items() if flavours & set(core.flavours)]
        in_place = all(kernel.order is Order.ELEMENT for kernel in kernels)
        rows.append(
            (
                kind.__name__,
                _first_paragraph(kind.__doc__ or ""),
                "yes" if streams(kind) else "no",
                "yes" if in_place else "no",
                ", ".join(kernel.name for kernel in kernels),
                "all" if set(cores) == set(CORES) else ", ".join(cores),
            )
        )
    headings = ("in the Graph", "what it is", "in tunnels", "in place", "kernels", "cores")
    return _markdown(headings, rows)


def graph_operators() -> list[type[Op]]:
    """Those that nodes can have, in the order of their definition."""
    known = [getattr(patchc.ir, name) for name in patchc.ir.__all__]
    kinds = {kind for kind in known if isinstance(kind, type) and issubclass(kind, Op)}
    leaves = {kind for kind in kinds if not any(kind in other.__bases__ for other in kinds)}
    source = Path(patchc.ir.graph.__file__).read_text(encoding="utf-8")
    return sorted(leaves, key=lambda kind: source.index(f"class {kind.__name__}("))


def _place(entry: Entry) -> tuple[str, int]:
    """Where its function stands: file by file, from above."""
    return entry.handler.__module__, entry.handler.__code__.co_firstlineno


def _names(entry: Entry) -> list[str]:
    """Without their domains; those of ONNX itself first, each once."""
    ordered = sorted(entry.operators, key=lambda item: item[0] == MICROSOFT)
    return list(dict.fromkeys(name for _, name in ordered))


def _first_paragraph(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())


def _tests() -> Mapping[str, str]:
    """Module of tests -> its text."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return {path.stem: path.read_text(encoding="utf-8") for path in files}


def _naming(tests: Mapping[str, str], operators: list[str]) -> list[str]:
    """The modules in which one of the operators stands as a string."""
    quoted = re.compile("[\"'](?:" + "|".join(map(re.escape, operators)) + ")[\"']")
    return [stem for stem, text in tests.items() if quoted.search(text)]


def _markdown(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [headings, ("---",) * len(headings), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


@click.command()
def main() -> None:
    """Write the tables of docs/operators.md."""
    page = updated(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(page, encoding="utf-8")
    click.echo(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
