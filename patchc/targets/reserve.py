"""The reserve: bytes that stand for stack and statics until a linked image is measured.

What NAME_run takes depends on how the network runs: every kind of plan has its own deepest path.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from patchc.tunnels.plan import Plan


class Kind(str, Enum):
    """Plans that take different amounts of stack."""

    LAYERS = "layers"  # layer by layer only
    TUNNELS = "tunnels"  # some nodes patch by patch
    GROUPS = "groups"  # some of these a few channels at a time


@dataclass(frozen=True, slots=True)
class Reserve:
    """Stack from NAME_run down plus .data and .bss of the network, in bytes, at most."""

    layers: int
    tunnels: int
    groups: int

    @staticmethod
    def of_all(size: int) -> Reserve:
        """One size for every plan."""
        return Reserve(size, size, size)

    @property
    def least(self) -> int:
        """No plan needs less."""
        return min(self.layers, self.tunnels, self.groups)

    @property
    def largest(self) -> int:
        """No plan needs more."""
        return max(self.layers, self.tunnels, self.groups)

    def of(self, kind: Kind) -> int:
        """For plans of a kind."""
        return {
            Kind.LAYERS: self.layers,
            Kind.TUNNELS: self.tunnels,
            Kind.GROUPS: self.groups,
        }[kind]


NO_RESERVE = Reserve.of_all(0)


def kind_of(plan: Plan) -> Kind:
    """The kind that a plan belongs to."""
    if any(step.group for tunnel in plan.tunnels for step in tunnel.steps):
        return Kind.GROUPS
    plain = all(tunnel.whole and len(tunnel.nodes) == 1 for tunnel in plan.tunnels)
    return Kind.LAYERS if plain else Kind.TUNNELS
