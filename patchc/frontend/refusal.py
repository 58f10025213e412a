"""Why a node of an ONNX file cannot be imported."""

from __future__ import annotations

from dataclasses import dataclass

import onnx


class RefusalError(Exception):
    """This node cannot be imported; `str` is the reason, and what to do where that is known."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A node that keeps the model from being compiled."""

    node: str  # its name, or its output's where it has none
    operator: str
    reason: str

    def __str__(self) -> str:
        return f"{self.node} ({self.operator}): {self.reason}"


def node_name(node: onnx.NodeProto) -> str:
    """The name of a node, or of its first output where it has none."""
    return node.name or next((name for name in node.output if name), node.op_type)


def described(node: onnx.NodeProto) -> str:
    """Its name and its kind, as the report has operators of the host."""
    return f"{node_name(node)} ({node.op_type})"
