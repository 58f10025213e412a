"""Input cases: from files, or random ones that cover the range of the quantised inputs."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from onnx import helper

from patchc.errors import PatchcError
from patchc.frontend.model import ImportedModel
from patchc.verify.golden import Case, graph_inputs

# Ranges that float inputs of image networks have; the one that fills the quantised range best is
# taken where operators lie between the file's input and its quantisation.
FLOAT_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (-128.0, 127.0), (-3.0, 3.0))

_BAD_ARCHIVE = (OSError, ValueError, EOFError, zipfile.BadZipFile)


def input_specs(imported: ImportedModel) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Shape and type of each input of the ONNX file, by name."""
    return {
        value.name: (
            tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim),
            np.dtype(helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)),
        )
        for value in imported.onnx_model.graph.input
    }


def random_cases(imported: ImportedModel, count: int, seed: int) -> list[Case]:
    """Uniform random inputs. The first cases do not depend on `count`.

    Integers cover their type; floats the range that the input's quantisation can hold, or, behind
    other operators, the one of FLOAT_RANGES that spreads best over it.
    """
    specs = input_specs(imported)
    ranges = {name: _range(imported, name, dtype) for name, (_, dtype) in specs.items()}
    return [
        {
            name: _uniform(np.random.default_rng([seed, case, index]), shape, dtype, ranges[name])
            for index, (name, (shape, dtype)) in enumerate(specs.items())
        }
        for case in range(count)
    ]


def read_cases(imported: ImportedModel, path: Path) -> list[Case]:
    """Cases from an .npz: names as in the ONNX file, the first axis counts the cases.

    The file's own batch dimension of 1 may be left out. Raises PatchcError.
    """
    arrays = read_arrays(path)
    specs = input_specs(imported)
    check_names(str(path), arrays, specs)
    counts = {name: len(values) if values.ndim else 0 for name, values in arrays.items()}
    if len(set(counts.values())) != 1 or 0 in counts.values():
        raise PatchcError(f"{path}: inputs hold different numbers of cases, or none: {counts}")
    cases: list[dict[str, np.ndarray]] = [{} for _ in range(next(iter(counts.values())))]
    for name, (shape, _) in specs.items():
        values = arrays[name]
        if shape[:1] == (1,) and values.shape[1:] == shape[1:]:
            values = values[:, None]
        for case, value in zip(cases, values, strict=True):
            case[name] = value
    for case in cases:
        check_case(imported, case)
    return [dict(case) for case in cases]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz by name, or a single .npy under the name "". Raises PatchcError."""
    try:
        loaded = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise PatchcError(f"{path}: there is no such file") from error
    except _BAD_ARCHIVE as error:
        raise PatchcError(f"{path}: not an .npy or .npz file of plain arrays") from error
    if isinstance(loaded, np.ndarray):
        return {"": loaded}
    with loaded:
        return {name: loaded[name] for name in loaded.files}


def read_case(imported: ImportedModel, path: Path) -> Case:
    """One case from an .npz with names as in the ONNX file, or from an .npy when the model has
    one input. Raises PatchcError."""
    arrays = read_arrays(path)
    specs = input_specs(imported)
    if list(arrays) == [""]:
        if len(specs) != 1:
            raise PatchcError(
                f"{path}: the model has {len(specs)} inputs ({', '.join(specs)}): give an .npz"
            )
        arrays = {name: arrays[""] for name in specs}
    check_case(imported, arrays, str(path))
    return arrays


def check_case(imported: ImportedModel, case: Case, where: str = "inputs") -> None:
    """Raises PatchcError unless names, shapes and types are those of the ONNX file."""
    specs = input_specs(imported)
    check_names(where, case, specs)
    for name, (shape, dtype) in specs.items():
        values = case[name]
        if values.shape != shape or values.dtype != dtype:
            raise PatchcError(
                f"{where}: {name!r} is {values.dtype} {_dims(values.shape)}; the model takes "
                f"{dtype} {_dims(shape)}"
            )


def check_names(where: str, given: Mapping[str, object], specs: Mapping[str, object]) -> None:
    """Raises PatchcError unless `given` has exactly the inputs in `specs`."""
    if set(given) != set(specs):
        raise PatchcError(f"{where}: holds {_list(given)}; the model's inputs are {_list(specs)}")


def _list(names: Mapping[str, object]) -> str:
    return ", ".join(repr(name) for name in names) or "nothing"


def _dims(shape: tuple[int, ...]) -> str:
    return "[" + ", ".join(map(str, shape)) + "]"


def _uniform(
    random: np.random.Generator,
    shape: tuple[int, ...],
    dtype: np.dtype,
    range_: tuple[float, float],
) -> np.ndarray:
    if dtype.kind in "iu":
        return random.integers(int(range_[0]), int(range_[1]) + 1, shape).astype(dtype)
    return random.uniform(*range_, shape).astype(dtype)


def _range(imported: ImportedModel, name: str, dtype: np.dtype) -> tuple[float, float]:
    if dtype in (np.dtype(np.int8), np.dtype(np.uint8)):
        return float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
    if dtype.kind != "f":
        raise PatchcError(
            f"input {name!r} is {dtype}: random cases are made for float, int8 and uint8 inputs "
            "only; give --inputs"
        )
    quantised = _quantised_range(imported, name)
    return quantised or max(FLOAT_RANGES, key=lambda range_: _spread(imported, range_))


def _quantised_range(imported: ImportedModel, name: str) -> tuple[float, float] | None:
    """The real values of a float input that goes straight into a QuantizeLinear."""
    nodes = imported.prologue.model.graph.node if imported.prologue else ()
    for border in imported.inputs:
        if any(
            node.op_type == "QuantizeLinear"
            and node.input[0] == name
            and border.onnx_name in node.output
            for node in nodes
        ):
            quant = imported.graph.tensors[border.tensor].quant
            return (
                quant.scale * (-128 - quant.zero_point),
                quant.scale * (127 - quant.zero_point),
            )
    return None


def _spread(imported: ImportedModel, range_: tuple[float, float]) -> float:
    """Entropy (bits) of the quantised inputs when the float inputs are uniform in `range_`."""
    case = {
        name: _uniform(np.random.default_rng(0), shape, dtype, range_)
        for name, (shape, dtype) in input_specs(imported).items()
    }
    (maps,) = graph_inputs(imported, [case])
    values = np.concatenate([map_.ravel() for map_ in maps.values()])
    shares = np.bincount(values.astype(np.int64) + 128, minlength=256) / len(values)
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum())
