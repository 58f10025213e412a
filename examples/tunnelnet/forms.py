"""The networks that examples.tunnelnet.compare trains, and how each is begun."""

from __future__ import annotations

from dataclasses import dataclass, replace

from examples.tunnelnet import digits
from examples.tunnelnet.design import Bottlenecks, Design
from patchc.choices import Merge, Weights

BLOCKS = (Bottlenecks(2, 16, 1, 2), Bottlenecks(3, 24, 1, 2))
PLAIN = Design(
    digits.FRAME, 1, digits.CLASSES, stem=8, blocks=BLOCKS, features=48, merge=Merge.CONCAT, pool=2
)


@dataclass(frozen=True, slots=True)
class Form:
    """A network, and whether it begins with the trained weights of the plain one."""

    name: str
    design: Design
    tuned: bool = False  # fine-tuned after cutting

    @property
    def begun(self) -> str:
        return "fine-tuned" if self.tuned else "from the start"

    @property
    def is_cut(self) -> bool:
        return len(self.design.patches) > 1

    @property
    def file(self) -> str:
        """Letters and dashes only."""
        return f"{self.name} {self.begun}".replace(",", "").replace(" ", "-")


def forms() -> tuple[Form, ...]:
    """The plain network first: others begin with it."""
    found = [Form("plain", PLAIN)]
    for weights in Weights:
        for center in (False, True):
            design = replace(PLAIN, grid="2x2", center=center, weights=weights, pool=1)
            name = f"{weights.value}, centre" if center else weights.value
            found += [Form(name, design), Form(name, design, tuned=True)]
    # What the mean of the patches loses, beside shared weights side by side.
    found.append(Form("shared, mean", replace(found[1].design, merge=Merge.MEAN)))
    return tuple(found)
