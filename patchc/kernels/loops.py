"""Kernels that are portable ones with another innermost loop, written for some cores.

Their files include the portable file, and put that loop's function in place of the portable one.
"""

from __future__ import annotations

from dataclasses import replace

from patchc.kernels.dsp import DSP
from patchc.kernels.elementwise import (
    ELEMENTWISE,
    LOOK_UP_SOURCE,
    PRODUCTS_SOURCE,
    SUMS_SOURCE,
)
from patchc.kernels.kernel import Kernel
from patchc.kernels.mve import MVE
from patchc.kernels.pools import BYTES_SOURCE, MAX_SOURCE, POOLS
from patchc.kernels.portable import PORTABLE

_PORTABLE = {kernel.name: kernel for kernel in (*ELEMENTWISE, *POOLS)}


def _with(name: str, loop: str, flavour: str, *headers: str) -> Kernel:
    """patchc_NAME_FLAVOUR. `loop`: the portable file that the faster loop falls back on; its own
    has the same name, the flavour behind it. `headers`: what the faster loop includes."""
    kernel = _PORTABLE[name]
    stem = loop.removeprefix(f"{PORTABLE}/").removesuffix(".c")
    return replace(
        kernel,
        name=f"{name}.{flavour}",
        flavour=flavour,
        supersedes=PORTABLE,
        function=f"{kernel.function}_{flavour}",
        source=f"{flavour}/{kernel.function}_{flavour}.c",
        header=f"patchc_kernels_{flavour}.h",
        headers=tuple(dict.fromkeys((*kernel.headers, *headers))),
        shared=(f"{flavour}/{stem}_{flavour}.c", *kernel.shared),
        included=(kernel.source,),
    )


DSP_LOOPS: tuple[Kernel, ...] = tuple(
    _with(name, loop, DSP, "patchc_dsp.h")
    for name, loop in (("add", SUMS_SOURCE), ("sub", SUMS_SOURCE), ("max_pool", MAX_SOURCE))
)

MVE_LOOPS: tuple[Kernel, ...] = tuple(
    _with(name, loop, MVE, "patchc_mve.h", "patchc_requant.h")
    for name, loop in (
        ("add", SUMS_SOURCE),
        ("sub", SUMS_SOURCE),
        ("mul", PRODUCTS_SOURCE),
        ("lut", LOOK_UP_SOURCE),
        ("max_pool", MAX_SOURCE),
        ("mean_add", BYTES_SOURCE),
    )
)
