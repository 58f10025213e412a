"""Convolutions for cores with DSP instructions: entries, and how they want their constants.

What each takes, reads and works in: runtime_c/include/patchc_kernels_dsp.h.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from patchc.ir import Conv, Graph, Node, Tensor
from patchc.kernels import dsp_packing
from patchc.kernels.convolutions import BY_NAME, by_inputs, one_group, square_depthwise, whole
from patchc.kernels.features import Count
from patchc.kernels.kernel import Fours, Kernel, Needs, Site, Slicing, in_passes
from patchc.kernels.portable import RARE_SOURCE, REQUANT_HEADERS
from patchc.kernels.window import where_of, window_params
from patchc.numerics.form_check import proved
from patchc.numerics.forms import HIGH, LayerForms, layer_forms
from patchc.numerics.structs import ConvDspParams
from patchc.numerics.thresholds import conv_channels

DSP = "dsp"  # Armv7E-M and Armv8-M with the DSP extension

PIXELS = 3  # computed at once: the fastest, which needs the most scratch memory
DEPTHWISE_PIXELS = 2  # of one row
WEIGHTS_ALIGN = 4  # bytes

Parts = Callable[[Conv, int], Sequence[np.ndarray]]
Shortfall = Callable[[Conv, int], NDArray[np.int64]]

# A compilation asks for the same constants several times, of one network at a time.
_KEPT_LAYERS = 512


def _align4(count: int) -> int:
    return -(-count // 4) * 4


# ---- constants ----


def _flat(weights: np.ndarray) -> np.ndarray:
    """All taps of a channel as one row."""
    return weights.reshape(len(weights), 1, -1)


def _by_row(weights: np.ndarray) -> np.ndarray:
    """The taps of each row of the window."""
    return weights.reshape(*weights.shape[:2], -1)


def _by_pairs(weights: np.ndarray) -> np.ndarray:
    return dsp_packing.depthwise(weights[..., 0])


def _fours_of(rows: Callable[[np.ndarray], np.ndarray], lanes: int) -> Any:
    return lambda weights: dsp_packing.fours(rows(weights), lanes)


def _shortfall_of(parts: Parts, rows: Callable[[np.ndarray], np.ndarray]) -> Shortfall:
    """Of all parts of the inputs together."""

    def shortfall(op: Conv, group: int) -> NDArray[np.int64]:
        found = [dsp_packing.fours_shortfall(rows(part)) for part in parts(op, group)]
        result: NDArray[np.int64] = np.sum(found, axis=0)
        return result

    return shortfall


def _no_shortfall(op: Conv, group: int) -> NDArray[np.int64]:
    return np.zeros(op.channels_out, np.int64)


@lru_cache(maxsize=_KEPT_LAYERS)
def _proved_forms(
    op: Conv, x: Tensor, y: Tensor, shortfall: Shortfall, group: int, where: str
) -> LayerForms:
    """For the sums as the kernel makes them, which are too small by `shortfall`.

    Raises PatchcError, naming `where`, for scales without a meaning.
    """
    channels, short = conv_channels(op, x, y), shortfall(op, group)
    # Kernels add modulo 2^32.
    bias = (channels.bias + short).astype(np.int32).astype(np.int64)
    channels = replace(channels, bias=bias, low=channels.low - short, high=channels.high - short)
    forms = layer_forms(channels, (HIGH,), where)
    wrong = np.flatnonzero(~proved(channels, forms))
    if len(wrong):
        raise AssertionError(
            f"{where}, output channel {wrong[0]}: its requantisation is not proved to equal "
            "onnxruntime's"
        )
    return forms


def _packed(parts: Parts, layout: Callable[[np.ndarray], np.ndarray], shortfall: Shortfall) -> Any:
    """The packing that lays out each of `parts` of the weights, one behind the other."""

    def pack(graph: Graph, node: Node, group: int) -> ConvDspParams:
        op = cast(Conv, node.op)
        x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
        where = where_of(node)
        forms = _proved_forms(op, x, y, shortfall, group, where)
        return ConvDspParams(
            window=window_params(op.window, where),
            weights=np.concatenate([layout(part) for part in parts(op, group)]),
            form=forms.channels,
            rare=forms.rare or None,
            pixels=PIXELS,
            pad_value=x.quant.zero_point,
            zero_point=y.quant.zero_point,
            lo=op.clamp.lo,
            hi=op.clamp.hi,
        )

    return pack


def _outputs_from(channel_bytes: Callable[[Conv], int]) -> Callable[[Conv, Slicing], Any]:
    """`channel_bytes`: of the packed weights of one output channel."""
    return lambda op, slicing: ("patchc_outputs_from_dsp", channel_bytes(op))


def _inputs_from(op: Conv, slicing: Slicing) -> tuple[str, int]:
    return "patchc_inputs_from_dsp", op.channels_out


def _row_bytes(op: Conv) -> int:
    """Of one output channel's rows, each with zeros behind its last tap."""
    height = op.window.kernel[0]
    return height * _align4(_taps(op) // height)


# ---- where they can run ----


def _sums(site: Site) -> str | None:
    if site.group % 4:
        return "it reads four channels at a time"
    return BY_NAME["pointwise_add"].refuses(site)


# ---- what they work in ----


def _taps(op: Conv) -> int:
    return op.weights[0].size


def _pixels(site: Site) -> Count:
    """Computed at once."""
    return np.minimum(site.rows * site.cols, PIXELS)


def _pointwise_scratch(site: Site) -> Count:
    return 2 * _pixels(site) * _align4(_taps(cast(Conv, site.op)))


def _window_scratch(site: Site) -> Count:
    op = cast(Conv, site.op)
    taps = _align4(_taps(op))
    return 2 * _pixels(site) * taps + (taps if op.channels_in % 4 else 0)


def _depthwise_scratch(site: Site) -> Count:
    window = cast(Conv, site.op).window
    (height, width), (_, stride) = window.kernel, window.stride
    return _align4(site.channels) + 8 * height * (width + stride)


def _sums_scratch(site: Site) -> Count:
    channels = site.inputs[0].shape[2]
    return 6 * _align4(min(site.group, channels) or channels)


# ---- entries ----


def _dsp(name: str, **more: Any) -> Kernel:
    """patchc_NAME_dsp, which computes what the portable kernel does. `more`: further fields."""
    return replace(
        BY_NAME[name],
        name=f"{name}.{DSP}",
        flavour=DSP,
        function=f"patchc_{name}_dsp",
        source=f"dsp/patchc_{name}_dsp.c",
        header="patchc_kernels_dsp.h",
        headers=(
            *REQUANT_HEADERS,
            "patchc_dsp.h",
            "patchc_dsp_store.h",
            "patchc_dsp_product.h",
        ),
        shared=("dsp/patchc_dsp_shared.c", RARE_SOURCE),
        struct="patchc_conv_dsp_params",
        needs=Needs(weights=WEIGHTS_ALIGN),
        **more,
    )


_SUMS = "pointwise_sums.dsp"  # the packing that both halves read
_PACK_SUMS = _packed(by_inputs, _fours_of(_flat, 2), _shortfall_of(by_inputs, _flat))
_WHOLE_SHORTFALL = _shortfall_of(lambda op, group: [op.weights], _flat)
_ROWS_SHORTFALL = _shortfall_of(lambda op, group: [op.weights], _by_row)

DSP_KERNELS: tuple[Kernel, ...] = (
    _dsp(
        "dense",
        pack=_packed(whole, _fours_of(_by_row, 4), _ROWS_SHORTFALL),
        fours=Fours.ROWS,
        refuses=one_group("dense"),
        part=_outputs_from(_row_bytes),
    ),
    _dsp(
        "conv2d_pointwise",
        pack=_packed(whole, _fours_of(_flat, 2), _WHOLE_SHORTFALL),
        fours=Fours.ALL,
        scratch=_pointwise_scratch,
        takes_scratch=True,
        work=in_passes(PIXELS),
        at_once=PIXELS,
        part=_outputs_from(lambda op: _align4(_taps(op))),
    ),
    _dsp(
        "conv2d_depthwise",
        pack=_packed(whole, _by_pairs, _no_shortfall),
        refuses=square_depthwise(2, "two"),
        scratch=_depthwise_scratch,
        takes_scratch=True,
        work=in_passes(DEPTHWISE_PIXELS, within_rows=True),
        at_once=DEPTHWISE_PIXELS,
        part=_outputs_from(lambda op: _align4(2 * _taps(op)) // 2),
    ),
    _dsp(
        "conv2d",
        pack=_packed(whole, _fours_of(_flat, 2), _WHOLE_SHORTFALL),
        fours=Fours.ALL,
        refuses=one_group("conv2d"),
        scratch=_window_scratch,
        takes_scratch=True,
        work=in_passes(PIXELS),
        at_once=PIXELS,
        part=_outputs_from(lambda op: _align4(_taps(op))),
    ),
    _dsp(
        "pointwise_add",
        pack=_PACK_SUMS,
        fours=Fours.ROUNDS,
        refuses=_sums,
        scratch=_sums_scratch,
        takes_scratch=True,
        work=in_passes(PIXELS),
        at_once=PIXELS,
        finish="pointwise_finish.dsp",
        packing=_SUMS,
        part=_inputs_from,
    ),
    _dsp("pointwise_finish", pack=_PACK_SUMS, fours=Fours.ROUNDS, packing=_SUMS),
)
