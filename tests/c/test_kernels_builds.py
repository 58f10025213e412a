"""The same bytes however the kernels are compiled; no warning, no undefined behaviour."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from patchc.ir import Add, Max, Min, Mul, Padding, Sub, Window
from patchc.kernels.kernel import Kernel
from patchc.kernels.registry import KERNELS
from tests import cmsis_nn
from tests.c import kernel_cases as make
from tests.c.kernel_cases import Case
from tests.c.kernel_host import (
    FOLDERS,
    INCLUDE,
    PLAIN,
    ROOT,
    WARNINGS,
    Call,
    Layout,
    kernel_sources,
    library,
    run,
)
from tests.c.kernel_program import PlacedCall, program
from tests.tools import require_tool

# clang's runtime libraries are a package of their own; traps need none.
SANITIZERS = {
    "gcc": ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"),
    "clang": ("-fsanitize=undefined", "-fsanitize-trap=all", "-g", "-O1"),
}

# Cases in the sanitizers' program, one of each kind: it is slow to build.
SANITIZED = 48


@cache
def sample() -> tuple[Case, ...]:
    """A few dozen cases of every kernel with borders, tails of channels and odd geometry."""
    same = Padding(1, 1, 1, 1)
    found = []
    for seed in range(6):
        random = np.random.default_rng(seed)
        size = tuple(int(n) for n in random.integers(4, 8, 2))
        shape = (*size, int(random.integers(1, 10)))
        strided = Window((3, 2), (2, 1), (1, 2), Padding(1, 2, 2, 0))
        found += [
            make.conv_case(Window((3, 3), pads=same), 1, 3, 7, size, seed),
            make.conv_case(strided, 2, 3, 5, size, seed),
            make.conv_case(Window((3, 3), (2, 2), pads=same), 6, 1, 1, size, seed),
            make.conv_case(strided, 3, 1, 2, size, seed),
            make.conv_case(Window((1, 1)), 1, 9, 6, size, seed),
            make.conv_case(Window(size), 1, 4, 9, size, seed),
            make.conv_case(Window((2, 2), pads=Padding(4, 4, 4, 4)), 1, 2, 4, (2, 2), seed),
            make.conv_case(Window((2, 2), pads=Padding(4, 4, 4, 4)), 5, 1, 1, (2, 2), seed),
            *(
                make.binary_case(kind, second, of, seed)
                for kind in (Add, Mul, Sub, Max, Min)
                for second in make.SECONDS
                for of in (shape, (1, 1, 1))
            ),
            make.concat_case([3, 1, 4], [0, 2], size, seed, alike=False),
            make.upsample_case((2, 3), shape, seed),
            make.resize_nearest_case((9, 3), shape, seed),
            make.resize_linear_case((2 * size[0], 2 * size[1]), shape, seed),
            make.resize_linear_case((1, 7), (1, *shape[1:]), seed),
            make.max_pool_case(strided, shape, seed),
            make.average_pool_case(Window((3, 3), (2, 2), pads=same), shape, seed),
            make.global_pool_case(shape, seed),
            make.lut_case(shape, seed),
            make.lut_channels_case(shape, seed),
            make.depth_to_space_case((2, 2), shape, seed, interleaved=bool(seed % 2)),
            make.rearrange_case(Window((2, 2), (2, 2), pads=Padding(-1)), shape, 9, seed),
            make.softmax_case(shape, seed),
            make.layer_norm_case(shape, seed),
            make.local_response_case(shape, seed),
            make.permute_case(shape, seed),
            *(
                make.matmul_case(shape, 9, seed, transposed=transposed, one=one)
                for transposed in (False, True)
                for one in (False, True)
            ),
            make.sums_case(strided, 2, 3, 4, size, seed),
        ]
    return tuple(found)


@cache
def sample_output() -> tuple[bytes, ...]:
    return tuple(run(library(), case.call()).tobytes() for case in sample())


@cache
def calls_and_bytes(count: int | None = None) -> tuple[tuple[Call, bytes], ...]:
    """Of `count` cases, or of all: each by every kernel that takes its constants, and what it is to
    give."""
    cases = zip(sample()[:count], sample_output()[:count], strict=True)
    return tuple((case.call(name), found) for case, found in cases for name in case.kernels)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize(
    "flags",
    [
        ("-O0",),
        ("-O2",),
        ("-O3",),
        ("-Os",),
        ("-O3", "-march=native", "-ffast-math"),
        ("-O2", "-DPATCHC_NO_BUILTINS"),
    ],
    ids=" ".join,
)
def test_same_bytes_under_any_flags(compiler: str, flags: tuple[str, ...]) -> None:
    built = library(compiler, flags)
    for call, expected in calls_and_bytes():
        assert run(built, call).tobytes() == expected, call.kernel


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_sanitizers_find_nothing(compiler: str, tmp_path: Path) -> None:
    """Every view on a heap block of exactly its size, in rings and out of them."""
    layouts, cases = (PLAIN, Layout(2, 3, 5)), calls_and_bytes(SANITIZED)
    calls = [
        PlacedCall(call, layout, (layout,) * len(call.inputs))
        for layout in layouts
        for call, _ in cases
    ]
    source = tmp_path / "cases.c"
    source.write_text(program(calls))
    binary = tmp_path / "cases"
    command = [require_tool(compiler), "-std=c99", *SANITIZERS[compiler], *FOLDERS]
    command += ["-o", str(binary), str(source), *kernel_sources()]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    done = subprocess.run([str(binary)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = [output.hex() for _, output in cases] * len(layouts)
    assert done.stdout.splitlines() == lines


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("name", sorted(KERNELS))
def test_no_warning_and_no_global(compiler: str, name: str, tmp_path: Path) -> None:
    """Strict C99 without a warning; one function, nothing that could be written."""
    target = tmp_path / "kernel.o"
    command = [require_tool(compiler), *WARNINGS, "-Wsign-conversion", "-Wundef"]
    command += ["-Wvla", "-Wdouble-promotion", "-Wmissing-prototypes", "-O2", "-c"]
    if KERNELS[name].cmsis_nn:  # whose structs have pointers to constants without const
        command += ["-isystem", str(cmsis_nn.library().root / "Include")]
    else:
        command += ["-Wcast-qual"]
    source = ROOT / "runtime_c" / KERNELS[name].source
    done = subprocess.run(
        [*command, *FOLDERS, "-o", str(target), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    symbols = subprocess.run(
        [require_tool("nm"), str(target)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    kinds = {line.split()[-1]: line.split()[-2] for line in symbols}
    assert kinds.pop(KERNELS[name].function) == "T"
    # Local code, read-only tables that the compiler made, what <string.h> has, the files that the
    # kernel names: no data, no other library.
    allowed = {"t", "r", "N"}
    others = {symbol for symbol, kind in kinds.items() if kind not in allowed}
    others -= {*functions_of(KERNELS[name]), *KERNELS[name].cmsis_nn}
    assert others <= {"memcpy", "memset", "_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail"}


def functions_of(kernel: Kernel) -> set[str]:
    """Those that the files hold which the kernel shares with others; those of another flavour are
    portable files under another name."""
    texts = [(ROOT / "runtime_c" / file).read_text() for file in (*kernel.shared, *kernel.included)]
    found = {name for text in texts for name in re.findall(r"^\w.*?\b(patchc_\w+)\(", text, re.M)}
    return found | {f"{name}_{kernel.flavour}" for name in found}


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_sources_hold_no_floating_point(name: str) -> None:
    """Neither a type nor a constant."""
    kernel = KERNELS[name]
    sources = (kernel.source, *kernel.shared, *kernel.included)
    paths = [ROOT / "runtime_c" / source for source in sources]
    paths += [INCLUDE / header for header in ("patchc_kernels.h", *kernel.headers)]
    for path in paths:
        words = set(path.read_text().replace("(", " ").replace(")", " ").split())
        assert not words & {"float", "double", "<math.h>", "malloc", "restrict", "goto"}, path


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_every_file_that_a_source_includes_is_named(name: str) -> None:
    """Else a network that has no other kernel could not be built."""
    kernel = KERNELS[name]
    sources = {kernel.source, *kernel.shared, *kernel.included}
    headers = {"patchc_kernels.h", "patchc_names.h", kernel.header, *kernel.headers}
    paths = [ROOT / "runtime_c" / source for source in sources]
    paths += [INCLUDE / header for header in headers]
    there = headers | {path.name for path in paths}
    if kernel.cmsis_nn:
        there |= set(cmsis_nn.library().headers)
    for path in paths:
        wanted = re.findall('^#include "(.*)"', path.read_text(), re.MULTILINE)
        assert set(wanted) <= there, path


def test_layout_of_ring_views_is_plain_by_default() -> None:
    view = PLAIN.view((2, 3, 4), 0)
    assert (view.pitch, view.slots, view.slot) == (12, 2, 0)
