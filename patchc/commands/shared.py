"""What several commands share: options, progress, printing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import RenderableType


@contextmanager
def progress() -> Iterator[Any]:
    """What the api calls before each stage: a spinner, where stderr is a terminal."""
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield lambda text: status.update(f"{text} ...")


def show(renderable: RenderableType) -> None:
    """Tables in colour on a terminal, as plain text elsewhere."""
    from patchc.report.text import plain, terminal

    console = terminal()
    if console.is_terminal:
        console.print(renderable)
    else:
        click.echo(plain(renderable), nl=False)


class ShapeOption(click.ParamType):
    """NAME=1,3,96,96"""

    name = "NAME=DIMS"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, tuple[int, ...]]:
        """The input's name and its dimensions."""
        tensor, equals, text = str(value).rpartition("=")
        try:
            dims = tuple(int(word) for word in text.split(","))
        except ValueError:
            dims = ()
        if not (tensor and equals and dims and min(dims) > 0):
            self.fail(f"{value!r} is not NAME=DIMS, for example image=1,3,96,96", param, ctx)
        return tensor, dims


def values(kind: Any) -> click.Choice:
    return click.Choice([member.value for member in kind])


def node_names(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    """ "a,b" -> two names."""
    return tuple(word for word in value.split(",") if word)


PATH = click.Path(path_type=Path)
model_argument = click.argument("model", type=PATH)
out_argument = click.argument("out", type=PATH)
input_shape = click.option(
    "--input-shape",
    "shapes",
    type=ShapeOption(),
    multiple=True,
    help="Size of an input whose dimensions the file leaves open, e.g. image=1,3,96,96.",
)


cut_option = click.option(
    "--cut",
    metavar="NODE,...",
    callback=node_names,
    default="",
    help="Leave these nodes, and all that depends on them, to the host.",
)
