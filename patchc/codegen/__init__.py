"""Schedule -> C."""

from patchc.choices import WeightsMode
from patchc.codegen.emit import NETWORK_FILE, ConstantFacts, constant_facts, emit
from patchc.codegen.options import EmitOptions, GoldenVectors

__all__ = [
    "NETWORK_FILE",
    "ConstantFacts",
    "EmitOptions",
    "GoldenVectors",
    "WeightsMode",
    "constant_facts",
    "emit",
]
