"""What the entries of plain C have in common."""

from __future__ import annotations

from typing import Any

from patchc.ir import Op
from patchc.kernels.kernel import Kernel, Order, Role

PORTABLE = "portable"  # C99 for every core

# What makes int8 of sums.
REQUANT_HEADERS = ("patchc_requant.h", "patchc_rare.h")
RARE_SOURCE = "portable/patchc_rare.c"


def portable(
    name: str,
    operator: type[Op],
    order: Order = Order.PIXEL,
    role: Role = Role.COMPUTE,
    **more: Any,
) -> Kernel:
    """The kernel patchc_NAME in its own file. `more`: further fields of `Kernel`."""
    return Kernel(
        name=name,
        operator=operator,
        role=role,
        flavour=PORTABLE,
        order=order,
        function=f"patchc_{name}",
        source=f"portable/patchc_{name}.c",
        **more,
    )
