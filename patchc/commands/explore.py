"""patchc explore: how little RAM a network can run in; which of many fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import patchc
from patchc.choices import InputMode, OutputMode
from patchc.cli_kernels import kernel_options, taken
from patchc.commands.shared import PATH, cut_option, input_shape, progress, show, values
from patchc.targets.cores import CORES, DEFAULT_CORE

if TYPE_CHECKING:
    from patchc.report.fit import Fit

_ONE_MODEL = ("html", "svg", "pick", "plan", "cut")  # options


@click.command("explore")
@click.argument("models", metavar="MODEL...", type=PATH, nargs=-1, required=True)
@click.option("-o", "output", type=PATH, help="Write the frontier, or the table, as JSON.")
@click.option("--html", type=PATH, help="Write a page with its picture here.")
@click.option("--svg", type=PATH, help="Write the picture here.")
@click.option("--csv", type=PATH, help="Write a line per plan, or per model, here.")
@click.option(
    "--pick",
    metavar="BUDGET",
    help="Write the plan that is best within so much RAM, for patchc compile --plan.",
)
@click.option(
    "--plan", type=PATH, help="Where to write it. [default: STEM-BUDGET.plan.json, beside MODEL]"
)
@click.option(
    "--budget", help="With several models: which fit? Without: the least RAM of each is shown."
)
@click.option("--jobs", type=int, help="Processes for several models. [default: one per core]")
@click.option(
    "--target",
    default=DEFAULT_CORE,
    show_default=True,
    help=f"What the C is for: {', '.join(CORES)}, or a part, such as nrf52840 (patchc targets).",
)
@click.option(
    "--clock",
    "clock_mhz",
    type=float,
    metavar="MHZ",
    help="Print milliseconds, too. [default: the fastest of a part]",
)
@click.option(
    "--input",
    "input_mode",
    type=values(InputMode),
    default=InputMode.TILES.value,
    show_default=True,
    help="Where the image is; see patchc compile --help.",
)
@click.option(
    "--outputs",
    "output_mode",
    type=values(OutputMode),
    default=OutputMode.ARENA.value,
    show_default=True,
    help="Where outputs go that are maps; see patchc compile --help.",
)
@click.option("--reserve", help="Bytes for stack and statics; by default the target's.")
@kernel_options(emits=False)
@cut_option
@input_shape
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explore_command(
    models: tuple[Path, ...],
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Show how little RAM MODEL can run in, and what it costs: the frontier of RAM and work.

    Float models will do: RAM and time do not depend on weights. Of several models, or with
    --budget, a table says which fit, worked out side by side; one that is refused is a line in it.

    \b
    Examples:
      patchc explore float.onnx
      patchc explore int8.onnx --clock 120 --html frontier.html
      patchc explore int8.onnx --pick 48k
      patchc explore models/*.onnx --budget 64k --csv which.csv
    """
    options |= {"kernels": taken(options), "input_shapes": dict(shapes) or None}
    jobs, budget = options.pop("jobs"), options.pop("budget")
    if len(models) > 1 or budget is not None:
        given = [f"--{name}" for name in _ONE_MODEL if options.pop(name)]
        if given:
            raise click.UsageError(f"{', '.join(given)}: with one model and no --budget only")
        _table(models, jobs, budget, as_json, options)
        return
    if jobs is not None:
        raise click.UsageError("--jobs: with several models only")
    if options["plan"] is not None and options["pick"] is None:
        raise click.UsageError("--plan: only with --pick")
    _frontier(models[0], as_json, options)


def _frontier(model: Path, as_json: bool, options: dict[str, Any]) -> None:
    """Of one model."""
    pick = options["pick"]
    if pick is not None and options["plan"] is None:
        options["plan"] = model.with_name(f"{model.stem}-{pick.replace(' ', '')}.plan.json")
    with progress() as told:
        found = patchc.explore(model, progress=told, **options)
    if as_json:
        click.echo(found.to_json(), nl=False)
        return
    from patchc.report.exploration import render_exploration

    show(render_exploration(found))
    if pick is not None:
        click.echo(f"wrote {options['plan']}, for patchc compile {model} -o OUT --plan")


def _table(
    models: tuple[Path, ...],
    jobs: int | None,
    budget: str | None,
    as_json: bool,
    options: dict[str, Any],
) -> None:
    """Of several, in the order of their names' appearance."""
    from patchc.arguments import place_of
    from patchc.exploring import write
    from patchc.preference import wanted
    from patchc.report import fit as report

    output, csv = options.pop("output"), options.pop("csv")
    place = place_of(options["target"], budget)
    limit = None if place.budget is None else wanted(place.budget, None).budget
    found = patchc.fits_all(
        models, budget=budget, jobs=jobs, progress=_counting(len(models)), **options
    )
    for file, text in ((output, report.to_json), (csv, report.to_csv)):
        if file is not None:
            write(file, text(found))
    if as_json:
        click.echo(report.to_json(found), nl=False)
    else:
        show(report.render_fits(found, options["target"], limit))


def _counting(models: int) -> Callable[[int, Fit], None]:
    """A line on stderr for every model that is done."""
    done = 0

    def told(_: int, fit: Fit) -> None:
        nonlocal done
        from patchc.report.fit import fit_line

        done += 1
        click.echo(f"[{done}/{models}] {fit_line(fit)}", err=True)

    return told
