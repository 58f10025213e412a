"""The commands: parse, call patchc.api, print.

What takes long to import is imported by the command that uses it: `patchc --help` uses none of it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import patchc
from patchc.choices import (
    ALL,
    DEFAULT_CASES,
    HOST,
    QEMU,
    Activation,
    Format,
    InputMode,
    Method,
    OutputMode,
    Project,
    RuntimeMode,
    TailMode,
    WeightsMode,
)
from patchc.cli_kernels import NAMES, kernel_options, taken
from patchc.commands.align import align_command
from patchc.commands.explore import explore_command
from patchc.commands.report import report_command
from patchc.commands.shared import (
    PATH,
    cut_option,
    input_shape,
    model_argument,
    out_argument,
    progress,
    show,
    values,
)
from patchc.commands.targets import targets_command
from patchc.commands.tunnel import tunnel_command
from patchc.errors import BudgetError, PatchcError
from patchc.preference import LAYERS, LEAST, RAM
from patchc.quantize.options import ImagePreparation, QuantizeOptions
from patchc.targets.cores import CORES, DEFAULT_CORE
from patchc.version import __version__

if TYPE_CHECKING:
    import numpy as np

    from patchc.api import CompileResult

ERROR_STATUS = 2
MISMATCH_STATUS = 1
MAX_REASON = 400  # characters of an error that nobody expected
ABORTED_STATUS = 130  # as a shell reports Ctrl-C
TERMINATED_STATUS = 128 + signal.SIGTERM  # likewise


class OneMessage(click.Command):
    """A command whose errors are one message on stderr and exit code 2, without a traceback."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> Any:
        """Run the command line and exit."""
        words = list(sys.argv[1:] if args is None else args)
        with suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGTERM, _terminated)
        try:
            status = super().main(words, **extra | {"standalone_mode": False})
        except click.UsageError as error:
            help_ = f"\ntry: {error.ctx.command_path} --help" if error.ctx else ""
            _fail(error.format_message() + help_)
        except click.Abort:
            _end("interrupted", ABORTED_STATUS)
        except _Terminated as error:
            _end(str(error), TERMINATED_STATUS)
        except (PatchcError, OSError) as error:
            if words[:1] == ["--debug"]:
                raise
            if isinstance(error, BudgetError) and "--json" in words:
                click.echo(error.to_json(), nl=False)
            _fail(str(error))
        except MemoryError:
            if words[:1] == ["--debug"]:
                raise
            _fail("out of memory: the model's maps or weights are larger than this machine holds")
        except Exception as error:  # whatever else: still one message, and nothing half-written
            if words[:1] == ["--debug"]:
                raise
            kind, reason = type(error).__name__, " ".join(str(error).split())[:MAX_REASON]
            _fail(
                f"internal error ({kind}: {reason}): please report it, with the file and what "
                f"`patchc --debug {' '.join(words)}` prints"
            )
        sys.exit(status if isinstance(status, int) else 0)


