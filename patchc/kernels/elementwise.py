"""Operators of single values and pixels: sums, products, extrema, tables, Concat, Softmax and
normalisations."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from patchc.ir import (
    Add,
    Concat,
    Extremum,
    Graph,
    LayerNormalization,
    LocalResponseNormalization,
    Lut,
    Max,
    Min,
    Mul,
    Node,
    Softmax,
    Sub,
)
from patchc.kernels.kernel import Kernel, Operands, Order, Site, Slicing, accepts
from patchc.kernels.portable import portable
from patchc.kernels.window import where_of
from patchc.numerics.add import add_params
from patchc.numerics.concat import concat_params
from patchc.numerics.extremum import extremum_params
from patchc.numerics.layer_norm import layer_norm_params
from patchc.numerics.local_response import local_response_params
from patchc.numerics.mul import mul_params
from patchc.numerics.pairing import pairing_of
from patchc.numerics.softmax import softmax_params
from patchc.numerics.structs import (
    AddParams,
    ConcatParams,
    ExtremumParams,
    LayerNormParams,
    LocalResponseParams,
    LutParams,
    MulParams,
    SoftmaxParams,
    SubParams,
)
from patchc.numerics.sub import sub_params


def _add(graph: Graph, node: Node, group: int) -> AddParams:
    return add_params(pairing_of(graph, node), where_of(node))


def _mul(graph: Graph, node: Node, group: int) -> MulParams:
    return mul_params(pairing_of(graph, node), where_of(node))


def _sub(graph: Graph, node: Node, group: int) -> SubParams:
    return sub_params(pairing_of(graph, node), where_of(node))


def _extremum(graph: Graph, node: Node, group: int) -> ExtremumParams:
    return extremum_params(type(cast(Extremum, node.op)), pairing_of(graph, node))


def _concat(graph: Graph, node: Node, group: int) -> ConcatParams:
    inputs = [graph.tensors[name] for name in node.inputs]
    return concat_params(cast(Concat, node.op), inputs, graph.tensors[node.output])


def _lut(graph: Graph, node: Node, group: int) -> LutParams:
    return LutParams(cast(Lut, node.op).table.reshape(-1))


def _softmax(graph: Graph, node: Node, group: int) -> SoftmaxParams:
    x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
    return softmax_params(cast(Softmax, node.op), x, y, where_of(node))


def _layer_norm(graph: Graph, node: Node, group: int) -> LayerNormParams:
    x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
    return layer_norm_params(cast(LayerNormalization, node.op), x, y, where_of(node))


def _local_response(graph: Graph, node: Node, group: int) -> LocalResponseParams:
    x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
    return local_response_params(cast(LocalResponseNormalization, node.op), x, y, where_of(node))


def _one_table(site: Site) -> str | None:
    if cast(Lut, site.op).per_channel:
        return "it has a table per channel"
    if site.slicing is Slicing.PLACED:
        return "it makes as many channels as it reads"
    return "it reads what it makes" if site.slicing is Slicing.OUTPUTS else None


def _placed(site: Site) -> str | None:
    if cast(Lut, site.op).per_channel:
        return "it has a table per channel"
    return None if site.slicing is Slicing.PLACED else "it puts channels of a round among all"


def _tables(site: Site) -> str | None:
    return accepts(site) if cast(Lut, site.op).per_channel else "it has one table"


# What makes int8 of two operands: most of it in sums of 32 bits.
PAIR_HEADERS = ("patchc_pairs.h", "patchc_requant.h")
SUMS_SOURCE = "portable/patchc_near_sums.c"
PRODUCTS_SOURCE = "portable/patchc_near_products.c"
LOOK_UP_SOURCE = "portable/patchc_look_up.c"


def _of_extremum(name: str, operator: type[Extremum]) -> Kernel:
    """Both extrema are one C function."""
    entry = portable(
        name,
        operator,
        Order.ELEMENT,
        struct="patchc_extremum_params",
        pack=_extremum,
        headers=PAIR_HEADERS,
        operands=Operands.PAIR,
    )
    return replace(entry, function="patchc_extremum", source="portable/patchc_extremum.c")


ELEMENTWISE: tuple[Kernel, ...] = (
    portable(
        "add",
        Add,
        Order.ELEMENT,
        struct="patchc_add_params",
        pack=_add,
        headers=PAIR_HEADERS,
        shared=(SUMS_SOURCE,),
        operands=Operands.PAIR,
    ),
    portable(
        "mul",
        Mul,
        Order.ELEMENT,
        struct="patchc_mul_params",
        pack=_mul,
        headers=PAIR_HEADERS,
        shared=(PRODUCTS_SOURCE,),
        operands=Operands.PAIR,
    ),
    portable(
        "sub",
        Sub,
        Order.ELEMENT,
        struct="patchc_sub_params",
        pack=_sub,
        headers=(*PAIR_HEADERS, "patchc_softfloat.h"),
        shared=(SUMS_SOURCE,),
        operands=Operands.PAIR,
    ),
    _of_extremum("max", Max),
    _of_extremum("min", Min),
    portable(
        "concat",
        Concat,
        struct="patchc_concat_params",
        pack=_concat,
        operands=Operands.ARRAY,
    ),
    portable(
        "lut",
        Lut,
        Order.ELEMENT,
        struct="patchc_lut_params",
        pack=_lut,
        headers=("patchc_look_up.h",),
        shared=(LOOK_UP_SOURCE,),
        refuses=_one_table,
    ),
    portable(
        "lut_placed",
        Lut,
        Order.ELEMENT,
        struct="patchc_lut_params",
        pack=_lut,
        headers=("patchc_look_up.h",),
        shared=(LOOK_UP_SOURCE,),
        refuses=_placed,
    ),
    portable(
        "lut_channels",
        Lut,
        Order.ELEMENT,
        struct="patchc_lut_params",
        pack=_lut,
        refuses=_tables,
    ),
    portable(
        "softmax",
        Softmax,
        struct="patchc_softmax_params",
        pack=_softmax,
        headers=("patchc_softfloat.h",),
    ),
    portable(
        "layer_norm",
        LayerNormalization,
        struct="patchc_layer_norm_params",
        pack=_layer_norm,
        headers=("patchc_requant.h",),
    ),
    portable(
        "local_response",
        LocalResponseNormalization,
        struct="patchc_local_response_params",
        pack=_local_response,
        headers=("patchc_requant.h",),
    ),
)
