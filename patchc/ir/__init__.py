"""The Graph: what a network computes, as immutable data."""

from patchc.ir.graph import (
    FULL_RANGE,
    Add,
    AveragePool,
    Clamp,
    Concat,
    Conv,
    GlobalAveragePool,
    Graph,
    Lut,
    MaxPool,
    Node,
    Op,
    Padding,
    Quantization,
    Tensor,
    Upsample,
    Window,
)
from patchc.ir.printer import format_graph
from patchc.ir.rules import macs, output_shape
from patchc.ir.verifier import GraphError, verify

__all__ = [
    "FULL_RANGE",
    "Add",
    "AveragePool",
    "Clamp",
    "Concat",
    "Conv",
    "GlobalAveragePool",
    "Graph",
    "GraphError",
    "Lut",
    "MaxPool",
    "Node",
    "Op",
    "Padding",
    "Quantization",
    "Tensor",
    "Upsample",
    "Window",
    "format_graph",
    "macs",
    "output_shape",
    "verify",
]
