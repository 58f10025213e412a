"""OUT as a component: src/ compiled whole, the example, two networks in one program."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

import patchc
from patchc.choices import RuntimeMode
from patchc.codegen import emit
from patchc.codegen.runtime import runtime_version
from patchc.outdir import write_files
from patchc.plan.types import InputMode
from patchc.quantize.images import picture_pixels
from patchc.resources import runtime_dir
from tests.c.component import COMPILERS, WARNINGS, printed_by_run, run, sources
from tests.c.emitted import (
    GOLDEN,
    bottlenecks,
    classifier,
    layerwise,
    options,
    placed,
    pools,
    smallest,
    write,
    write_in_slices,
)
from tests.c.test_helpers import NETWORKS

ARM = ("arm-none-eabi-gcc", "-std=c99", "-mcpu=cortex-m4", "-mthumb", "--specs=rdimon.specs")
MODES = tuple(mode.value for mode in InputMode)


def external(*objects: Path) -> set[str]:
    """What some objects or libraries define for the linker."""
    lines = (line.split() for line in run("nm", "-g", *objects).splitlines())
    return {words[2] for words in lines if len(words) == 3}


@pytest.mark.parametrize("name", GOLDEN)
def test_src_and_example_compile_whole_without_a_warning(name: str, tmp_path: Path):
    write(GOLDEN[name].schedule(), tmp_path)
    example = tmp_path / "example" / "main.c"
    for compiler in COMPILERS:  # that of RISC-V comes without stdio.h
        files = [*sources(tmp_path), *([] if "riscv" in compiler[0] else [example])]
        run(*compiler, *WARNINGS, "-fsyntax-only", f"-I{tmp_path / 'include'}", *files)


@pytest.mark.parametrize("name", GOLDEN)
def test_src_links_whole_and_the_example_runs(name: str, tmp_path: Path):
    """Also without that the linker drops what is not used."""
    write(GOLDEN[name].schedule(), tmp_path)
    include, main = f"-I{tmp_path / 'include'}", tmp_path / "example" / "main.c"
    run("gcc", "-std=c99", "-O1", include, *sources(tmp_path), main, "-o", tmp_path / "example.elf")
    weights = sorted(tmp_path.glob("*.bin"))
    assert run(tmp_path / "example.elf", *weights).strip()
    run(*ARM, "-O1", include, *sources(tmp_path), main, "-o", tmp_path / "arm.elf")


def test_src_in_slices_is_whole_too(tmp_path: Path):
    write_in_slices(GOLDEN["rows_in_two_stripes"].schedule(), tmp_path)
    include = f"-I{tmp_path / 'include'}"
    for compiler in COMPILERS:
        run(*compiler, *WARNINGS, "-fsyntax-only", include, *sources(tmp_path))


@pytest.mark.parametrize("target", ["cortex-m0", "cortex-m4", "cortex-m55"])
def test_src_of_a_cores_own_kernels_is_whole(target: str, tmp_path: Path):
    """Kernels that are another's file with another loop, among them."""
    model, out = tmp_path / "net.onnx", tmp_path / "out"
    onnx.save(NETWORKS["normalised"], model)
    patchc.compile(model, out, target=target, name="net")
    core = f"-mcpu={target}"
    flags = ("-std=c99", core, "-mthumb", *(("-mfloat-abi=hard",) if target.endswith("55") else ()))
    objects = tmp_path / "objects"
    objects.mkdir()
    command = ("arm-none-eabi-gcc", *flags, *WARNINGS, "-O2", "-c", f"-I{out / 'include'}")
    run(*command, *sources(out), cwd=objects)
    assert all(name.startswith("net_") for name in external(*objects.glob("*.o")))


@pytest.mark.parametrize(
    ("folder", "compiler"),
    [
        ("portable", ("gcc",)),
        ("narrow", ("gcc",)),
        ("dsp", ("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb")),
        ("mve", ("arm-none-eabi-gcc", "-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard")),
    ],
)
def test_every_function_of_the_runtime_has_its_versions_name(folder, compiler, tmp_path: Path):
    """Those of patchc_macs excepted, which whoever counts defines."""
    files = emit(
        *placed(layerwise(pools(), InputMode.EXTERN)),
        replace(options(), runtime=RuntimeMode.SHARED),
    )
    (tmp_path / "names.h").write_text(files["src/patchc_names.h"])
    root = runtime_dir()
    command = [*compiler, "-std=c99", *WARNINGS, "-c", "-include", "names.h"]
    command += [f"-I{root / name}" for name in ("include", "portable")]
    run(*command, *sorted((root / folder).glob("*.c")), cwd=tmp_path)
    names = external(*tmp_path.glob("*.o"))
    assert names
    assert all(name.startswith(f"patchc_{runtime_version()}_") for name in names)


def emitted(folder: Path, mode: RuntimeMode) -> list[Path]:
    """Three networks that have kernels in common."""
    schedules = {
        "first": layerwise(classifier(), InputMode.TILES),
        "second": smallest(bottlenecks(), InputMode.STREAM),
        "third": layerwise(pools(), InputMode.EXTERN),
    }
    for name, schedule in schedules.items():
        files = emit(*placed(schedule), replace(options(name=name), runtime=mode))
        write_files(folder / name, files)
    return [folder / name for name in schedules]


