"""CMSIS-NN as a library: where it is found, what is refused; which layers it may compute."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import pytest

import patchc
from patchc.frontend.export import to_qoperator
from patchc.ir import Conv, Graph
from patchc.kernel_options import KernelOptions
from patchc.kernels.cmsis_nn import CMSIS_NN, CMSIS_NN_DSP, flavours_for
from patchc.kernels.features import Features
from patchc.kernels.kernel import site_of
from patchc.kernels.registry import KERNELS
from patchc.libraries import cmsis_nn
from patchc.libraries.cmsis_nn import FOLDER_VARIABLE, SIGNATURES, checked, find, require
from patchc.planner.kernel_choice import Doubting, Kernels, Numerics, machine_for, registry_of
from patchc.targets.cores import CORES, core
from tests.cmsis_nn import library, proved
from tests.graphs import NetworkBuilder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy that may be broken."""
    return Path(shutil.copytree(library().root, tmp_path / "checkout"))


@pytest.fixture(autouse=True)
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is installed here."""
    monkeypatch.setenv(FOLDER_VARIABLE, "")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def net(seed: int = 5) -> NetworkBuilder:
    return NetworkBuilder(seed)


def small() -> Graph:
    builder = net()
    x = builder.conv(builder.input(8, 8, 3), 8, 3, 2)
    x = builder.bottleneck(x, 8, 2, 3, 1)
    return builder.build(builder.dense(builder.mean(x), 6, name="logits"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    onnx.save(to_qoperator(proved(small())), tmp_path / "small.onnx")
    return tmp_path / "small.onnx"


# ---- where it is ----


def test_the_package_is_4_0_0():
    assert library().revision == (11, 2, 0)
    assert library().version == "4.0.0 (header V.11.2.0)"
    names = {path.name for path in library().sources(SIGNATURES)}
    assert {"arm_convolve_wrapper_s8.c", "arm_nn_mat_mult_nt_t_s8.c"} < names
    assert len(library().sha256(library().sources(SIGNATURES))) == 64


def test_a_folder_goes_before_the_environment(checkout, monkeypatch):
    assert find() is None
    monkeypatch.setenv(FOLDER_VARIABLE, str(library().root))
    assert find().root == library().root
    assert find(checkout).root == checkout
    monkeypatch.delenv(FOLDER_VARIABLE)
    monkeypatch.setattr(cmsis_nn, "find_spec", lambda name: None)
    assert find() is None
    with pytest.raises(patchc.PatchcError, match=r"pip install 'patchc\[cmsis-nn\]', or give"):
        require()


def test_the_package_is_found_without_being_imported(monkeypatch, tmp_path):
    monkeypatch.delenv(FOLDER_VARIABLE)
    root = tmp_path / "bakenn" / "backend" / "cmsis_nn" / "vendor"
    shutil.copytree(library().root, root / "cmsis_nn")
    (tmp_path / "bakenn" / "__init__.py").write_text("raise ImportError('needs torch')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert find().source == "bakenn==1.0.0"


@pytest.mark.parametrize("kind", ["nothing", "file", "empty"])
def test_a_folder_without_it_is_refused(kind, tmp_path):
    path = tmp_path / "x"
    if kind == "file":
        path.touch()
    if kind == "empty":
        path.mkdir()
    with pytest.raises(patchc.PatchcError, match=r"is no CMSIS-NN: it has no Include/arm_nnf"):
        find(path)


def test_one_that_is_too_old_is_refused(checkout):
    edit(checkout / "Include" / "arm_nnfunctions.h", "V.11.2.0", "V.10.0.0")
    with pytest.raises(patchc.PatchcError, match=r"is too old: its header is V\.10\.0\.0"):
        find(checkout)


def test_one_without_a_version_is_refused(checkout):
    edit(checkout / "Include" / "arm_nnfunctions.h", "$Revision:", "Revision")
    with pytest.raises(patchc.PatchcError, match=r"names no \$Revision"):
        find(checkout)


def test_a_later_one_with_these_signatures_is_taken(checkout):
    edit(checkout / "Include" / "arm_nnfunctions.h", "V.11.2.0", "V.23.5.1")
    assert find(checkout).version == "7.0.0, or later (header V.23.5.1)"


@pytest.mark.parametrize("function", list(SIGNATURES))
def test_other_parameters_are_refused(checkout, function):
    header = checkout / "Include" / "arm_nnfunctions.h"
    text = header.read_text()
    head, rest = text.split(f" {function}(const", 1)
    header.write_text(f"{head} {function}(int32_t more, const{rest}")
    with pytest.raises(patchc.PatchcError, match=rf"not understood: {function} takes \(int32_t, "):
        find(checkout)


def test_a_missing_declaration_is_refused(checkout):
    edit(checkout / "Include" / "arm_nnfunctions.h", "arm_max_pool_s8(", "arm_max_pool(")
    with pytest.raises(patchc.PatchcError, match="does not declare arm_max_pool_s8"):
        find(checkout)


@pytest.mark.parametrize(
    "file",
    ["ConvolutionFunctions/arm_convolve_s8.c", "NNSupportFunctions/arm_nn_mat_mult_nt_t_s8.c"],
)
def test_a_missing_file_is_refused(checkout, file):
    (checkout / "Source" / file).unlink()
    with pytest.raises(patchc.PatchcError, match=rf"is not complete: \S+ calls {Path(file).stem}"):
        find(checkout)


def test_one_without_a_licence_is_not_copied(checkout):
    (checkout / "LICENSE.txt").unlink()
    with pytest.raises(patchc.PatchcError, match=r"has no LICENSE\.txt"):
        _ = checked(checkout, "x").licence


# ---- what it may compute ----


def test_flavours_by_core():
    assert flavours_for(CORES["cortex-m0"].flavours) == (CMSIS_NN,)
    assert flavours_for(CORES["cortex-m33"].flavours)[0] == CMSIS_NN_DSP
    own = machine_for(core("cortex-m4"), Kernels.PATCHC)
    assert own.flavours == CORES["cortex-m4"].flavours


def test_auto_takes_the_library_only_where_its_price_leaves_no_doubt():
    """Prices are some percent off: what is chosen by itself must not be slower in the end."""
    prices = {"conv2d.dsp": 1000, "conv2d.cmsis-nn": 950}
    features = cast("Features", None)
    auto = Doubting(lambda kernel, _: prices[kernel.name])

    def price(name: str) -> int:
        return auto(KERNELS[name], features)

    assert price("conv2d.dsp") == 1000
    assert price("conv2d.cmsis-nn") > 1000
    prices["conv2d.cmsis-nn"] = 850
    assert price("conv2d.cmsis-nn") < 1000
    machine = machine_for(core("cortex-m4"), Kernels.AUTO)
    assert isinstance(machine.cost, Doubting)
    # What is asked for by name is taken whatever it costs, and prices that are shown have no doubt.
    assert not isinstance(machine_for(core("cortex-m4"), Kernels.CMSIS_NN).cost, Doubting)


def test_a_layer_that_is_not_proved_is_refused():
    graph = small()
    node = next(node for node in graph.nodes if isinstance(node.op, Conv))
    # One factor for which no multiplier has 31 bits enough.
    for seed in range(200):
        scales = np.random.default_rng(seed).uniform(0.5, 1.5, node.op.channels_out) / 500
        op = replace(node.op, weight_scales=scales)
        site = replace(site_of(graph, node, rows=4, cols=4), op=op)
        reason = KERNELS["conv2d.cmsis-nn"].refusal(site)
        if reason is not None:
            break
    assert reason is not None
    assert "is proved to give onnxruntime's bytes for" in reason
    lenient = registry_of(Numerics.CMSIS)
    assert lenient["conv2d.cmsis-nn"].refusal(site) is None
    assert list(lenient) == list(KERNELS)


# ---- the options ----


def test_without_the_library_everything_else_works(model, tmp_path):
    for kernels in (None, "auto", "patchc"):
        result = patchc.compile(model, tmp_path / "out", kernels=KernelOptions(kernels))
        assert result.report.library is None
    with pytest.raises(patchc.PatchcError, match="CMSIS-NN is not installed"):
        patchc.compile(model, tmp_path / "other", kernels=KernelOptions("cmsis-nn"))
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (KernelOptions("mine"), "--kernels 'mine': choose one of auto, patchc, cmsis-nn"),
        (KernelOptions(numerics="x"), "--numerics 'x': choose one of exact, cmsis"),
        (KernelOptions(cmsis_nn="x"), "--cmsis-nn 'x': choose one of copy, link"),
        (KernelOptions("patchc", cmsis_nn_dir="x"), "--cmsis-nn-dir: not with --kernels patchc"),
        (KernelOptions("patchc", "cmsis"), "--numerics cmsis: not with --kernels patchc"),
        (KernelOptions(numerics="cmsis"), "CMSIS-NN is not installed"),
    ],
)
def test_options_that_are_wrong(options, message, model, tmp_path):
    with pytest.raises(patchc.PatchcError) as error:
        patchc.compile(model, tmp_path / "out", kernels=options)
    assert message in str(error.value)


@pytest.mark.slow
def test_the_report_names_layers_and_reasons(model, checkout, tmp_path):
    options = KernelOptions("cmsis-nn", cmsis_nn_dir=checkout)
    result = patchc.compile(model, tmp_path / "out", kernels=options, target="cortex-m4")
    found = json.loads((tmp_path / "out" / "report.json").read_text())["library"]
    assert found["version"] == "4.0.0 (header V.11.2.0)"
    assert len(found["sha256"]) == 64
    convolutions = {n.name for n in result.stages.graph.nodes if isinstance(n.op, Conv)}
    assert set(found["layers"]) == convolutions
    reasons = {one["node"]: one["reason"] for one in found["elsewhere"]}
    assert set(reasons.values()) == {
        "this CMSIS-NN has no arm_elementwise_add_s8",
        "CMSIS-NN's mean rescales nothing, and output and input have different scales",
    }
    assert patchc.verify(tmp_path / "out", cases=2).passed
    again = patchc.compile(model, tmp_path / "again", kernels=options, target="cortex-m4")
    for file in sorted(path for path in result.output.rglob("*") if path.is_file()):
        name = file.relative_to(result.output)
        if "build" not in name.parts and name.name != "verify.json":
            assert file.read_bytes() == (again.output / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("numerics", ["cmsis", "cmsis-double"])
def test_layers_that_it_rounds(numerics, tmp_path):
    """Scales as they come: what is not proved is computed all the same, and the distance told."""
    graph = small()
    tensors = dict(graph.tensors)
    pooled = next(node for node in graph.nodes if node.op.kind == "GlobalAveragePool")
    tensors[pooled.output] = replace(
        tensors[pooled.output], quant=tensors[pooled.inputs[0]].quant
    )  # of 16 pixels: it rounds half away from zero
    onnx.save(to_qoperator(replace(graph, tensors=tensors)), tmp_path / "free.onnx")
    options = KernelOptions("cmsis-nn", numerics, cmsis_nn_dir=library().root)
    out = tmp_path / "out"
    result = patchc.compile(tmp_path / "free.onnx", out, kernels=options, target="cortex-m4")
    found = json.loads((out / "report.json").read_text())["library"]
    assert found["numerics"] == numerics
    assert {one["name"] for one in found["rounded"]} == set(found["layers"])
    assert any(one["different"] for one in found["rounded"])
    assert [one["name"] for one in found["outputs"]] == list(result.stages.graph.outputs)
    double = "-DPATCHC_CMSIS_NN_DOUBLE_ROUNDING" in (out / "Makefile").read_text()
    assert double == (numerics == "cmsis-double")
    verified = patchc.verify(out, cases=2)
    assert verified.passed
    assert verified.golden.rounds
    assert [layer.node for layer in verified.rounded] == [
        node.name for node in result.stages.graph.nodes if node.name in found["layers"]
    ]
    assert f"--numerics {numerics} " in (out / "src" / f"{result.report.model.name}.c").read_text()


def test_a_plan_with_its_kernels_needs_it(model, tmp_path):
    options = KernelOptions("cmsis-nn", cmsis_nn_dir=library().root)
    patchc.compile(model, tmp_path / "out", kernels=options)
    plan = tmp_path / "out" / "plan.json"
    with pytest.raises(patchc.PatchcError, match=r"which calls CMSIS-NN, and there is none: pip"):
        patchc.compile(model, tmp_path / "again", plan=plan)
    given = KernelOptions(cmsis_nn_dir=library().root)
    patchc.compile(model, tmp_path / "again", plan=plan, kernels=given)
    assert (tmp_path / "again" / "plan.json").read_text() == plan.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4", "cortex-m55"])
def test_auto_costs_no_more_than_either(name, model, tmp_path):
    cost = {}
    for kernels in ("auto", "patchc", "cmsis-nn"):
        folder = None if kernels == "patchc" else library().root
        options = KernelOptions(kernels, cmsis_nn_dir=folder)
        result = patchc.compile(model, tmp_path / kernels, kernels=options, target=name)
        cost[kernels] = result.report.cost.cycles_estimate
    assert cost["auto"] <= min(cost["patchc"], cost["cmsis-nn"])
