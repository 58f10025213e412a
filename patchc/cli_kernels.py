"""The options of the commands that say whose kernels there may be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from patchc.choices import Kernels, LibraryMode, Numerics
from patchc.libraries.cmsis_nn import FOLDER_VARIABLE

if TYPE_CHECKING:
    from patchc.kernel_options import KernelOptions

NAMES = ("kernels", "numerics", "cmsis_nn_dir", "cmsis_nn")


def kernel_options(emits: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`emits`: the command writes C."""
    options = [
        click.option(
            "--kernels",
            type=_values(Kernels),
            help="Whose kernels compute: auto (what costs least; the default), patchc, cmsis-nn "
            "(CMSIS-NN wherever it can and fits). Without CMSIS-NN, auto is patchc.",
        ),
        click.option(
            "--numerics",
            type=_values(Numerics),
            help="exact (onnxruntime's bytes; CMSIS-NN has only layers that are proved equal; the "
            "default), cmsis (layers that CMSIS-NN computes are rounded as it rounds), "
            "cmsis-double (the same, compiled to round twice, which is its own default).",
        ),
        click.option(
            "--cmsis-nn-dir",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help=f"A checkout of CMSIS-NN, 4.0.0 or later. [default: {FOLDER_VARIABLE}, else the "
            "package of patchc[cmsis-nn]]",
        ),
    ]
    if emits:
        options.append(
            click.option(
                "--cmsis-nn",
                type=_values(LibraryMode),
                help="copy the files of CMSIS-NN that OUT needs (the default), or link: build them "
                "where they are.",
            )
        )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def taken(given: dict[str, Any]) -> KernelOptions:
    """Take these options out of a command's parameters."""
    from patchc.kernel_options import KernelOptions

    values = {name: given.pop(name, None) for name in NAMES}
    return KernelOptions(**{name: value for name, value in values.items() if value is not None})


def _values(kind: Any) -> click.Choice:
    return click.Choice([member.value for member in kind])
