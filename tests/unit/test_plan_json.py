"""plan.json: what is written is read back; everything else is one message, and nothing written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import patchc
from patchc.plan.json import FORMAT, from_json, to_json
from tests.lowerings import LOWERINGS
from tests.onnx_float import quantized_cnn
from tests.unit.test_cli import error_of, patchc_command


@pytest.mark.parametrize("name", LOWERINGS)
def test_a_plan_survives_json(name: str):
    _, plan = LOWERINGS[name]()
    assert from_json(to_json(plan)) == plan


def test_a_plan_without_rows_of_layers_is_one_where_all_are_whole():
    """As all plans were before layers could be cut."""
    _, plan = LOWERINGS["layer_by_layer"]()
    data = json.loads(to_json(plan))
    for tunnel in data["tunnels"]:
        assert tunnel.pop("rows") == 0
    assert from_json(json.dumps(data)) == plan


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quantized_cnn(tmp_path_factory.mktemp("plans") / "tiny.onnx")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, model: Path) -> str:
    """The plan.json of a tunnel and a layer: stem, depthwise + project + add + pool, classifier."""
    out = tmp_path_factory.mktemp("out")
    patchc.compile(model, out / "out", budget=1300, reserve=800, target="cortex-m3")
    return (out / "out/plan.json").read_text()


def refused(text: str, model: Path, folder: Path) -> str:
    """What `patchc compile --plan` says of a plan.json; it writes nothing."""
    path = folder / "plan.json"
    path.write_text(text)
    message = error_of("compile", model, "-o", folder / "out", "--plan", path)
    assert [found.name for found in folder.iterdir()] == ["plan.json"]
    assert error_of("inspect", model, "--dump", "plan", "--plan", path) == message
    return message


NOT_PLANS = {
    "not JSON": ("{", "it is not JSON: Expecting property name"),
    "too deep": ("[" * 100_000, "it is not JSON: "),
    "not an object": ("[]", "it is not a JSON object"),
    "the first format with a number": (
        '{"format": 1}',
        f"it has format 1, and this patchc reads format {FORMAT}: compile the model anew",
    ),
    "a later format": ('{"format": 99}', "it has format 99, and this patchc reads format"),
    "no number": (f'{{"format": "{FORMAT}"}}', f"it has format '{FORMAT}', and this patchc reads"),
    "nearly the number": (f'{{"format": {FORMAT}.0}}', f"it has format {FORMAT}.0, and"),
    "a field twice": ('{"format": 1, "format": 2}', "an object of it has format twice"),
}


@pytest.mark.parametrize("case", NOT_PLANS)
def test_what_is_no_plan_is_refused(case: str, model: Path, tmp_path: Path):
    text, message = NOT_PLANS[case]
    start = f"{tmp_path / 'plan.json'}: not a plan that this patchc can read: {message}"
    assert refused(text, model, tmp_path).startswith(start)


def test_what_is_not_text_is_refused(model: Path, tmp_path: Path):
    path = tmp_path / "plan.json"
    path.write_bytes(b"\xff\xfe")
    message = error_of("compile", model, "-o", tmp_path / "out", "--plan", path)
    assert message == f"{path}: cannot be read: it is not UTF-8"


def at(*keys: str | int) -> Callable[[Any], Any]:
    """The part of a plan that these keys lead to, from the outside."""

    def found(data: Any) -> Any:
        for key in keys:
            data = data[key]
        return data

    return found


TUNNEL, STEP = ("tunnels", 0), ("tunnels", 0, "steps", 0)

# Case -> the object, its field, the new value (... takes the field away), and the message.
BAD_FIELDS = {
    "no tunnels": ((), "tunnels", ..., "the plan lacks tunnels"),
    "more": ((), "budget", 3, "the plan has unknown budget"),
    "no direction": (TUNNEL, "reverse", ..., "the plan, tunnels 0 lacks reverse"),
    "more of a tunnel": (TUNNEL, "colour", 1, "the plan, tunnels 0 has unknown colour"),
    "no tile": (STEP, "tile", ..., "the plan, tunnels 0, steps 0 lacks tile"),
    "more of a step": (STEP, "depth", 1, "the plan, tunnels 0, steps 0 has unknown depth"),
    "input": ((), "input_mode", "air", "the plan, input_mode is 'air', not one of tiles, stream"),
    "outputs": ((), "output_mode", None, "the plan, output_mode is None, not one of arena, rows"),
    "list of modes": ((), "input_mode", [], "the plan, input_mode is [], not one of tiles, str"),
    "tunnels": ((), "tunnels", {}, "the plan, tunnels is not a list"),
    "a tunnel": ((), "tunnels", [3], "the plan, tunnels 0 is not a JSON object"),
    "steps": (TUNNEL, "steps", "stem", "the plan, tunnels 0, steps is not a list"),
    "stripes": (TUNNEL, "stripes", 1.0, "the plan, tunnels 0, stripes is not a count"),
    "below zero": (TUNNEL, "stripes", -1, "the plan, tunnels 0, stripes is not a count"),
    "whole": (TUNNEL, "whole", 0, "the plan, tunnels 0, whole is neither true nor false"),
    "nodes": (STEP, "nodes", "stem", "the plan, tunnels 0, steps 0, nodes is not a list"),
    "a node": (STEP, "nodes", [1], "the plan, tunnels 0, steps 0, nodes 0 is not a name"),
    "kernels": (STEP, "kernels", None, "the plan, tunnels 0, steps 0, kernels is not a list"),
    "no kernels": (STEP, "kernels", [], "the plan, tunnels 0, steps 0 names 0 kernels for 1 nodes"),
    "a kernel too many": (
        *(STEP, "kernels", ["conv2d", "conv2d"]),
        "the plan, tunnels 0, steps 0 names 2 kernels for 1 nodes",
    ),
    "rows": (STEP, "rows", True, "the plan, tunnels 0, steps 0, rows is not a count"),
    "rows of a layer": (TUNNEL, "rows", -1, "the plan, tunnels 0, rows is not a count"),
    "a pair": ((), "in_place", [["a"]], "the plan, in_place 0 is not a pair of names"),
    "no pair": ((), "in_place", ["a"], "the plan, in_place 0 is not a list"),
}


@pytest.mark.parametrize("case", BAD_FIELDS)
def test_a_field_that_is_missing_unknown_or_of_another_type_is_refused(
    case: str, model: Path, written: str, tmp_path: Path
):
    keys, field, value, message = BAD_FIELDS[case]
    data = json.loads(written)
    if value is ...:
        del at(*keys)(data)[field]
    else:
        at(*keys)(data)[field] = value
    start = f"{tmp_path / 'plan.json'}: not a plan that this patchc can read: {message}"
    assert refused(json.dumps(data), model, tmp_path).startswith(start)


def test_all_that_is_wrong_with_an_objects_fields_is_said_at_once(
    model: Path, written: str, tmp_path: Path
):
    data = json.loads(written)
    data["out_mode"] = data.pop("output_mode")
    message = refused(json.dumps(data), model, tmp_path)
    assert message.endswith("the plan lacks output_mode and has unknown out_mode")


# Case -> the object, its field, the new value, and the message.
MISFITS = {
    "another model": ((), "tunnels", [], "the plan does not fit the model: it leaves out add, "),
    "no such kernel": (
        *(STEP, "kernels", ["conv3d"]),
        "the plan computes 'stem' by 'conv3d', a kernel that there is not",
    ),
    "another operator's kernel": (
        *(STEP, "kernels", ["max_pool"]),
        "the plan computes 'stem' by 'max_pool': that kernel is to compute MaxPool",
    ),
    "another role's kernel": (
        *(STEP, "kernels", ["pointwise_add"]),
        "the plan computes 'stem' by 'pointwise_add': that kernel is to accumulate Conv",
    ),
    "a kernel that refuses": (
        *(STEP, "kernels", ["conv2d_pointwise"]),
        "the plan computes 'stem' by 'conv2d_pointwise': ",
    ),
    "no stripe": (TUNNEL, "stripes", 0, "the plan cuts stem + depthwise + "),
    "empty": (TUNNEL, "steps", [], "the plan does not fit the model: it leaves out add, "),
    "an image in reverse": (TUNNEL, "reverse", True, "the plan streams stem + depthwise + "),
}


@pytest.mark.parametrize("case", MISFITS)
def test_a_plan_that_does_not_fit_is_refused(case: str, model: Path, written: str, tmp_path: Path):
    keys, field, value, message = MISFITS[case]
    data = json.loads(written)
    at(*keys)(data)[field] = value
    assert refused(json.dumps(data), model, tmp_path).startswith(message)


def test_the_plan_that_these_tests_spoil_compiles(model: Path, written: str, tmp_path: Path):
    (tmp_path / "plan.json").write_text(written)
    words = ("compile", model, "-o", tmp_path / "out", "--plan", tmp_path / "plan.json")
    assert patchc_command(*words).status == 0


def test_a_plan_of_the_first_format_gets_its_kernels(model: Path, written: str, tmp_path: Path):
    """It had no number, and named no kernels."""
    data = json.loads(written)
    del data["format"]
    for step in (step for tunnel in data["tunnels"] for step in tunnel["steps"]):
        del step["kernels"], step["slide"]
    (tmp_path / "plan.json").write_text(json.dumps(data))
    words = ("compile", model, "-o", tmp_path / "out", "--plan", tmp_path / "plan.json")
    assert patchc_command(*words, "--target", "cortex-m3").status == 0
    assert (tmp_path / "out/plan.json").read_text() == written
