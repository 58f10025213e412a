"""emit(): its options, its errors, and that it gives the same bytes every time."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from patchc.codegen import GoldenVectors, WeightsMode, constant_facts, emit
from patchc.errors import PatchcError
from patchc.ir import Conv, Graph
from patchc.kernels.registry import KERNELS
from patchc.plan.types import InputMode, Plan, StepPlan, TunnelPlan
from tests.c.emitted import bottlenecks, classifier, layerwise, options, placed, two_in_two_out
from tests.graphs import NetworkBuilder
from tests.plans import chosen, lower


def digest() -> str:
    """Of all files of one network."""
    found = hashlib.sha256()
    for name, content in emit(
        *placed(layerwise(bottlenecks(), InputMode.TILES)), options()
    ).items():
        found.update(name.encode())
        found.update(content if isinstance(content, bytes) else content.encode())
    return found.hexdigest()


@pytest.mark.slow
def test_two_processes_with_different_hash_seeds_emit_the_same_bytes():
    program = "from tests.unit.test_codegen_emit import digest; print(digest())"
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert found == {digest() + "\n"}


@pytest.mark.parametrize("name", ["", "7net", "my-net", "a b", "int", "class", "net\n", "_net"])
def test_a_name_that_is_no_identifier(name):
    with pytest.raises(PatchcError, match="is not a C identifier: use letters, digits"):
        options(name)


def test_a_name_that_could_meet_the_kernels():
    with pytest.raises(PatchcError, match=r"names in patchc\* belong to the kernels"):
        options("patchc_kernels")


def test_the_name_prefixes_files_functions_and_macros():
    files = emit(*placed(layerwise(classifier(), InputMode.TILES)), options("MyNet"))
    assert {
        "include/MyNet.h",
        "src/MyNet.c",
        "src/MyNet_weights.h",
        "src/MyNet_weights_0.c",
    } <= set(files)
    assert "int MyNet_run(void *arena" in files["include/MyNet.h"]
    assert "#define MYNET_ARENA_BYTES " in files["include/MyNet.h"]


def test_only_resident_inputs_have_an_offset():
    for mode in InputMode:
        header = emit(*placed(layerwise(classifier(), mode)), options())["include/net.h"]
        assert ("NET_IN0_OFFSET" in header) == (mode is InputMode.RESIDENT)
        assert "NET_OUT0_OFFSET" in header


def test_extern_weights_are_the_int8_weights_in_program_order():
    schedule = layerwise(two_in_two_out(), InputMode.TILES)
    files = emit(*placed(schedule), options(weights=WeightsMode.EXTERN))
    convs = [node.op for node in schedule.graph.nodes if isinstance(node.op, Conv)]
    assert len(files["net_weights.bin"]) == sum(conv.weights.size for conv in convs)
    assert "_weights[" not in files["src/net_weights_0.c"]
    assert "_form[" in files["src/net_weights_0.c"]
    assert "const int8_t *weights; /* net_weights.bin" in files["include/net.h"]


def test_inline_weights_leave_no_blob():
    files = emit(*placed(layerwise(classifier(), InputMode.TILES)), options())
    assert "net_weights.bin" not in files


def test_an_input_called_weights_keeps_its_name():
    net = NetworkBuilder()
    graph = net.build(net.conv(net.input(2, 2, 3, "weights"), 4))
    schedule = layerwise(graph, InputMode.EXTERN)
    header = emit(*placed(schedule), options(weights=WeightsMode.EXTERN))["include/net.h"]
    assert "const int8_t *weights; /* outside the arena */" in header
    assert "const int8_t *weights_2; /* net_weights.bin" in header


def test_constant_bytes_per_node():
    """Per output channel factor and offset, 8 bytes, beside the weights; 16 more without a line."""
    schedule = layerwise(classifier(), InputMode.TILES)
    graph, found = schedule.graph, constant_facts(schedule)
    for node in graph.nodes:
        params = KERNELS[chosen(graph, node)].pack(graph, node, 0)
        wanted = 16 * len(params.rare or ())
        if isinstance(node.op, Conv):
            wanted += node.op.weights.size + 8 * node.op.channels_out
        assert found.bytes[node.name] == wanted


def test_an_output_that_is_an_input_outside_the_arena():
    net = NetworkBuilder()
    x = net.input(2, 2, 3)
    schedule = layerwise(net.build(net.conv(x, 4), x), InputMode.EXTERN)
    with pytest.raises(PatchcError, match=r"output 'image' is the model's input itself.*--input"):
        emit(*placed(schedule), options())


def test_an_output_that_is_not_packed_is_a_bug_of_the_lowering():
    schedule = layerwise(classifier(), InputMode.TILES)
    old = schedule.storages["logits"]
    loose = replace(old, pitch=old.pitch + 2)
    broken = replace(schedule, storages={**schedule.storages, "logits": loose})
    with pytest.raises(ValueError, match=r"logits: .* must be held whole and packed"):
        emit(*placed(broken), options())


def test_hostile_names_stay_inside_comments_and_strings():
    """The facts of the header come from the user's files and command line."""
    facts = replace(options(), model_file="*/ int x; /*.onnx", command_line="a\nb ??/ */")
    net = NetworkBuilder()
    graph: Graph = net.build(net.conv(net.input(2, 2, 3, '"*/;'), 4, name="a\\\n*/"))
    tunnel = Plan(InputMode.TILES, (TunnelPlan((StepPlan((graph.nodes[0].name,)),)),))
    for schedule in (layerwise(graph, InputMode.TILES), lower(graph, tunnel)):
        check_comments(emit(*placed(schedule), facts))


def check_comments(files):
    for name in ("include/net.h", "src/net.c", "src/net_weights.h", "src/net_weights_0.c"):
        assert files[name].count("/*") == files[name].count("*/")
        assert "??" not in files[name]


def test_arena_map_lists_every_buffer_with_its_tensors():
    schedule, placement = placed(layerwise(bottlenecks(), InputMode.TILES))
    lines = [
        line.split() for line in emit(schedule, placement, options())["src/net.c"].splitlines()
    ]
    for name, offset in placement.offsets.items():
        buffer = schedule.buffers[name]
        row = ["*", str(offset), str(buffer.bytes), buffer.kind.value]
        assert any(line[:5] == [*row, f"{buffer.first}..{buffer.last}"] for line in lines)


def test_golden_vectors_are_written_as_given():
    golden = GoldenVectors(1, bytes(48), bytes(10))
    files = emit(*placed(layerwise(classifier(), InputMode.TILES)), options(golden=golden))
    assert files["test/golden_in.bin"] == bytes(48)
    assert files["test/golden_out.bin"] == bytes(10)


def test_every_file_that_can_says_its_licence():
    """Beside values that are included, data and JSON."""
    files = emit(
        *placed(layerwise(classifier(), InputMode.TILES)), options(weights=WeightsMode.EXTERN)
    )
    for name, content in files.items():
        if not name.endswith((".json", ".bin", ".inc")):
            text = content if isinstance(content, str) else content.decode()
            assert "SPDX-License-Identifier: Apache-2.0 OR 0BSD" in text[:1000], name
