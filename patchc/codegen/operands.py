"""How a kernel's inputs are called in C, and how it is handed them."""

from __future__ import annotations

from collections.abc import Sequence

from patchc.codegen.layout import COLUMNS, packed
from patchc.kernels.kernel import Operands
from patchc.schedule.types import Accumulate, Compute

Reading = Compute | Accumulate  # calls that read views

# The array in which a kernel of any number of inputs takes them.
ARRAY = "operands"


def input_names(call: Reading) -> tuple[str, ...]:
    """The local variables of the views that a call reads."""
    if call.kernel.operands is Operands.ARRAY:
        return tuple(f"in{number}" for number in range(len(call.reads)))
    return ("a", "b")[: len(call.reads)] if call.kernel.operands is Operands.PAIR else ("in",)


def array_lines(call: Reading, names: Sequence[str]) -> tuple[str, ...]:
    """The members of that array, as lines of an initialiser; none for other kernels."""
    if call.kernel.operands is not Operands.ARRAY:
        return ()
    return tuple(packed([f"&{name}" for name in names], COLUMNS - len("            };")))


def input_arguments(call: Reading, names: Sequence[str], pads: str) -> list[str]:
    """What stands for the inputs in the call; kernels of one input take `pads` too."""
    if call.kernel.operands is Operands.ARRAY:
        return [ARRAY]
    arguments = [f"&{name}" for name in names]
    if call.kernel.operands is Operands.PAIR:
        return arguments if len(arguments) == 2 else [*arguments, "NULL"]
    return [*arguments, pads]
