"""The forms of a node's requantisation, each proved, and how many channels have which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from patchc.ir import Conv, GlobalAveragePool, MatMul, Tensor
from patchc.numerics.form_check import proved
from patchc.numerics.forms import HIGH, LayerForms, Shape, layer_forms
from patchc.numerics.structs import (
    ConvCmsisNNParams,
    ConvDspParams,
    ConvParams,
    GlobalParams,
    MatmulParams,
    Params,
)
from patchc.numerics.thresholds import (
    Channels,
    conv_channels,
    pool_channels,
    product_channels,
)

# A compilation asks for the same forms several times, of one network at a time.
_KEPT_LAYERS = 512


@dataclass(frozen=True, slots=True)
class FormCounts:
    """Requantised output channels, by the form that equals onnxruntime's float arithmetic."""

    lines: int = 0
    guarded: int = 0  # the product's high word, and next to ties the emulation
    emulated: int = 0

    @property
    def proved(self) -> int:
        """Channels whose numbers the checker has compared on every sum that can come up."""
        return self.lines + self.guarded

    @property
    def channels(self) -> int:
        return self.proved + self.emulated

    def __add__(self, other: FormCounts) -> FormCounts:
        return FormCounts(
            self.lines + other.lines, self.guarded + other.guarded, self.emulated + other.emulated
        )


@lru_cache(maxsize=_KEPT_LAYERS)
def conv_forms(op: Conv, x: Tensor, y: Tensor, shapes: Sequence[Shape], where: str) -> LayerForms:
    """Of a convolution, its lines in one of the shapes. Raises PatchcError, naming `where`, for
    scales without a meaning."""
    return _proved_forms(conv_channels(op, x, y), shapes, where)


@lru_cache(maxsize=_KEPT_LAYERS)
def pool_forms(op: GlobalAveragePool, x: Tensor, y: Tensor, where: str) -> LayerForms:
    """Of a global pool: one form for all channels. Raises PatchcError likewise."""
    return _proved_forms(pool_channels(op, x, y), (HIGH,), where)


@lru_cache(maxsize=_KEPT_LAYERS)
def product_forms(op: MatMul, a: Tensor, b: Tensor, y: Tensor, where: str) -> LayerForms:
    """Of a product of two activations: one form for all channels. Raises PatchcError likewise."""
    return _proved_forms(product_channels(op, a, b, y), (HIGH,), where)


def _proved_forms(channels: Channels, shapes: Sequence[Shape], where: str) -> LayerForms:
    forms = layer_forms(channels, shapes, where)
    wrong = np.flatnonzero(~proved(channels, forms))
    if len(wrong):
        raise AssertionError(
            f"{where}, output channel {wrong[0]}: its requantisation is not proved to equal "
            "onnxruntime's"
        )
    return forms


def form_counts(params: Params, channels: int) -> FormCounts:
    """What the constants of a kernel that makes so many channels hold."""
    if isinstance(params, ConvCmsisNNParams):
        return FormCounts(lines=channels)
    if isinstance(params, MatmulParams):
        params = params.out
    if not isinstance(params, ConvParams | ConvDspParams | GlobalParams):
        return FormCounts()
    rare = params.rare or ()
    guarded = sum(one.drop > 0 for one in rare)
    emulated = len(rare) - guarded
    if isinstance(params, GlobalParams):
        return FormCounts(channels * (not rare), channels * guarded, channels * emulated)
    return FormCounts(len(params.form) - len(rare), guarded, emulated)
