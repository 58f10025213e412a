"""The reserve: bytes that stand for stack and statics until a linked image is measured.

What NAME_run takes depends on how the network runs: every kind of plan has its own deepest path.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(str, Enum):
    """Plans that take different amounts of stack."""

    LAYERS = "layers"  # layer by layer only
    TUNNELS = "tunnels"  # some nodes patch by patch
    GROUPS = "groups"  # some of these a few channels at a time
    LIBRARY = "library"  # however they run, some kernels call CMSIS-NN


@dataclass(frozen=True, slots=True)
class Reserve:
    """Stack from NAME_run down plus .data and .bss of the network, in bytes, at most."""

    layers: int
    tunnels: int
    groups: int
    library: int = 0  # however they run, where kernels call CMSIS-NN
    # For each operand beyond two of a layer that is computed whole: its view lies on the stack.
    operand: int = 64

    @staticmethod
    def of_all(size: int) -> Reserve:
        """One size for every plan."""
        return Reserve(size, size, size, size, operand=0)

    @property
    def least(self) -> int:
        """No plan needs less."""
        return min(self.layers, self.tunnels, self.groups)

    @property
    def largest(self) -> int:
        """No plan needs more."""
        return max(self.layers, self.tunnels, self.groups, self.library)

    def of(self, kind: Kind, operands: int = 2) -> int:
        """For plans of a kind, in which no layer that is computed whole has more operands."""
        most = {
            Kind.LAYERS: self.layers,
            Kind.TUNNELS: self.tunnels,
            Kind.GROUPS: self.groups,
            Kind.LIBRARY: self.library,
        }[kind]
        return max(most, self.layers + self.operand * max(operands - 2, 0))


NO_RESERVE = Reserve.of_all(0)
