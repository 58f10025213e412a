"""Report, verification and bench -> the page, as data."""

from __future__ import annotations

from patchc.measure.bench import Bench
from patchc.report.data import Report
from patchc.report.page.bars import flash_figure, ram_figure
from patchc.report.page.exactness import comparisons_figure, forms_figure, verdict
from patchc.report.page.memory import arena_figure, contrast_figure, liveness_figure
from patchc.report.page.network import network_figure
from patchc.report.page.picture import Fact, Page, Section, Tile
from patchc.report.page.work import Work, work, work_figure
from patchc.report.text import budget_words, facts, how
from patchc.report.words import count, overhead
from patchc.verify.verify import Verification


def build_page(
    report: Report, verification: Verification | None = None, bench: Bench | None = None
) -> Page:
    """All that there is to see: with what `patchc verify` and `patchc bench` found, where they
    were run."""
    shown = (comparisons_figure(verification),) if verification is not None else ()
    sections = (
        Section("ram", "RAM", (ram_figure(report), contrast_figure(report))),
        Section("time", "The arena", (arena_figure(report), liveness_figure(report))),
        Section("network", "The network", (network_figure(report),)),
        Section("work", "Time and flash", (work_figure(report, bench), flash_figure(report))),
        Section("exact", "Exactness", (forms_figure(report), *shown)),
        Section("details", "Details", facts=_details(report)),
    )
    return Page(
        brand="patchc report",
        title=report.model.name,
        subtitle=f"{report.target}, --input {report.input_mode}, --outputs {report.output_mode}",
        lead=_lead(report),
        tiles=_tiles(report, verification, work(report, bench)),
        sections=sections if report.blocks else sections[-1:],
        made_by=f"patchc {report.patchc}, model sha256 {report.model.sha256}",
    )


def _lead(report: Report) -> str:
    ram = report.ram
    text = f"This plan takes {count(ram.total_bytes)} B of RAM, stack and statics included"
    if ram.arena_bytes < ram.layerwise_bytes:
        share = 100 * ram.arena_bytes / ram.layerwise_bytes
        text += f"; its arena is {share:.1f} % of what the network needs layer by layer"
    return f"{text}: {how(report)}."


def _tiles(report: Report, verification: Verification | None, time: Work) -> tuple[Tile, ...]:
    ram, cost = report.ram, report.cost
    code = report.flash.code_bytes
    if verification is None:
        equal = Tile("differing bytes", "not run", "", "patchc verify OUT compares them")
    else:
        found = verification.golden.integer
        compared, differing = sum(d.values for d in found), sum(d.differing for d in found)
        remark = f"of {count(compared)} from onnxruntime's integer kernels; {_short(verification)}"
        equal = Tile("differing bytes", count(differing), "", remark)
    return (
        Tile("RAM", count(ram.total_bytes), "B", budget_words(report)),
        Tile("layer by layer", count(ram.layerwise_bytes), "B", "arena without tunnels"),
        Tile(
            "F, the work",
            overhead(cost.macs_overhead),
            "",
            f"{count(cost.macs_executed)} MACs executed",
        ),
        Tile(f"{time.unit} of an inference", count(time.total), "", time.source),
        Tile(
            "flash",
            count(report.flash.weights_bytes),
            "B",
            f"of constants, code {'not measured' if code is None else f'{count(code)} B'}",
        ),
        equal,
    )


def _short(verification: Verification) -> str:
    return "MISMATCH" if verification.failures else verdict(verification)


def _details(report: Report) -> tuple[Fact, ...]:
    """What the terminal says below its tables."""
    lines = [line.split(None, 1) for line in facts(report)]
    return (
        Fact("arena", f"{count(report.ram.arena_bytes)} B, {report.ram.placement}"),
        *(Fact(word, text) for word, text in lines),
    )