class Commands(OneMessage, click.Group):
    """`patchc` itself, also when it was started as `python -m patchc.cli`."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> Any:
        """Run the command line and exit."""
        return super().main(args, **extra | {"prog_name": "patchc"})


class _Terminated(BaseException):
    """SIGTERM came: ends as an exception does, so that what was being written is removed."""


def _terminated(*_: object) -> None:
    raise _Terminated("terminated")


def _end(why: str, status: int) -> None:
    click.echo(f"patchc: {why}", err=True)
    sys.exit(status)


def _fail(message: str) -> None:
    _end(f"error: {message}", ERROR_STATUS)


def _numbers(ctx: click.Context, param: click.Parameter, value: str) -> tuple[float, ...]:
    """ "0.485,0.456,0.406" -> three numbers."""
    try:
        return tuple(float(word) for word in value.split(","))
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is not a list of numbers such as 0.5,0.5,0.5"
        ) from None


def _planning_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that choose a plan, which `compile` and `inspect` share."""
    options = [
        click.option(
            "--budget",
            help="RAM limit: bytes, 64k (k = 1024), 63kB (kB = 1000), or least: as little as "
            "can be.",
        ),
        click.option(
            "--prefer",
            help="Of the plans that fit: speed, ram, layers (layer by layer), or PERCENT: the "
            "least RAM at that much more time than the fastest. [default: 1%]",
        ),
        click.option(
            "--target",
            default=DEFAULT_CORE,
            show_default=True,
            help=f"Core: {', '.join(CORES)}; or a part, such as nrf52840, whose RAM is the budget: "
            "see patchc targets.",
        ),
        click.option(
            "--input",
            "input_mode",
            type=values(InputMode),
            help="Where the image is: tiles (a callback, any order; the default), stream (a "
            "callback, raster order), extern (a pointer outside the arena), resident (in the "
            "arena).",
        ),
        click.option(
            "--outputs",
            "output_mode",
            type=values(OutputMode),
            help="Where outputs go that are maps: arena (the default), rows (a callback that is "
            "handed their rows as they are made, so that they need not fit in RAM), raster (the "
            "same in whole rows, from the first to the last, for displays and encoders).",
        ),
        click.option(
            "--reserve", help="Bytes that stand for stack and statics. [default: the target's]"
        ),
        click.option("--plan", type=PATH, help="Repeat the decisions of an earlier plan.json."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _quantize_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of quantisation, which `compile` and `quantize` share."""
    default = QuantizeOptions()
    options = [
        click.option(
            "--format",
            type=values(Format),
            default=default.format.value,
            show_default=True,
            help="Form of the quantised file.",
        ),
        click.option(
            "--activations",
            type=values(Activation),
            default=default.activation.value,
            show_default=True,
            help="Type of quantised activations.",
        ),
        click.option(
            "--per-channel/--per-tensor",
            default=default.per_channel,
            show_default=True,
            help="One weight scale per output channel, or one per layer.",
        ),
        click.option(
            "--method",
            type=values(Method),
            default=default.method.value,
            show_default=True,
            help="How ranges follow from the samples.",
        ),
        click.option(
            "--mean",
            callback=_numbers,
            default="0",
            show_default=True,
            help="For pictures: value = (pixel * scale - mean) / std, per channel or one for all.",
        ),
        click.option(
            "--std", callback=_numbers, default="1", show_default=True, help="See --mean."
        ),
        click.option("--scale", type=float, default=1.0, show_default=True, help="See --mean."),
        click.option(
            "--merge-branches",
            is_flag=True,
            help="Make parallel convolutions that are one into one (RepVGG, MobileOne).",
        ),
        click.option(
            "--align/--no-align",
            default=default.align,
            show_default=True,
            help="Nudge weight scales until CMSIS-NN is exact, too, as patchc align does.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _quantization(options: dict[str, Any]) -> QuantizeOptions:
    """Take the options of `_quantize_options` out of a command's parameters."""
    return QuantizeOptions(
        format=Format(options.pop("format")),
        activation=Activation(options.pop("activations")),
        per_channel=options.pop("per_channel"),
        method=Method(options.pop("method")),
        image=ImagePreparation(options.pop("mean"), options.pop("std"), options.pop("scale")),
        merge_branches=options.pop("merge_branches"),
        align=options.pop("align"),
    )


@click.group(cls=Commands, invoke_without_command=True)
@click.version_option(__version__, prog_name="patchc", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def main(ctx: click.Context, debug: bool) -> None:
    """Turn a quantised ONNX network into C99 for a microcontroller.

    \b
    A first compile:
      patchc quantize float.onnx -o int8.onnx --calibration photos/
      patchc compile int8.onnx -o out --budget 64k
      patchc verify out
      patchc run out --image cat.png

    OUT is a folder with the C, its Makefile, report.json and what the other commands need.
    `patchc COMMAND --help` explains a command.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@main.command("compile")
@model_argument
@click.option("-o", "--output", "out", type=PATH, required=True, help="Folder to write.")
@_planning_options
@kernel_options(emits=True)
@click.option(
    "--weights",
    type=values(WeightsMode),
    default=WeightsMode.INLINE.value,
    show_default=True,
    help="Weights as const arrays, or in a .bin behind a pointer.",
)
@click.option(
    "--runtime",
    type=values(RuntimeMode),
    default=RuntimeMode.PRIVATE.value,
    show_default=True,
    help="The kernels' names for the linker: the network's own, or shared by all networks.",
)
@click.option(
    "--step",
    is_flag=True,
    help="With NAME_step, which runs an inference in slices of as many cycles as you like.",
)
@click.option(
    "--tail",
    type=values(TailMode),
    default=TailMode.HOST.value,
    show_default=True,
    help="Who computes a Softmax or Sigmoid behind the last integers: the host, or "
    "NAME_probabilities in the C.",
)
@click.option(
    "--project",
    type=values(Project),
    help="Lay OUT out for the tools of an ecosystem, too: see docs/projects.md.",
)
@cut_option
@click.option("--name", help="Prefix of files and functions. [default: from MODEL]")
@input_shape
@click.option(
    "--calibration",
    type=PATH,
    metavar="DIR|NPZ",
    help="Quantise a float MODEL first, with these pictures or arrays.",
)
@_quantize_options
@click.option(
    "--clock",
    "clock_mhz",
    type=float,
    metavar="MHZ",
    help="Print an estimate in milliseconds. [default: the fastest of a part]",
)
@click.option(
    "--check",
    is_flag=True,
    help="Run the schedule over shadow memory, in numpy (small networks in few pieces always are).",
)
@click.option("--json", "as_json", is_flag=True, help="Print report.json to stdout.")
@click.pass_context
def compile_command(ctx: click.Context, as_json: bool, **options: Any) -> None:
    """Write C for MODEL into a folder, within a budget of RAM.

    \b
    Examples:
      patchc compile int8.onnx -o out --budget 64k
      patchc compile net.onnx -o out --calibration dir --mean 127.5 --std 127.5
      patchc compile int8.onnx -o out --input extern --target cortex-m0 --json
      patchc compile int8.onnx -o out --target esp32c6 --project esp-idf
    """
    given = [name for name in _QUANTIZING if _is_given(ctx, name)]
    quantization = _quantization(options)
    if options["calibration"] is None:
        if given:
            raise click.UsageError(f"{_words(ctx, given)}: only with --calibration")
    else:
        options["quantization"] = quantization
    kernels = taken(options)
    with progress() as told:
        result = patchc.compile(
            options.pop("model"),
            options.pop("out"),
            kernels=kernels,
            input_shapes=dict(options.pop("shapes")) or None,
            progress=told,
            **options,
        )
    if as_json:
        click.echo(result.report.to_json(), nl=False)
        return
    from patchc.outdir import PAGE
    from patchc.report.text import render

    show(render(result.report))
    if result.search_gap is not None and options["prefer"] != LAYERS.text:
        click.echo(f"search   {_search(result)}")
        for line in _smaller(result, options):
            click.echo(line)
    click.echo(f"wrote {result.output}; {PAGE} in it shows the plan")


def _smaller(result: CompileResult, options: dict[str, Any]) -> list[str]:
    """What less RAM would cost; nothing where the plan has the least."""
    from patchc.exploring import smaller

    if options["budget"] == LEAST or options["prefer"] == RAM.text:
        return []
    with progress() as told:
        told("looking at smaller budgets")
        found = smaller(result.stages, options["target"], options["reserve"])
    if not found:
        return []
    unit = "MACs" if result.report.cost.cycles_estimate is None else "cycles"
    return [f"{'smaller' if one is found[0] else '':8} {one.words(unit)}" for one in found]


def _search(result: CompileResult) -> str:
    """What the plan costs beside the cheapest that the search knows for the budget."""
    gap, cost = result.search_gap, result.stages.cost
    assert gap is not None
    assert cost is not None
    if not gap:
        return "no plan of the search that fits costs less"
    unit = "MACs" if result.report.cost.cycles_estimate is None else "cycles"
    return f"{gap / (cost - gap):.1%} more {unit} than the fastest plan (--prefer speed)"


_QUANTIZING = (
    *("format", "activations", "per_channel", "method", "mean", "std", "scale"),
    *("merge_branches", "align"),
)


def _is_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT


def _words(ctx: click.Context, names: Iterable[str]) -> str:
    """Parameters by the options that set them."""
    return ", ".join(param.opts[0] for param in ctx.command.params if param.name in names)


@main.command("quantize")
@model_argument
@click.option("-o", "--output", "out", type=PATH, required=True, help="ONNX file to write.")
@click.option(
    "--calibration",
    type=PATH,
    required=True,
    metavar="DIR|NPZ",
    help="Folder of pictures, or arrays by input name, stacked along the first axis.",
)
@_quantize_options
@click.option(
    "--labels",
    type=PATH,
    help="The class of each sample, a number a line: top-1 and top-5, float and quantised.",
)
@cut_option
@input_shape
def quantize_command(**options: Any) -> None:
    """Quantise a float ONNX MODEL to 8 bits.

    \b
    Examples:
      patchc quantize float.onnx -o int8.onnx --calibration photos/
      patchc quantize net.onnx -o int8.onnx --calibration x.npz --format qoperator
    """
    from patchc.classes import read_labels

    labels = None if options["labels"] is None else read_labels(options["labels"])
    chosen = replace(_quantization(options), cut=options["cut"], labels=labels)
    notes: list[str] = []
    with progress() as told:
        patchc.quantize(
            options["model"],
            options["out"],
            calibration=options["calibration"],
            options=chosen,
            input_shapes=dict(options["shapes"]) or None,
            progress=told,
            noted=notes.append,
        )
    for note in notes:
        click.echo(f"note: {note}")
    for line in _quality(options["out"]):
        click.echo(line)
    click.echo(f"wrote {options['out']}")


def _quality(model: Path) -> list[str]:
    """What quantisation cost, as the file says, within a terminal's width."""
    import onnx

    from patchc.quality import Quality
    from patchc.report.text import wrapped

    found = Quality.of(onnx.load(model, load_external_data=False))
    lines = [] if found is None else found.lines()
    return [part for line in lines for part in wrapped(line)]


@main.command("verify")
@out_argument
@click.option(
    "--on", type=click.Choice([HOST, QEMU]), default=HOST, show_default=True, help="Where C runs."
)
@click.option(
    "--target",
    type=click.Choice([*CORES, ALL]),
    metavar="CORE",
    multiple=True,
    help=f"Core for --on qemu, or all; may be repeated: {', '.join(CORES)}. "
    "[default: the one compiled for]",
)
@click.option("--cases", default=DEFAULT_CASES, show_default=True, help="Random cases.")
@click.option("--seed", default=0, show_default=True, help="Of the random cases.")
@click.option("--inputs", type=PATH, metavar="NPZ", help="Cases of your own: first axis = cases.")
@click.option("--labels", type=PATH, help="The class of each case, a number a line: top-1, top-5.")
@click.option("--sanitize", is_flag=True, help="Build with address and undefined sanitizers.")
@click.option("--json", "as_json", is_flag=True, help="Print verify.json to stdout.")
def verify_command(out: Path, as_json: bool, **options: Any) -> int:
    """Build the C in OUT, run it, compare it byte for byte. Exit code 1 on any mismatch.

    The C is compared with the network in numpy, with onnxruntime's integer kernels, and with
    onnxruntime on the ONNX file itself; see docs/design.md. Writes OUT/verify.json.

    On qemu it runs in a region of RAM as large as the budget, which holds its stack, too, and
    nothing else can be written; RAM, stack and code are measured, and go into report.json.

    \b
    Examples:
      patchc verify out
      patchc verify out --inputs photos.npz --sanitize
      patchc verify out --on qemu --target cortex-m4 --target cortex-m0
    """
    if options["labels"] is not None:
        from patchc.classes import read_labels

        if options["inputs"] is None:
            raise click.UsageError("--labels: only with --inputs")
        options["labels"] = read_labels(options["labels"])
    with progress() as told:
        found = patchc.verify(out, progress=told, **options)
    if as_json:
        click.echo(found.to_json(), nl=False)
    else:
        from patchc.report.verification import render_verification

        show(render_verification(found))
    return 0 if found.passed else MISMATCH_STATUS


@main.command("bench")
@out_argument
@click.option(
    "--target",
    type=click.Choice(list(CORES)),
    metavar="CORE",
    help=f"Core: {', '.join(CORES)}. [default: as it was compiled for]",
)
@click.option(
    "--opt",
    type=click.Choice(["-O2", "-Os", "-O3"]),
    default="-O2",
    show_default=True,
    help="gcc's level.",
)
@click.option("--clock", "clock_mhz", type=float, metavar="MHZ", help="Print milliseconds, too.")
@click.option(
    "--wait-states",
    type=int,
    default=0,
    show_default=True,
    help="Cycles that the core waits for code after a jump.",
)
@click.option("--json", "as_json", is_flag=True, help="Print bench.json to stdout.")
def bench_command(out: Path, as_json: bool, **options: Any) -> None:
    """Count the instructions of the C in OUT on a core, under QEMU, and estimate its cycles.

    In total, per tunnel or layer with its nodes, per kernel, per multiply-accumulate; the same
    every time. Cycles follow the manual of the core and leave out caches and buses; for RISC-V
    there are none. Needs gcc, and gcc and QEMU of the core's kind. Writes OUT/bench.json.

    \b
    Examples:
      patchc bench out
      patchc bench out --target cortex-m0 --opt -Os --json
      patchc bench out --clock 120 --wait-states 5
    """
    with progress() as told:
        found = patchc.bench(out, progress=told, **options)
    if as_json:
        click.echo(found.to_json(), nl=False)
    else:
        from patchc.report.bench import render_bench

        show(render_bench(found))


@main.command("run")
@out_argument
@click.option("--image", type=PATH, help="A picture: resized and cropped to the input's size.")
@click.option("--input", "array", type=PATH, help=".npy, or .npz with the model's input names.")
@click.option("--output", type=PATH, help="Write the outputs to this .npz.")
@click.option("--pixels", type=PATH, help="Write the picture's bytes, for OUT/example/main.c.")
@click.option("--labels", type=PATH, help="Class names, one a line: print the best classes.")
@click.option("--top", default=5, show_default=True, help="How many classes to print.")
def run_command(
    out: Path,
    image: Path | None,
    array: Path | None,
    output: Path | None,
    pixels: Path | None,
    **labels: Any,
) -> None:
    """Run the C in OUT on this machine.

    Names, shapes and types of inputs and outputs are those of the ONNX file.

    \b
    Examples:
      patchc run out --image cat.png --labels imagenet.txt
      patchc run out --input x.npz --output y.npz
    """
    if pixels and image is None:
        raise click.UsageError("--pixels: only with --image")
    names = _read_labels(labels["labels"]) if labels["labels"] else None
    with progress() as told:
        outputs = patchc.run(out, array, image=image, progress=told)
    if pixels and image:
        _write_pixels(out, image, pixels)
    if output:
        import numpy as np

        np.savez(output, **outputs)
        click.echo(f"wrote {output}")
    for name, found in outputs.items():
        if found.size > 1 and found.size == max(found.shape):
            _print_best(name, found.ravel(), names, labels["top"])
        else:
            dims = ", ".join(map(str, found.shape))
            click.echo(f"{name}: {found.dtype} [{dims}], {found.min()} .. {found.max()}")


def _write_pixels(out: Path, image: Path, pixels: Path) -> None:
    """What a camera would give of a picture, height x width x channels."""
    import onnx

    from patchc.outdir import read_source
    from patchc.quantize.images import picture_pixels

    model = onnx.load(out / read_source(out).model, load_external_data=False)
    pixels.write_bytes(picture_pixels(image, model).tobytes())
    click.echo(f"wrote {pixels}")


def _read_labels(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _print_best(name: str, values: np.ndarray, names: list[str] | None, top: int) -> None:
    """The largest values of a vector and their classes."""
    if names is not None and len(names) != len(values):
        raise PatchcError(f"--labels: {len(names)} lines for the {len(values)} values of {name!r}")
    import numpy as np

    click.echo(f"{name}: the {min(top, len(values))} largest of {len(values)} values")
    for index in np.argsort(-values.astype(np.float64), kind="stable")[:top]:
        click.echo(
            f"  {values[index]:>12.6g}  {index:>4}  {names[index] if names else ''}".rstrip()
        )


@main.command("inspect")
@model_argument
@click.option(
    "--dump",
    metavar="STAGE",
    help="The network as text: graph, after=PASS, plan, or schedule. --target and the options from "
    "--budget to --plan choose the last two as they do in patchc compile.",
)
@_planning_options
@kernel_options(emits=False)
@cut_option
@input_shape
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def inspect_command(
    ctx: click.Context,
    model: Path,
    dump: str | None,
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    as_json: bool,
    cut: tuple[str, ...],
    **planning: Any,
) -> int:
    """Show MODEL's layers, bytes and MACs, or what is not supported and why (exit code 2).

    \b
    Examples:
      patchc inspect int8.onnx
      patchc inspect int8.onnx --dump after=fold-clips
      patchc inspect int8.onnx --dump schedule --budget 64k
    """
    chosen = dict(shapes) or None
    given = {name: value for name, value in planning.items() if _is_given(ctx, name)}
    if dump and as_json:
        raise click.UsageError("--json: not with --dump")
    if dump:
        if any(name in given for name in NAMES):
            given["kernels"] = taken(given)
        with progress() as told:
            text = patchc.dump(model, dump, input_shapes=chosen, cut=cut, progress=told, **given)
        click.echo(text, nl=False)
        return 0
    target = given.pop("target", DEFAULT_CORE)
    if given:
        raise click.UsageError(f"{_words(ctx, given)}: only with --dump")
    found = patchc.inspect(model, target=target, input_shapes=chosen, cut=cut)
    if as_json:
        click.echo(found.to_json(), nl=False)
    else:
        from patchc.report.inspection import render_inspection

        show(render_inspection(found))
    return ERROR_STATUS if found.unsupported else 0


main.add_command(input_shape(tunnel_command))
main.add_command(input_shape(align_command))
main.add_command(explore_command)
main.add_command(report_command)
main.add_command(targets_command)

if __name__ == "__main__":
    main()
