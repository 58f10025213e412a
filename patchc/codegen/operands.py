"""How a kernel's inputs are called in C, and how it is handed them."""

from __future__ import annotations

from collections.abc import Sequence

from patchc.codegen.layout import COLUMNS, packed
from patchc.kernels.registry import KERNELS
from patchc.schedule.types import Call

# The array in which a kernel of any number of inputs takes them.
ARRAY = "operands"


def input_names(call: Call) -> tuple[str, ...]:
    """The local variables of the views that a call reads."""
    if KERNELS[call.kernel].takes_array:
        return tuple(f"in{number}" for number in range(len(call.reads)))
    return ("a", "b")[: len(call.reads)] if KERNELS[call.kernel].takes_pair else ("in",)


def array_lines(call: Call, names: Sequence[str]) -> tuple[str, ...]:
    """The members of that array, as lines of an initialiser; none for other kernels."""
    if not KERNELS[call.kernel].takes_array:
        return ()
    return tuple(packed([f"&{name}" for name in names], COLUMNS - len("            };")))


def input_arguments(call: Call, names: Sequence[str], pads: str) -> list[str]:
    """What stands for the inputs in the call; kernels of one input take `pads` too."""
    if KERNELS[call.kernel].takes_array:
        return [ARRAY]
    arguments = [f"&{name}" for name in names]
    if KERNELS[call.kernel].takes_pair:
        return arguments if len(arguments) == 2 else [*arguments, "NULL"]
    return [*arguments, pads]
