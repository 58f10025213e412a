"""The reserve: bytes that stand for stack and statics until a linked image is measured.

What NAME_run takes depends on how the network runs: every kind of plan has its own deepest path.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from patchc.tunnels.plan import Plan

# The compiler makes what is called once a part of its caller, until that is large: then functions
# stay apart, and their stacks add up. Measured: up to 40 steps they are one, from 69 on apart.
MANY_STEPS = 48


class Kind(str, Enum):
    """Plans that take different amounts of stack."""

    LAYERS = "layers"  # layer by layer only
    TUNNELS = "tunnels"  # some nodes patch by patch
    GROUPS = "groups"  # some of these a few channels at a time
    MANY = "many"  # more than MANY_STEPS steps run patch by patch


@dataclass(frozen=True, slots=True)
class Reserve:
    """Stack from NAME_run down plus .data and .bss of the network, in bytes, at most."""

    layers: int
    tunnels: int
    groups: int
    many: int

    @staticmethod
    def of_all(size: int) -> Reserve:
        """One size for every plan."""
        return Reserve(size, size, size, size)

    @property
    def least(self) -> int:
        """No plan needs less."""
        return min(self.layers, self.tunnels, self.groups, self.many)

    @property
    def largest(self) -> int:
        """No plan needs more."""
        return max(self.layers, self.tunnels, self.groups, self.many)

    def of(self, kind: Kind) -> int:
        """For plans of a kind."""
        return {
            Kind.LAYERS: self.layers,
            Kind.TUNNELS: self.tunnels,
            Kind.GROUPS: self.groups,
            Kind.MANY: self.many,
        }[kind]


NO_RESERVE = Reserve.of_all(0)


def kind_of(plan: Plan) -> Kind:
    """The kind that a plan belongs to."""
    steps = [step for tunnel in plan.tunnels if not tunnel.whole for step in tunnel.steps]
    if len(steps) > MANY_STEPS:
        return Kind.MANY
    if any(step.group for step in steps):
        return Kind.GROUPS
    return Kind.TUNNELS if steps else Kind.LAYERS
