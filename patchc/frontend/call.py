"""What an entry of the table of operators is called with: a node, and the values of its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper

from patchc.frontend.arrange import whole
from patchc.frontend.builder import GraphBuilder
from patchc.frontend.refusal import RefusalError, node_name
from patchc.frontend.values import (
    Constant,
    Dequantized,
    Host,
    Pending,
    Quantized,
    QuantizedConstant,
    Value,
)
from patchc.ir import Quantization


@dataclass(frozen=True, slots=True)
class Call:
    """One node of the ONNX file with the values of its inputs."""

    node: onnx.NodeProto
    inputs: tuple[Value | None, ...]  # None: an optional input left out
    builder: GraphBuilder
    opset: int  # of the default domain
    used_outputs: frozenset[int]  # those that something reads

    @property
    def name(self) -> str:
        return node_name(self.node)

    @property
    def output(self) -> str:
        """The name of the first output."""
        return self.node.output[0]

    def attribute(self, name: str, default: Any) -> Any:
        """An attribute's value (strings decoded, tensors as arrays), or `default`."""
        for attribute in self.node.attribute:
            if attribute.name == name:
                value = helper.get_attribute_value(attribute)
                return value.decode() if isinstance(value, bytes) else value
        return default

    def input(self, index: int) -> Value | None:
        """The value of an input, or None where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def constant(self, index: int, what: str) -> np.ndarray:
        """An input that has to be known at compile time. Raises RefusalError."""
        found = self.optional_constant(index, what)
        if found is None:
            raise RefusalError(f"it has no {what}")
        return found

    def optional_constant(self, index: int, what: str) -> np.ndarray | None:
        """The same, or None where it is left out."""
        value = self.input(index)
        if value is None:
            return None
        if not isinstance(value, Constant):
            raise RefusalError(f"its {what} is not a constant")
        return value.array

    def activation(self, index: int, *, padded: bool = False, as_seen: bool = False) -> Quantized:
        """The quantised tensor behind a float input. Raises RefusalError where there is none.

        `padded`: the caller takes care of an explicit Pad before it. `as_seen`: and of any layout.
        """
        value = self.input(index)
        if isinstance(value, Dequantized) and value.function is not None:
            held = self.builder.real_integers(value)
            if held is None:
                raise RefusalError(_not_quantized(node_name(value.function.node)))
            return self.readable(held, padded=padded, as_seen=as_seen)
        if isinstance(value, Dequantized):
            return self.readable(value.source, padded=padded, as_seen=as_seen)
        if isinstance(value, Pending):
            raise RefusalError(_not_quantized(value.clips[-1].node if value.clips else value.node))
        if isinstance(value, Host):
            raise RefusalError(f"it reads {value.name!r}, which is not quantised")
        if isinstance(value, Constant | QuantizedConstant):
            raise RefusalError("one of its operands is a constant")
        raise RefusalError("its input is not a quantised tensor")

    def readable(
        self, value: Quantized, *, padded: bool = False, as_seen: bool = False
    ) -> Quantized:
        """`value` as an operator can read it: where layout operators have cut its axes, or put its
        channels in another order, it is copied. `padded` and `as_seen` as above. Raises
        RefusalError."""
        if not padded:
            value = self.builder.padded(value)
        return value if as_seen else whole(self.builder, value)

    def integers(
        self,
        index: int,
        quant: Quantization,
        unsigned: bool,
        *,
        padded: bool = False,
        as_seen: bool = False,
        as_is: bool = False,
    ) -> Quantized:
        """An integer input that the node reads with `quant`. Raises RefusalError.

        `as_is`: in whatever layout it has, an explicit Pad before it included.
        """
        value = self.input(index)
        if isinstance(value, Host):
            return self.builder.add_input(value.name, quant, unsigned)
        if not isinstance(value, Quantized):
            raise RefusalError("its input is not a quantised tensor")
        known = self.builder.tensors[value.tensor].quant
        if known != quant:
            raise RefusalError(
                f"it reads {self.node.input[index]!r} with {_words(quant)}, "
                f"but that was written with {_words(known)}"
            )
        return value if as_is else self.readable(value, padded=padded, as_seen=as_seen)

    def quantization(
        self, scale: int, zero_point: int, unsigned: bool | None = None
    ) -> tuple[Quantization, bool]:
        """Scale and zero point of an activation from two inputs, as int8, and whether uint8.

        `unsigned` is the type where the zero point is left out (then 0). Raises RefusalError.
        """
        scales = self.constant(scale, "scale")
        zero_points = self.optional_constant(zero_point, "zero point")
        if scales.size != 1 or (zero_points is not None and zero_points.size != 1):
            raise RefusalError("activations quantised per channel: only one scale is supported")
        check_scales(scales)
        if zero_points is None:
            if unsigned is None:
                raise RefusalError("it has no zero point, so its type is unknown")
            zero_points = np.zeros((), np.uint8 if unsigned else np.int8)
        if zero_points.dtype not in (np.int8, np.uint8):
            raise RefusalError(
                f"{zero_points.dtype} activations: only int8 and uint8 are supported"
            )
        unsigned = bool(zero_points.dtype == np.uint8)
        shift = 128 if unsigned else 0
        return Quantization(float(scales.item()), int(zero_points.item()) - shift), unsigned


def check_scales(scales: np.ndarray) -> None:
    """Raises RefusalError unless all scales are positive float32 numbers."""
    if scales.dtype != np.float32:
        raise RefusalError(f"scales of type {scales.dtype}: only float32 is supported")
    if not (np.isfinite(scales).all() and (scales > 0).all()):
        raise RefusalError(f"a scale of {scales.min()}: scales have to be positive")


def _not_quantized(producer: str) -> str:
    return (
        f"it reads the float result of {producer}: there is no QuantizeLinear between them. Put a "
        "pair there, or quantise the float model with patchc quantize"
    )


def _words(quant: Quantization) -> str:
    return f"scale {quant.scale:.9g}, zero point {quant.zero_point} (as int8)"
