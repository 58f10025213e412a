"""Products of matrices of activations."""

from __future__ import annotations

from typing import cast

from patchc.ir import Graph, MatMul, Node
from patchc.kernels.features import Counted, Extent, Features
from patchc.kernels.kernel import Kernel, Operands, Site
from patchc.kernels.portable import RARE_SOURCE, REQUANT_HEADERS, portable
from patchc.kernels.window import where_of
from patchc.numerics.node_forms import product_forms
from patchc.numerics.structs import GlobalParams, MatmulParams


def _matmul(graph: Graph, node: Node, group: int) -> MatmulParams:
    op, y = cast(MatMul, node.op), graph.tensors[node.output]
    a, b = (graph.tensors[name] for name in node.inputs)
    forms = product_forms(op, a, b, y, where_of(node))
    (form,) = forms.channels
    requantised = GlobalParams(
        form, forms.rare or None, y.quant.zero_point, op.clamp.lo, op.clamp.hi
    )
    zero_points = a.quant.zero_point, b.quant.zero_point
    return MatmulParams(requantised, int(op.transposed), *zero_points)


def _products(site: Site, extent: Extent) -> Features:
    """Its second operand lies in RAM: it reads no weights."""
    pixels, depth = extent.pixels, site.inputs[0].shape[2]
    outputs = pixels * site.output.shape[2]
    return Counted(
        calls=extent.pieces,
        rows=extent.rows,
        pixels=pixels,
        outputs=outputs,
        macs=outputs * depth,
        taps=pixels * depth,
    )


PRODUCTS: tuple[Kernel, ...] = (
    portable(
        "matmul",
        MatMul,
        struct="patchc_matmul_params",
        pack=_matmul,
        headers=REQUANT_HEADERS,
        shared=(RARE_SOURCE,),
        operands=Operands.PAIR,
        work=_products,
    ),
)
