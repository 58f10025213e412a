"""Whether the windows of convolutions and pools still fit into the maps that patches make."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from patchc.errors import PatchcError
from patchc.independent.path import Path, Shapes
from patchc.independent.wiring import Wiring, attribute

WINDOWED = ("AveragePool", "Conv", "MaxPool")


def check_windows(
    wiring: Wiring, path: Path, whole: Shapes, part: Shapes, renamed: Mapping[str, str]
) -> list[str]:
    """`whole`, `part`: shapes of the tensors of the network and of a patch's, which are called as
    `renamed` says. Returns notes on windows larger than their map. Raises PatchcError where one
    does not fit, paddings included, or is larger than the patch itself."""
    notes = []
    for node in path.nodes:
        shape = part.get(renamed[node.input[0]], ()) if node.input[0] in renamed else ()
        kernel = _kernel(wiring, node, whole)
        if node.op_type not in WINDOWED or len(shape) != 4 or len(kernel) != 2:
            continue
        sizes, before = shape[2:], whole.get(node.input[0], (1, 1, 0, 0))[2:]
        pads = attribute(node, "pads", [0, 0, 0, 0])
        same = attribute(node, "auto_pad", b"NOTSET") in (b"SAME_UPPER", b"SAME_LOWER")
        smaller = any(k > size and k <= b for k, size, b in zip(kernel, sizes, before, strict=True))
        padded = [size + pads[i] + pads[i + 2] for i, size in enumerate(sizes)]
        outside = not same and any(k > size for k, size in zip(kernel, padded, strict=True))
        where = f"node {node.name!r} ({node.op_type})"
        window, found = "x".join(map(str, kernel)), "x".join(map(str, sizes))
        if outside or (smaller and node.input[0] == path.cut):
            advice = "fewer patches, --overlap, or an earlier --until"
            if node.op_type == "AveragePool":
                advice += "; where it is the mean of the map, GlobalAveragePool"
            raise PatchcError(
                f"{wiring.name}: {where}: a patch has {found} pixels there, less than its "
                f"{window} window: {advice}"
            )
        if smaller:
            notes.append(f"{where}: its {window} window is larger than the {found} map of a patch")
    return notes


def _kernel(wiring: Wiring, node: onnx.NodeProto, shapes: Shapes) -> list[int]:
    """Rows and columns of the window, dilation included."""
    sizes = list(attribute(node, "kernel_shape", ()))
    if not sizes and node.op_type == "Conv":
        sizes = list(shapes.get(node.input[1], ()))[2:]
        if not sizes and node.input[1] in wiring.initializers:
            sizes = list(wiring.initializers[node.input[1]].dims)[2:]
    dilations = attribute(node, "dilations", [1] * len(sizes))
    return [(size - 1) * d + 1 for size, d in zip(sizes, dilations, strict=True)]