BOTH = """#include "first.h"
#include "second.h"
#include "third.h"

static int32_t arena[(FIRST_ARENA_BYTES + SECOND_ARENA_BYTES + THIRD_ARENA_BYTES) / 4 + 1];

int main(void)
{
    return first_run(arena, 0, 0) != FIRST_ERR_NULL || second_run(arena, 0, 0) != SECOND_ERR_NULL
           || third_run(arena, 0, 0) != THIRD_ERR_NULL;
}
"""


@pytest.mark.parametrize("compiler", [("gcc", "-std=c99"), ("g++", "-xc++"), ARM])
def test_private_networks_link_as_plain_sources(compiler: tuple[str, ...], tmp_path: Path):
    outs = emitted(tmp_path, RuntimeMode.PRIVATE)
    (tmp_path / "main.c").write_text(BOTH)
    include = [f"-I{out / 'include'}" for out in outs]
    run(*compiler, *include, *sources(*outs), tmp_path / "main.c", "-o", tmp_path / "both")
    if compiler != ARM:
        run(tmp_path / "both")


def test_private_networks_in_one_folder_are_refused(tmp_path: Path):
    outs = emitted(tmp_path, RuntimeMode.PRIVATE)
    for out in outs:
        shutil.copytree(out, tmp_path / "one", dirs_exist_ok=True)
    done = subprocess.run(
        ["gcc", "-fsyntax-only", "-Iinclude", "src/first.c"],
        cwd=tmp_path / "one",
        capture_output=True,
        text=True,
    )
    assert "#error" in done.stderr
    assert "--runtime shared" in done.stderr


@pytest.mark.parametrize("compiler", [("gcc", "-std=c99"), ("g++", "-xc++"), ARM])
def test_shared_networks_link_from_one_folder(compiler: tuple[str, ...], tmp_path: Path):
    outs = emitted(tmp_path, RuntimeMode.SHARED)
    one = tmp_path / "one"
    for out in outs:
        for path in (out / "src").iterdir():
            there = one / "src" / path.name
            assert not there.exists() or there.read_bytes() == path.read_bytes()
        shutil.copytree(out, one, dirs_exist_ok=True)
    (one / "main.c").write_text(BOTH)
    run(*compiler, f"-I{one / 'include'}", *sources(one), one / "main.c", "-o", one / "both")
    if compiler != ARM:
        run(one / "both")


@pytest.mark.parametrize("mode", RuntimeMode, ids=lambda mode: mode.value)
def test_libraries_link(mode: RuntimeMode, tmp_path: Path):
    """With one copy of what they share, or one each."""
    outs = emitted(tmp_path, mode)
    (tmp_path / "main.c").write_text(BOTH)
    for out in outs:
        run("make", "-C", out, "CC=gcc")
    libraries = [out / f"lib{out.name}.a" for out in outs]
    include = [f"-I{out / 'include'}" for out in outs]
    both = tmp_path / "both"
    run("gcc", *include, tmp_path / "main.c", *libraries, "-o", both)
    run(both)
    found = [name for name in external(both) if name.endswith("conv2d_depthwise")]
    assert len(found) == 1  # only the second has one
    names = {name for library in libraries for name in external(library)}
    prefix = f"patchc_{runtime_version()}_" if mode is RuntimeMode.SHARED else "first_patchc_"
    assert f"{prefix}conv2d" in names
    assert not {name for name in names if name.startswith("patchc_")} - {
        name for name in names if name.startswith(prefix)
    }


def test_cmake_links_networks_into_one_program(tmp_path: Path):
    outs = emitted(tmp_path, RuntimeMode.PRIVATE)
    (tmp_path / "main.c").write_text(BOTH)
    lines = ["cmake_minimum_required(VERSION 3.10)", "project(both C)"]
    lines += [f"add_subdirectory({out.name})" for out in outs]
    lines += ["add_executable(both main.c)"]
    lines += [f"target_link_libraries(both {' '.join(out.name for out in outs)})"]
    (tmp_path / "CMakeLists.txt").write_text("\n".join(lines) + "\n")
    run("cmake", "-S", tmp_path, "-B", tmp_path / "b")
    run("cmake", "--build", tmp_path / "b")
    run(tmp_path / "b" / "both")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["normalised", "grey"])
def test_the_example_prints_what_run_prints(name: str, mode: str, tmp_path: Path):
    model, out, picture = tmp_path / "net.onnx", tmp_path / "out", tmp_path / "photo.png"
    onnx.save(NETWORKS[name], model)
    random = np.random.default_rng(7)
    Image.fromarray(random.integers(0, 256, (40, 50, 3), np.uint8)).save(picture)
    patchc.compile(model, out, name="net", input_mode=mode)
    (out / "photo.raw").write_bytes(picture_pixels(picture, NETWORKS[name]).tobytes())
    run("make", "-C", out, "example")
    found = run(out / "build" / "example", out / "photo.raw")
    assert found.splitlines() == printed_by_run(out, picture)
