"""The columns of each stripe of one tunnel."""

from __future__ import annotations

from collections.abc import Sequence

from patchc.ir import Graph
from patchc.tunnels.clocks import GeometryError
from patchc.tunnels.geometry import is_mean, operand_span, piece_tensor, reach
from patchc.tunnels.plan import TunnelPlan
from patchc.tunnels.rows import TunnelRows
from patchc.tunnels.schedule import Span


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
        width = graph.tensors[name].shape[1]
        spans[name] = _shares(width, count)
    for step in reversed(rows.steps):
        piece = piece_tensor(graph, step.plan)
        if is_mean(graph, step.plan):
            width = graph.tensors[piece].shape[1]
            spans[piece] = _shares(width, count)
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


def _shares(width: int, count: int) -> list[Span | None]:
    return [Span(q * width // count, (q + 1) * width // count) for q in range(count)]


def _hull(a: Span | None, b: Span) -> Span:
    if a is None or a.start >= a.stop:
        return b
    if b.start >= b.stop:
        return a
    return Span(min(a.start, b.start), max(a.stop, b.stop))
