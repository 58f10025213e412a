"""Sums and products of two maps of one size that CMSIS-NN computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from patchc.choices import Rounding
from patchc.ir import Add, Binary, Graph, Mul, Node, Tensor
from patchc.kernels.cmsis_nn_entry import First, How, all_at_once, entry
from patchc.kernels.elementwise import ELEMENTWISE
from patchc.kernels.kernel import Kernel, Order, Site
from patchc.libraries.cmsis_nn import ELEMENTWISE_ADD, ELEMENTWISE_MUL
from patchc.numerics.cmsis_pairs import LEFT_SHIFT, PairForm, product_form, sum_form
from patchc.numerics.pairing import pairing_between
from patchc.numerics.structs import AddCmsisNNParams, MulCmsisNNParams

_BY_NAME = {kernel.name: kernel for kernel in ELEMENTWISE}


def pair_kernels(how: How) -> tuple[Kernel, ...]:
    """One flavour's. They find rows of a ring wherever they lie. The library reads up to four
    elements of both operands, then writes these, and says of no pointer that it is the only one: so
    the output may be an operand's memory."""
    common = {
        "shared": (),
        "order": Order.ELEMENT,
        "refuses": First((all_at_once, _alike, _proof(how))),
    }
    return (
        entry(
            _BY_NAME["add"],
            "add",
            how.flavour,
            ELEMENTWISE_ADD,
            struct="patchc_add_cmsis_nn_params",
            pack=_add(how.rounding),
            **common,
        ),
        entry(
            _BY_NAME["mul"],
            "mul",
            how.flavour,
            ELEMENTWISE_MUL,
            struct="patchc_mul_cmsis_nn_params",
            pack=_mul(how.rounding),
            **common,
        ),
    )


def pair_form(
    op: Binary, inputs: tuple[Tensor, ...], output: Tensor, rounding: Rounding
) -> PairForm | None:
    """The numbers of a sum or a product, in the order of the formula; None: the library's words
    could overflow."""
    pairing = pairing_between(op, inputs, output.quant)
    return (sum_form if isinstance(op, Add) else product_form)(pairing, rounding)


def _alike(site: Site) -> str | None:
    if len(site.inputs) == 1:
        return "its second operand is a constant"
    if any(x.shape != site.output.shape for x in site.inputs):
        return "its second operand is broadcast"
    return None


def _proof(how: How) -> Callable[[Site], str | None]:
    def refuses(site: Site) -> str | None:
        op = cast(Binary, site.op)
        form = pair_form(op, site.inputs, site.output, how.rounding)
        if form is None:
            return "its scales are so far apart that words of CMSIS-NN could overflow"
        if how.exact and not form.proved:
            return (
                "no multipliers of CMSIS-NN were found that give onnxruntime's bytes for all 65536 "
                "pairs of operands"
            )
        return None

    return refuses


def _numbers(graph: Graph, node: Node, rounding: Rounding) -> tuple[PairForm, Any]:
    inputs = tuple(graph.tensors[name] for name in node.inputs)
    output = graph.tensors[node.output]
    op = cast(Binary, node.op)
    form = pair_form(op, inputs, output, rounding)
    assert form is not None
    return form, (inputs[0].quant.zero_point, inputs[1].quant.zero_point, output.quant.zero_point)


def _add(rounding: Rounding) -> Any:
    def pack(graph: Graph, node: Node, group: int) -> AddCmsisNNParams:
        op = cast(Add, node.op)
        form, (a, b, y) = _numbers(graph, node, rounding)
        # Operands come as the node has them, and the form's in the order of the formula.
        first, second = (1, 0) if op.reverse else (0, 1)
        return AddCmsisNNParams(
            a_offset=-a,
            a_multiplier=form.multipliers[first],
            a_shift=form.shifts[first],
            b_offset=-b,
            b_multiplier=form.multipliers[second],
            b_shift=form.shifts[second],
            left_shift=LEFT_SHIFT,
            multiplier=form.multipliers[2],
            shift=form.shifts[2],
            zero_point=y,
            lo=op.clamp.lo,
            hi=op.clamp.hi,
        )

    return pack


def _mul(rounding: Rounding) -> Any:
    def pack(graph: Graph, node: Node, group: int) -> MulCmsisNNParams:
        op = cast(Mul, node.op)
        form, (a, b, y) = _numbers(graph, node, rounding)
        return MulCmsisNNParams(
            a_offset=-a,
            b_offset=-b,
            multiplier=form.multipliers[0],
            shift=form.shifts[0],
            zero_point=y,
            lo=op.clamp.lo,
            hi=op.clamp.hi,
        )

    return pack
