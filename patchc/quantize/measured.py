"""What quantisation costs, measured on samples by onnxruntime's debugging tool."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization.qdq_loss_debug import (
    create_activation_matching,
    modify_model_output_intermediate_tensors,
)

from patchc.classes import best_classes, right
from patchc.quality import Quality, Ratio
from patchc.quantize.options import PIXELS, ImagePreparation

COMPARED = 8  # samples whose tensors are compared
CLASSIFIED = 32  # whose classes are, where there are no labels
LOW_DB = 20.0  # below it answers change often
_SAVED = "_ReshapedSavedOutput"  # behind the names of tensors that onnxruntime's tool makes outputs
_ALIKE = 4  # samples of one class, from which on that is worth a word
_SCALINGS = ("Sub", "Div", "Mul", "Add", "BatchNormalization")  # of pixels, in front of a layer


def measured(
    prepared: Path,
    quantized: onnx.ModelProto,
    samples: Iterable[dict[str, np.ndarray]],
    preparation: ImagePreparation | None,
    labels: Sequence[int] | None,
    folder: Path,
) -> Quality:
    """prepared: the float file that was quantised. preparation: of pictures; None: samples are
    arrays. labels: the class of each sample. Raises PatchcError where there are more or fewer."""
    paths = folder / "quality-float.onnx", folder / "quality-int8.onnx"
    written = folder / "quality.onnx"
    onnx.save_model(quantized, written)
    names = [value.name for value in quantized.graph.output]
    runs = []
    for source, path in zip((prepared, written), paths, strict=True):
        modify_model_output_intermediate_tensors(source, path)
        runs.append(_session(path))
    signal: dict[str, float] = {}
    noise: dict[str, float] = {}
    count = 0
    for sample in islice(samples, COMPARED):
        count += 1
        theirs, ours = (_tensors(run, sample) for run in runs)
        matched = {
            name: (one["float"][0], one["post_qdq"][0])
            for name, one in create_activation_matching(ours, theirs).items()
            if "float" in one
        }
        matched |= {name: (theirs[name][0], ours[name][0]) for name in names if name in theirs}
        for name, (real, found) in matched.items():
            real, found = real.astype(np.float64).ravel(), found.astype(np.float64).ravel()
            signal[name] = signal.get(name, 0.0) + float(np.dot(real, real))
            noise[name] = noise.get(name, 0.0) + float(np.dot(real - found, real - found))
    ratios = {name: _decibels(signal[name], noise[name]) for name in signal}
    outputs = tuple(Ratio(name, ratios[name]) for name in names if name in ratios)
    graph = onnx.load_model(prepared).graph
    made = [*(i.name for i in graph.input), *(name for node in graph.node for name in node.output)]
    # In the order of the network: that of onnxruntime's tool is that of a set.
    layers = tuple(Ratio(name, ratios[name]) for name in made if name in ratios.keys() - {*names})
    chosen = list(islice(samples, CLASSIFIED)) if labels is None else samples
    floating, integer = (_answers(one, chosen, names[0]) for one in (prepared, written))
    rights = [None if labels is None else right(one, labels) for one in (floating, integer)]
    warnings = _warnings(outputs, floating, graph, preparation)
    return Quality(count, outputs, layers, rights[0], rights[1], warnings)


def _session(path: Path) -> onnxruntime.InferenceSession:
    """As the files are written, so that every tensor is there."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _tensors(
    run: onnxruntime.InferenceSession, sample: dict[str, np.ndarray]
) -> dict[str, list[np.ndarray]]:
    """All that are float, by name, flat."""
    wanted = [out.name for out in run.get_outputs() if out.name.endswith(_SAVED)]
    values = run.run(wanted, sample)
    return {name.removesuffix(_SAVED): [array] for name, array in zip(wanted, values, strict=True)}


def _decibels(signal: float, noise: float) -> float:
    """To a tenth: no more of it is the same on every machine. 99.9 where nothing differs."""
    if noise <= 0.0 or signal <= 0.0:
        return 99.9
    return min(round(10 * math.log10(signal / noise), 1), 99.9)


def _answers(
    model: Path, samples: Iterable[dict[str, np.ndarray]], output: str
) -> list[tuple[int, ...]]:
    """Classes of each sample, the best first."""
    run = _session(model)
    return [best_classes(run.run([output], sample)[0]) for sample in samples]


def _warnings(
    outputs: Sequence[Ratio],
    answers: Sequence[tuple[int, ...]],
    graph: onnx.GraphProto,
    preparation: ImagePreparation | None,
) -> tuple[str, ...]:
    """What looks wrong about the samples, and what quantisation lost."""
    found = []
    first = [node for node in graph.node if set(node.input) & {graph.input[0].name}]
    if preparation == PIXELS and not any(node.op_type in _SCALINGS for node in first):
        found.append(
            "pictures were given to the network as pixels 0..255, and it does not scale them: most "
            "networks want --mean and --std, as in their training"
        )
    classes = {best[0] for best in answers if best}
    if len(answers) >= _ALIKE and len(classes) == 1:
        found.append(
            f"the float network puts all {len(answers)} samples into class {classes.pop()}: are "
            "they so alike, or prepared otherwise than in its training (--mean, --std, --scale)?"
        )
    found += [
        f"{ratio.tensor}: {ratio.db:.1f} dB are few (under {LOW_DB:g}): more samples, other "
        "--method, or training with quantisation may help"
        for ratio in outputs
        if ratio.db < LOW_DB
    ]
    return tuple(found)
