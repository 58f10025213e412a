"""patchc report: report.html, brought up to date."""

from __future__ import annotations

from pathlib import Path

import click

import patchc


@click.command("report")
@click.argument("out", type=click.Path(path_type=Path))
def report_command(out: Path) -> None:
    """Write OUT/report.html again, with what was verified and counted since.

    patchc compile writes the page: the arena over time, the network as tunnels, RAM, flash and time
    per layer, exactness. Once patchc verify and patchc bench have been run, this adds what they
    found. The page is one file that needs no network.

    \b
    Examples:
      patchc verify out --on qemu && patchc bench out
      patchc report out
    """
    click.echo(f"wrote {patchc.report(out)}")
