"""patchc targets: what `--target` takes."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from patchc.errors import PatchcError
from patchc.targets.cores import CORES
from patchc.targets.parts import PARTS, Part, close_names


@click.command("targets")
@click.argument("word", default="")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def targets_command(word: str, as_json: bool) -> None:
    """List the cores and parts that --target takes; with WORD, those whose names hold it.

    Of a part: its core, its RAM, which is the budget where no other one is given, its flash, and
    the clock for milliseconds. docs/parts.md says what the figures mean, --json whose they are.

    \b
    Examples:
      patchc targets
      patchc targets stm32h7
    """
    wanted = word.lower()
    cores = [core for core in CORES.values() if wanted in core.name]
    parts = [part for part in PARTS.values() if wanted in part.name]
    if not cores and not parts:
        close = close_names(word, CORES)
        raise PatchcError(
            f"no target holds {word!r}" + (f": did you mean {' or '.join(close)}?" if close else "")
        )
    if as_json:
        found = {
            "cores": [{"name": core.name, "description": core.description} for core in cores],
            "parts": [asdict(part) for part in parts],
        }
        click.echo(json.dumps(found, indent=1))
        return
    for core in cores:
        click.echo(f"{core.name:<14} {core.description}")
    if cores and parts:
        click.echo()
    if parts:
        click.echo(f"{'part':<14} {'core':<12} {'RAM B':>9} {'flash B':>9} {'MHz':>4}")
    for part in parts:
        click.echo(_line(part))


def _line(part: Part) -> str:
    flash = f"{part.flash_bytes:,}" if part.flash_bytes else "outside"
    return f"{part.name:<14} {part.core:<12} {part.ram_bytes:>9,} {flash:>9} {part.clock_mhz:>4g}"
