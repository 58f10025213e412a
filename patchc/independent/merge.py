"""What becomes of the patches' results: one tensor again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import onnx

from patchc.choices import Merge
from patchc.errors import PatchcError
from patchc.independent.editor import Editor, Reals
from patchc.independent.patches import Grid, Patch
from patchc.independent.wiring import DEQUANTIZE, LAYERS, QUANTIZE, Wiring, attribute

# Behind a tensor these keep what is channel by channel so, and what is multiplied so.
PASSING = frozenset(
    (
        *("AveragePool", "Dropout", "Flatten", "GlobalAveragePool", "GlobalMaxPool", "Identity"),
        *("MaxPool", "Relu", "Reshape", "Squeeze", "Unsqueeze", DEQUANTIZE, QUANTIZE),
    )
)
SLICED = (2, 3)  # rows and columns of [1, channels, rows, columns]


def merge_parts(
    editor: Editor, tensor: str, parts: Sequence[str], merge: Merge, tiles: Tiles | None
) -> None:
    """Add what makes `tensor` again, from the `parts` that the patches make of it."""
    reals, count = Reals(editor, tensor), len(parts)
    ones = [(part, 1) for part in parts]
    if merge is Merge.MAX:
        reals.apply("Max", ones, output=tensor)
    elif merge is Merge.CONCAT:
        reals.apply("Concat", ones, output=tensor, axis=1)
    elif merge is Merge.TILE:
        assert tiles is not None
        _tile(editor, reals, parts, tiles)
    else:
        total = parts[0]
        for number, part in enumerate(parts[1:], 2):
            last = number == count and merge is Merge.SUM
            added = [(total, number - 1), (part, 1)]
            total = reals.apply("Add", added, number, tensor if last else "")
        if merge is Merge.MEAN:
            share = editor.constant(np.array(1 / count, np.float32), f"{tensor}_share")
            reals.apply("Mul", [(total, count)], output=tensor, constants=(share,))


# -- maps put together again ------------------------------------------------------------------


class Tiles:
    """Which part of each patch's map is kept."""

    def __init__(
        self,
        name: str,
        tensor: str,
        grid: Grid,
        patches: Sequence[Patch],
        cut: tuple[int, ...],
        whole: tuple[int, ...],
        part: tuple[int, ...],
    ) -> None:
        """Shapes: of what is cut, of the map that the whole network makes, of a patch's. Raises
        PatchcError where the parts do not make the whole."""
        self.grid = grid
        if grid.center:
            raise PatchcError(
                "--center: the central patch has no place of its own where maps are put together "
                "again (--merge tile)"
            )
        if len(whole) != 4 or len(part) != 4:
            raise PatchcError(
                f"{name}: --merge tile: {tensor!r} of shape {list(whole)} is no map: --until names "
                "a node whose result has rows and columns"
            )
        rows = _kept(cut[2], whole[2], part[2], grid.rows, [p.row for p in patches[:: grid.cols]])
        cols = _kept(cut[3], whole[3], part[3], grid.cols, [p.col for p in patches[: grid.cols]])
        if rows is None or cols is None:
            raise PatchcError(
                f"{name}: --merge tile: {grid} maps {part[2]}x{part[3]} of the patches do not make "
                f"the map {whole[2]}x{whole[3]} of {tensor!r}: another --grid, --overlap (a "
                "multiple of the strides up to there) or --until"
            )
        self.part = part
        self.rows, self.cols = rows, cols

    def crops(self) -> Iterator[tuple[int, int, int, int]]:
        """First row, behind the last, first column, behind the last."""
        for top, bottom in self.rows:
            for left, right in self.cols:
                yield top, bottom, left, right


def _kept(
    cut: int, whole: int, part: int, count: int, starts: Sequence[int]
) -> list[tuple[int, int]] | None:
    """The rows (columns) of each part that make the whole; None where they cannot."""
    if whole % count or cut % whole:
        return None
    size, stride = whole // count, cut // whole
    found = []
    for index, start in enumerate(starts):
        first, rest = divmod(index * size * stride - start, stride)
        if rest or first < 0 or first + size > part:
            return None
        found.append((first, first + size))
    return found


def _tile(editor: Editor, reals: Reals, parts: Sequence[str], tiles: Tiles) -> None:
    kept = []
    for part, (top, bottom, left, right) in zip(parts, tiles.crops(), strict=True):
        if (top, bottom, left, right) != (0, tiles.part[2], 0, tiles.part[3]):
            part = cropped(editor, part, Patch(top, left, bottom - top, right - left), part)
        kept.append((part, 1))
    grid, rows = tiles.grid, []
    for row in range(grid.rows):
        line = kept[row * grid.cols : (row + 1) * grid.cols]
        output = reals.tensor if grid.rows == 1 else ""
        joined = reals.apply("Concat", line, output=output, axis=3) if grid.cols > 1 else line[0][0]
        rows.append((joined, 1))
    if grid.rows > 1:
        reals.apply("Concat", rows, output=reals.tensor, axis=2)


def cropped(editor: Editor, tensor: str, patch: Patch, name: str) -> str:
    """A rectangle of a map."""
    starts = (patch.row, patch.col)
    ends = (patch.row + patch.rows, patch.col + patch.cols)
    numbers = (("starts", starts), ("ends", ends), ("axes", SLICED))
    given = [editor.constant(np.array(v, np.int64), f"{name}_crop_{what}") for what, v in numbers]
    return editor.node("Slice", [tensor, *given], f"{name}_crop")


# -- the layer behind -------------------------------------------------------------------------


