"""The order of the house: no module imports in a circle, and folders import only downwards."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).resolve().parents[2] / "patchc"

# Each imports only from itself and from those before it: the data flows in this order.
ORDER = (
    *("version", "errors", "choices", "resources", "budget", "preference", "libraries"),
    *("decoding", "classes", "quality"),
    *("ir", "numerics", "passes", "frontend", "align", "quantize", "independent"),
    *("plan", "geometry", "targets", "kernels", "schedule", "memory", "planner"),
    *("codegen", "reference", "pipeline", "kernel_options"),
    *("outdir", "certificate", "programs", "measure", "verify", "pixels", "report", "products"),
    *("arguments", "ways", "exploring", "fitting"),
    *("api", "patchc", "cli_kernels", "commands", "cli", "__main__"),
)


def module_name(path: Path) -> str:
    parts = ("patchc", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports() -> nx.DiGraph:
    """Module -> the modules of patchc that it names, also inside functions and for types only."""
    files = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}
    graph = nx.DiGraph()
    graph.add_nodes_from(files)
    for name, path in files.items():
        for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(statement, ast.Import):
                named = [alias.name for alias in statement.names]
            elif isinstance(statement, ast.ImportFrom) and statement.module:
                parts = [f"{statement.module}.{alias.name}" for alias in statement.names]
                named = [part if part in files else statement.module for part in parts]
            else:
                continue
            graph.add_edges_from((name, other) for other in named if other in files)
    return graph


def folder(module: str) -> str:
    """The folder, or the file where it lies in no folder; of patchc itself, itself."""
    return module.split(".")[min(1, module.count("."))]


def test_no_module_imports_in_a_circle():
    circles = [sorted(found) for found in nx.strongly_connected_components(imports())]
    assert [circle for circle in circles if len(circle) > 1] == []


def test_every_folder_has_its_place():
    assert {folder(module) for module in imports()} == set(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_a_folder_imports_only_what_comes_before_it(name: str):
    before = set(ORDER[: ORDER.index(name) + 1])
    wrong = [
        (module, other)
        for module, other in imports().edges
        if folder(module) == name and folder(other) not in before
    ]
    assert wrong == []
