"""Schedule -> C."""

from patchc.codegen.emit import NETWORK_FILE, constant_bytes, emit
from patchc.codegen.options import EmitOptions, GoldenVectors, WeightsMode

__all__ = [
    "NETWORK_FILE",
    "EmitOptions",
    "GoldenVectors",
    "WeightsMode",
    "constant_bytes",
    "emit",
]
