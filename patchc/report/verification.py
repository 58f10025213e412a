"""Verification -> a table for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from patchc.report.words import shorten
from patchc.verify.difference import Difference
from patchc.verify.golden import OPTIMISED_CASES, Golden
from patchc.verify.rounded import RoundedLayer
from patchc.verify.verify import Verification

_HISTOGRAM_ENTRIES = 7  # around 0; verify.json has them all
_NAMES = 8  # of nodes; likewise


def render_verification(found: Verification) -> RenderableType:
    """What was compared, how much of it differs, and the verdict."""
    table = Table(title=_title(found), title_justify="left", box=None, pad_edge=False)
    table.add_column("comparison")
    for heading in ("cases", "compared", "different"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in comparison_rows(found):
        table.add_row(*row)
    lines = [_distance(d) for d in found.golden.file if d.sqnr_db is not None]
    lines += _floats(found.golden)
    lines += [_rounded(layer) for layer in found.rounded]
    lines += [] if found.right is None else [f"the C: {found.right}"]
    lines += [f"warning: {text}" for text in found.golden.warnings]
    lines += [f"note: {text}" for text in found.golden.notes]
    lines += [f"MISMATCH: {text}" for text in found.failures]
    lines += [] if found.failures else ["all comparisons hold"]
    figures: list[RenderableType] = [_measured(found), Text()] if found.firmware else []
    return Group(table, Text(), *figures, Text("\n".join(lines)))


def _title(found: Verification) -> str:
    versions = ", ".join(f"{name} {text}" for name, text in found.versions.items())
    return f"{found.cases} cases ({found.inputs}) on {found.on}\n{versions}"


def _measured(found: Verification) -> Table:
    """RAM and flash per core."""
    table = Table(title="bytes, as linked and run", title_justify="left", box=None, pad_edge=False)
    table.add_column("core")
    headings = ("region", "arena", "static", "stack", "total", "code", "weights")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for one in found.firmware:
        sizes = (
            one.ram_bytes,
            one.arena_bytes,
            one.static_bytes,
            one.stack_bytes,
            one.total_bytes,
            one.code_bytes,
            one.weights_bytes,
        )
        table.add_row(one.core, *(f"{size:,}" for size in sizes))
    return table


def comparison_rows(found: Verification) -> list[tuple[str, str, str, str]]:
    golden = found.golden
    rows = [(e.name, e.cases, e.bytes_compared, e.bytes_different) for e in found.equalities]
    equal = "~" if golden.rounds else "="
    remark = "must be equal" if golden.fully_fused else "its defaults, partly float"
    remark = "rounded by CMSIS-NN" if golden.rounds else remark
    for what, differences in (
        (f"C {equal} onnxruntime, integer form", golden.integer),
        (f"C {equal} the file in onnxruntime (int8 in integers)", golden.signed),
        (f"C ~ the file in onnxruntime ({remark})", golden.file),
    ):
        for d in differences:
            name = f"{what}: {shorten(d.name, 16)}"
            rows.append((name, golden.cases, d.values, d.differing))
    if golden.optimised:
        found_there = golden.optimised
        name = f"{len(found_there.integers)} nodes = onnxruntime's integer kernels"
        cases = min(golden.cases, OPTIMISED_CASES)
        rows.append((name, cases, found_there.values, found_there.bytes_different))
    nodes = [node.difference for node in golden.nodes]
    largest = max((d.largest for d in nodes), default=0)
    name = f"{len(nodes)} nodes ~ the file unoptimised, at most {largest} step off"
    values, differing = sum(d.values for d in nodes), sum(d.differing for d in nodes)
    rows.append((name, golden.cases, values, differing))
    return [(what, f"{n:,}", f"{values:,}", f"{wrong:,}") for what, n, values, wrong in rows]


def _rounded(layer: RoundedLayer) -> str:
    """From onnxruntime."""
    found = layer.difference
    return (
        f"{layer.node}, rounded by CMSIS-NN: {found.differing:,} of {found.values:,} bytes differ, "
        f"at most {found.largest} steps off"
    )


def _floats(golden: Golden) -> list[str]:
    """Which nodes onnxruntime computes in float, and how far off it is there."""
    if golden.optimised is None:
        return []
    largest = {node.node: node.difference.largest for node in golden.nodes}
    default, floats = golden.optimised.by_default, golden.optimised.floats
    wheres = {" by default": default, " also where int8 may be in integers": floats}
    lines = []
    for where, names in ({"": floats} if default == floats else wheres).items():
        if names:
            steps = max(largest.get(name, 0) for name in names)
            more = len(names) - _NAMES
            words = ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")
            lines.append(
                f"onnxruntime computes {len(names)} nodes in float{where}, from the same operands "
                f"at most {steps} steps off: {words}"
            )
    return lines


def _distance(difference: Difference) -> str:
    """Against the file where onnxruntime runs part of it in float."""
    middle = [
        (steps, n) for steps, n in difference.histogram if abs(steps) <= _HISTOGRAM_ENTRIES // 2
    ]
    words = ", ".join(f"{steps:+d}: {count:,}" for steps, count in middle)
    return (
        f"{difference.name}: {difference.sqnr_db:.1f} dB, at most {difference.largest} steps off; "
        f"values by step: {words}"
    )