def widen_layers(editor: Editor, tensor: str, count: int) -> None:
    """Behind a concatenation: repeat the weights of the layers that read it, divided by the number
    of patches. Raises PatchcError where others read it."""
    wiring = editor.wiring
    passed, layers, others = _behind(wiring, tensor)
    if others or not layers or tensor in wiring.outputs:
        named = ", ".join(f"{node.name!r} ({node.op_type})" for node in others) or "no layer"
        raise PatchcError(
            f"{wiring.name}: --merge concat: {tensor!r} is read by {named}, and only a layer with "
            "constant weights can be widened: another --merge or --until"
        )
    for node in passed:
        if node.op_type == "Reshape":
            _widen_reshape(editor, node, count)
    for layer in layers:
        _widen(editor, layer, count)


def rescale_behind(editor: Editor, reals: Reals, count: int) -> None:
    """Behind a sum in a QDQ file, whose values have a scale `count` times as large."""
    if reals.quantizer is None:
        return
    wiring = editor.wiring
    passed, layers, _ = _behind(wiring, reals.tensor)
    old = wiring.value(reals.quantizer.input[1])
    for node in passed:
        if node.op_type in (QUANTIZE, DEQUANTIZE):
            scale = wiring.value(node.input[1])
            if old is not None and scale is not None and np.array_equal(old, scale):
                node.input[1] = reals.scale(count)
    for layer in layers:
        _rescale_bias(editor, layer, count)


def _behind(
    wiring: Wiring, tensor: str
) -> tuple[list[onnx.NodeProto], list[onnx.NodeProto], list[onnx.NodeProto]]:
    """The nodes that pass a tensor on; the layers that read it; what else does."""
    passed, layers, others = [], [], []
    pending = [tensor]
    while pending:
        name = pending.pop()
        for node in wiring.readers.get(name, ()):
            constant = node.input[0] == name and len(wiring.varying(node)) == 1
            if constant and node.op_type in LAYERS and len(node.input) > 1:
                layers.append(node)
            elif constant and node.op_type in PASSING:
                passed.append(node)
                pending.extend(node.output[:1])
            else:
                others.append(node)
    return passed, layers, others


def _widen_reshape(editor: Editor, node: onnx.NodeProto, count: int) -> None:
    """To a fixed number of values: that many times as many."""
    target = editor.wiring.value(node.input[1])
    sizes = None if target is None else target.tolist()
    if sizes is None or len(sizes) != 2:
        raise PatchcError(
            f"{editor.wiring.name}: --merge concat: node {node.name!r} (Reshape) makes no vector "
            "of what it reads: another --merge or --until"
        )
    if sizes[1] > 0:
        values = np.array([sizes[0], sizes[1] * count], np.int64)
        node.input[1] = editor.constant(values, f"{node.input[1]}_wide")


def _widen(editor: Editor, layer: onnx.NodeProto, count: int) -> None:
    wiring, source = editor.wiring, layer.input[1]
    dequantizer = wiring.makers.get(source)
    if dequantizer is not None and dequantizer.op_type == DEQUANTIZE:
        source = dequantizer.input[0]
    else:
        dequantizer = None
    weights = wiring.value(source)
    if weights is None or attribute(layer, "group", 1) != 1 or layer.op_type == "ConvTranspose":
        raise PatchcError(
            f"{wiring.name}: --merge concat: node {layer.name!r} ({layer.op_type}) cannot be "
            "widened: groups, or weights that are not constant; another --merge or --until"
        )
    transposed = layer.op_type == "Gemm" and attribute(layer, "transB", 0)
    axis = 1 if layer.op_type == "Conv" or transposed else 0
    wide = np.concatenate([weights] * count, axis)
    if dequantizer is None:
        share = weights.dtype.type(1 / count)
        layer.input[1] = editor.constant(wide * share, f"{source}_wide")
        return
    scale = wiring.value(dequantizer.input[1])
    assert scale is not None, f"{layer.name}: the scale of its weights is no initializer"
    if scale.size > 1 and attribute(dequantizer, "axis", 1) % weights.ndim == axis:
        raise PatchcError(
            f"{wiring.name}: --merge concat: node {layer.name!r} has weights with a scale per "
            "input: another --merge or --until"
        )
    inputs = [
        editor.constant(wide, f"{source}_wide"),
        editor.constant(scale / scale.dtype.type(count), f"{dequantizer.input[1]}_wide"),
        *dequantizer.input[2:],
    ]
    layer.input[1] = editor.node(DEQUANTIZE, inputs, f"{layer.input[1]}_wide")
    editor.nodes[-1].attribute.extend(dequantizer.attribute)
    _rescale_bias(editor, layer, 1 / count)


def _rescale_bias(editor: Editor, layer: onnx.NodeProto, factor: float) -> None:
    """An int32 bias is in steps of the input's scale times the weights': `factor` times as large
    now."""
    wiring = editor.wiring
    bias = layer.input[2] if len(layer.input) > 2 else ""
    dequantizer = wiring.makers.get(bias)
    if dequantizer is None or dequantizer.op_type != DEQUANTIZE:
        return
    values, scale = (wiring.value(name) for name in dequantizer.input[:2])
    assert values is not None, f"{layer.name}: its bias is no initializer"
    assert scale is not None, f"{layer.name}: the scale of its bias is no initializer"
    limits = np.iinfo(np.int32)
    steps = np.rint(values / factor).clip(limits.min, limits.max).astype(np.int32)
    inputs = [
        editor.constant(steps, f"{dequantizer.input[0]}_rescaled"),
        editor.constant((scale * factor).astype(scale.dtype), f"{dequantizer.input[1]}_rescaled"),
        *dequantizer.input[2:],
    ]
    layer.input[2] = editor.node(DEQUANTIZE, inputs, f"{bias}_rescaled")
    editor.nodes[-1].attribute.extend(dequantizer.attribute)
