"""The columns of each stripe of one tunnel."""

from __future__ import annotations

from collections.abc import Sequence

from patchc.geometry.clocks import GeometryError
from patchc.geometry.rows import TunnelRows
from patchc.geometry.span import Span
from patchc.geometry.step import is_mean, operand_span, piece_tensor, reach
from patchc.ir import Graph
from patchc.plan.types import TunnelPlan


def column_shares(graph: Graph, tensor: str, stripes: int) -> tuple[Span, ...]:
    """The columns of a tensor that each stripe owns."""
    width = graph.tensors[tensor].shape[1]
    return tuple(Span(q * width // stripes, (q + 1) * width // stripes) for q in range(stripes))


def tunnel_cols(
    graph: Graph, tunnel: TunnelPlan, rows: TunnelRows, outputs: Sequence[str]
) -> dict[str, tuple[Span, ...]]:
    """Per tensor and stripe: the columns computed (or loaded, or read of outer tensors).

    `outputs`: tensors that leave the tunnel; stripe q owns columns q*w//n .. (q+1)*w//n of each.
    A mean's entry is under its input.
    """
    count = tunnel.stripes
    spans: dict[str, list[Span | None]] = {}
    for name in outputs:
        spans[name] = list(column_shares(graph, name, count))
    for step in reversed(rows.steps):
        piece = piece_tensor(graph, step.plan)
        if is_mean(graph, step.plan):
            spans[piece] = list(column_shares(graph, piece, count))
        own = spans.get(piece)
        if own is None or any(span is None for span in own):
            raise GeometryError(f"nothing reads {piece}")
        height = graph.tensors[piece].shape[0]
        for q, span in enumerate(own):
            assert span is not None
            inner = reach(graph, step.plan, Span(0, height), span)
            for tensor, position in step.reads:
                node = graph.node(step.plan.nodes[position])
                _, cols = operand_span(graph, node, tensor, *inner[position])
                spans.setdefault(tensor, [None] * count)[q] = _hull(
                    spans[tensor][q] if tensor in spans else None, cols
                )
    return {
        name: tuple(span if span is not None else Span(0, 0) for span in found)
        for name, found in spans.items()
    }


def _hull(a: Span | None, b: Span) -> Span:
    if a is None or a.start >= a.stop:
        return b
    if b.start >= b.stop:
        return a
    return Span(min(a.start, b.start), max(a.stop, b.stop))
