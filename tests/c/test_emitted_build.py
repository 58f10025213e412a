"""What is built from the emitted files, and how: make, cmake, symbols, sections, golden vectors."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from patchc.codegen import GoldenVectors, WeightsMode, emit
from patchc.codegen import weights as weights_module
from patchc.errors import PatchcError
from patchc.outdir import write_files
from patchc.plan.types import InputMode
from patchc.programs.host import Flavour, build
from tests.c.emitted import (
    GOLDEN,
    bottlenecks,
    check_equal,
    classifier,
    expected,
    images,
    layerwise,
    options,
    placed,
    pools,
    two_in_two_out,
    write,
)
from tests.tools import require_tool


def run(*command: str | Path, **keywords) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, **keywords
    )


def make(out: Path, *words: str) -> subprocess.CompletedProcess:
    return run(require_tool("make"), "-C", out, *words)


@pytest.mark.parametrize("weights", WeightsMode, ids=lambda weights: weights.value)
def test_make_test_compares_the_golden_vectors(weights, tmp_path):
    """And fails when one byte of them differs."""
    schedule = layerwise(two_in_two_out(), InputMode.TILES)
    inputs = images(schedule.graph)
    wanted = expected(schedule.graph, inputs)
    golden = GoldenVectors(
        cases=3,
        inputs=b"".join(inputs[name][i].tobytes() for i in range(3) for name in inputs),
        outputs=b"".join(wanted[name][i].tobytes() for i in range(3) for name in wanted),
    )
    write_files(tmp_path, emit(*placed(schedule), options(weights=weights, golden=golden)))
    done = make(tmp_path, "test")
    assert done.returncode == 0, done.stderr
    assert "3 golden vectors: equal" in done.stdout
    broken = bytearray(golden.outputs)
    broken[-1] ^= 1
    (tmp_path / "test" / "golden_out.bin").write_bytes(broken)
    assert make(tmp_path, "test").returncode != 0


def test_make_test_without_golden_vectors_says_so(tmp_path):
    write(layerwise(classifier(), InputMode.TILES), tmp_path)
    done = make(tmp_path, "test")
    assert done.returncode != 0
    assert "no golden vectors" in done.stdout


def test_make_builds_the_library_with_any_compiler_and_flags(tmp_path):
    write(layerwise(classifier(), InputMode.TILES), tmp_path)
    done = make(tmp_path, f"CC={require_tool('clang')}", "CFLAGS=-Os -DSEEN")
    assert done.returncode == 0, done.stderr
    assert "clang" in done.stdout
    assert "-Os -DSEEN" in done.stdout
    assert (tmp_path / "libnet.a").is_file()
    assert make(tmp_path, "clean").returncode == 0
    assert not (tmp_path / "libnet.a").exists()


def test_cmake_builds_the_library(tmp_path):
    cmake = require_tool("cmake")
    write(layerwise(classifier(), InputMode.TILES), tmp_path)
    assert run(cmake, "-S", tmp_path, "-B", tmp_path / "b").returncode == 0
    done = run(cmake, "--build", tmp_path / "b")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "b" / "libnet.a").is_file()


def test_only_the_kernels_in_use_are_there(tmp_path):
    write(layerwise(pools(), InputMode.EXTERN), tmp_path)
    assert {path.name for path in tmp_path.glob("src/patchc_*.c")} == {
        "patchc_average_pool.c",
        "patchc_max_pool.c",
        "patchc_max_of_four.c",  # its loop
    }


@pytest.mark.parametrize("name", ["classifier_tiles", "pools_extern", "grouped_extern_weights"])
def test_no_float_no_statics_no_library_calls(name, tmp_path):
    """No object has data or bss; with general registers only, floats would need library calls;
    the only functions called from outside are those of string.h."""
    write(GOLDEN[name].schedule(), tmp_path)
    flags = "CFLAGS=-std=c99 -O2 -mgeneral-regs-only -fno-pie"
    assert make(tmp_path, f"CC={require_tool('gcc')}", flags).returncode == 0
    listing = run(require_tool("nm"), tmp_path / "libnet.a").stdout
    symbols = [line.split()[-2:] for line in listing.splitlines() if len(line.split()) >= 2]
    assert not [name for kind, name in symbols if kind in "dDbBC"]
    undefined = {name for kind, name in symbols if kind == "U"}
    ours = {name for name in undefined if name.startswith(("net_", "patchc_"))}
    assert undefined - ours <= {"memcpy", "memmove", "memset"}


def test_a_macro_moves_the_weights(tmp_path):
    write(layerwise(classifier(), InputMode.TILES), tmp_path)
    section = '-DNET_WEIGHTS_SECTION=__attribute__((section(".qspi")))'
    done = make(tmp_path, f"CC={require_tool('gcc')}", f"CFLAGS=-std=c99 '{section}'")
    assert done.returncode == 0, done.stderr
    listing = run(require_tool("objdump"), "-h", tmp_path / "libnet.a").stdout
    sizes = [int(line.split()[2], 16) for line in listing.splitlines() if ".qspi" in line]
    assert sum(sizes) >= 8 * 3 * 9 + 10 * 8


def test_the_header_is_cplusplus_too(tmp_path):
    write(layerwise(two_in_two_out(), InputMode.STREAM), tmp_path)
    source = tmp_path / "main.cpp"
    source.write_text(
        '#include "net.h"\nint main() { return net_run(nullptr, nullptr, nullptr); }\n'
    )
    done = run(require_tool("g++"), "-Wall", "-Wextra", "-Werror", "-pedantic",
               f"-I{tmp_path / 'include'}", "-c", source,
               "-o", tmp_path / "main.o")  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_large_constants_are_spread_over_files(monkeypatch, tmp_path):
    """With a limit far below their size: several files, and arrays in parts; same result."""
    monkeypatch.setattr(weights_module, "MAX_FILE_BYTES", 1400)
    monkeypatch.setattr(weights_module, "HEADROOM_BYTES", 400)
    schedule = layerwise(bottlenecks(), InputMode.TILES)
    write(schedule, tmp_path)
    assert len(list(tmp_path.glob("src/net_weights_*.c"))) > 3
    assert len(list(tmp_path.glob("src/*.inc"))) > 3
    check_equal(tmp_path, schedule.graph, "release")


def test_a_missing_compiler_and_a_missing_make(monkeypatch, tmp_path):
    write(layerwise(classifier(), InputMode.TILES), tmp_path)
    with pytest.raises(PatchcError, match="no-such-cc not found: install it"):
        build(tmp_path, Flavour("none", (), "no-such-cc"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(PatchcError, match="make not found: install it"):
        build(tmp_path)


def test_a_folder_that_patchc_did_not_write(tmp_path):
    with pytest.raises(PatchcError, match=r"holds no emitted network .*patchc compile -o"):
        build(tmp_path)


def test_c_that_does_not_compile_is_shown(tmp_path):
    write(layerwise(classifier(), InputMode.TILES), tmp_path)
    (tmp_path / "src/net.c").write_text("int net_run(void) { return }\n")
    with pytest.raises(PatchcError, match=r"make failed with status 2:[\s\S]*net\.c:1"):
        build(tmp_path)


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({}, "no values for input 'image'"),
        ({"image": np.zeros((1, 4, 4, 3))}, "int8 of shape .cases, 4, 4, 3. expected, not float64"),
        ({"image": np.zeros((4, 4, 3), np.int8)}, r"expected, not int8 of shape \(4, 4, 3\)"),
    ],
)
def test_inputs_that_do_not_fit(inputs, text, tmp_path):
    write(layerwise(classifier(), InputMode.TILES), tmp_path)
    with pytest.raises(PatchcError, match=text):
        build(tmp_path).run(inputs)


def test_a_build_folder_elsewhere_and_spaces_in_the_name_of_out(tmp_path):
    out = tmp_path / "my out"
    schedule = layerwise(classifier(), InputMode.TILES)
    write(schedule, out)
    check_equal(out, schedule.graph, "release")
    build(out, build_dir=tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / "host_main").is_file()
