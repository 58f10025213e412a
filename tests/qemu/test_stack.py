"""The static stack bound, on C whose depth is known, and on emitted networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from patchc.errors import PatchcError
from patchc.measure.stack import FLAGS, StackBound, firmware_bound, stack_bound
from patchc.plan.types import InputMode
from patchc.programs.firmware import build
from patchc.programs.program import run_command
from patchc.targets.cores import CORES
from tests.c.emitted import GOLDEN, images, write
from tests.qemu.boards import CORTEX_M
from tests.tools import require_tool

pytestmark = pytest.mark.qemu

GCC = "arm-none-eabi-gcc"
CLOSE = 64  # bytes that the bound may lie above the painted high-water

# Frames of which only the size of a volatile array and what gcc saves beside it are unknown.
LEAF = """
static __attribute__((noinline)) int leaf(int n)
{
    volatile char bytes[200];
    bytes[n] = 1;
    return bytes[0];
}
"""


@pytest.fixture(autouse=True)
def _without_ccache(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not keep call graphs."""
    monkeypatch.setenv("CCACHE_DISABLE", "1")


def bound_of(
    folder: Path, source: str, core: str = "cortex-m4", opt: str = "-O2", *extra: str
) -> StackBound:
    """Of `entry` in `source`; calls through `reader` are callbacks."""
    require_tool(GCC)
    file, obj, elf = folder / "a.c", folder / "a.o", folder / "a.elf"
    file.write_text(source)
    flags = [*CORES[core].compile_flags, opt, *FLAGS, *extra]
    run_command([GCC, *flags, "-c", str(file), "-o", str(obj)], 60)
    link = ["-nostartfiles", "-Wl,-e,entry", "-Wl,--defsym=outside=0"]
    run_command([GCC, *flags, *link, str(obj), "-o", str(elf)], 60)
    lines = source.splitlines()
    return stack_bound(
        [obj], elf, "entry", lambda place: "reader->" in lines[int(place.split(":")[-2]) - 1]
    )


@pytest.mark.parametrize("core", [core.name for core in CORTEX_M])
@pytest.mark.parametrize("opt", ["-O2", "-Os"])
def test_frames_add_up_along_the_deepest_path(tmp_path: Path, core: str, opt: str) -> None:
    """leaf keeps 200 bytes, middle 100 more, the shallow one 8."""
    found = bound_of(
        tmp_path,
        LEAF
        + """
static __attribute__((noinline)) int middle(int n)
{
    volatile char bytes[100];
    bytes[n] = (char)leaf(n);
    return bytes[1] + 1;
}
static __attribute__((noinline)) int shallow(int n)
{
    volatile int word = n;
    return word;
}
int entry(int n)
{
    return shallow(n) + middle(n) + 1;
}
""",
        core,
        opt,
    )
    assert [frame.function for frame in found.path] == ["entry", "middle", "leaf"]
    assert found.bytes == sum(frame.bytes for frame in found.path)
    assert 300 <= found.bytes <= 300 + 3 * 24  # what each saves: r4-r7, lr, alignment
    assert found.callback_bytes is None


def test_library_functions_come_from_machine_code(tmp_path: Path) -> None:
    """On M0 a 64-bit division is __aeabi_uldivmod, which calls others and has no .ci file."""
    source = """
unsigned long long entry(unsigned long long a, unsigned long long b)
{
    return a / b + 1;
}
"""
    found = bound_of(tmp_path, source, "cortex-m0")
    names = [frame.function for frame in found.path]
    assert names[:2] == ["entry", "__aeabi_uldivmod"]
    assert found.bytes >= 40  # the division alone saves r4-r7, r8-r11, lr


def test_helpers_that_gcc_adds_late_count(tmp_path: Path) -> None:
    """A switch on M0 calls __gnu_thumb1_case_*, which gcc's call graph does not mention."""
    cases = "\n".join(f"    case {i}: *place = n * {i * i + 3}; return n - {i};" for i in range(9))
    source = (
        f"int entry(int n, volatile int *place)\n{{\n    switch (n) {{\n{cases}\n    }}\n"
        "    return 0;\n}\n"
    )
    found = bound_of(tmp_path, source, "cortex-m0", "-Os")
    assert found.path[-1].function.startswith("__gnu_thumb1_case")


def test_callbacks_are_the_callers(tmp_path: Path) -> None:
    """A call through the reader counts up to the call."""
    source = (
        LEAF
        + """
struct reader { int (*read)(int); };
int entry(const struct reader *reader, int n)
{
    volatile char bytes[40];
    bytes[n] = 2;
    return reader->read(n) + leaf(n) + bytes[0];
}
"""
    )
    found = bound_of(tmp_path, source)
    assert found.path[-1].function == "leaf"
    assert found.callback_bytes == found.path[0].bytes


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("int entry(int n) { return n ? n * entry(n - 1) + 1 : 0; }", "recursion (entry -> entry)"),
        (
            "static int b(int n);\n"
            "static __attribute__((noinline)) int a(int n) { return n ? b(n - 1) + 1 : 0; }\n"
            "static __attribute__((noinline)) int b(int n) { return n ? a(n / 2) + 2 : 1; }\n"
            "int entry(int n) { return a(n) + 1; }",
            "recursion",
        ),
        (
            "int entry(int n) { volatile char bytes[n]; bytes[0] = 1; return bytes[0]; }",
            "entry has a frame whose size depends on its arguments",
        ),
        ("int entry(int (*f)(int)) { return f(1) + 1; }", "entry calls through a pointer at"),
    ],
)
def test_what_has_no_bound_is_an_error(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(PatchcError, match="no stack bound") as error:
        bound_of(tmp_path, source, "cortex-m4", "-O2", "-fno-optimize-sibling-calls")
    assert message in str(error.value)


def test_objects_need_call_graph_info(tmp_path: Path) -> None:
    require_tool(GCC)
    bound_of(tmp_path, "int entry(void) { return 0; }")
    (tmp_path / "a.ci").unlink()
    with pytest.raises(PatchcError, match=r"a\.ci is missing"):
        stack_bound([tmp_path / "a.o"], tmp_path / "a.elf", "entry", lambda _: False)


@pytest.mark.parametrize("name", GOLDEN)
def test_emitted_networks(tmp_path: Path, name: str) -> None:
    """Every kernel and input mode: the bound holds, is close to the painted high-water, and there
    is no static memory."""
    require_tool(GCC)
    require_tool("qemu-system-arm")
    schedule, weights = GOLDEN[name].schedule(), GOLDEN[name].weights
    out = write(schedule, tmp_path, weights)
    for core in ("cortex-m0", "cortex-m55"):
        image = build(out, core, extra_flags=FLAGS)
        found = firmware_bound(out, image)
        assert image.static_bytes == 0
        assert found.path[0].function == "net_run"
        has_callback = schedule.input_mode in (InputMode.TILES, InputMode.STREAM)
        assert (found.callback_bytes is not None) == has_callback
        painted = image.run(images(schedule.graph)).stack_high_water_bytes
        assert painted <= found.bytes <= painted + CLOSE, f"{core}: {found}"
