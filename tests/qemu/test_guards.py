"""The region under test is as large as it says: too little of it does not link or faults, and
nothing around it can be written."""

from __future__ import annotations

import pytest

from patchc.errors import PatchcError
from patchc.programs.firmware import build
from tests.c.emitted import GOLDEN, images
from tests.qemu.boards import emitted, every_board, every_mpu, run

pytestmark = pytest.mark.qemu

SCHEDULE = GOLDEN["classifier_tiles"].schedule()
BEGIN = "    int8_t *const base = (int8_t *)arena;\n"
FAULT = "failed with status 99:\nfault: exception 3"


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return emitted(SCHEDULE, tmp_path_factory.mktemp("guards"))


def attempt(out, core, board, **options):
    """Two cases, whatever they give."""
    return build(out, core, board=board, **options).run(images(SCHEDULE.graph, 2))


def poke(folder, address):
    """A network whose run begins with a write to `address`."""
    out = emitted(SCHEDULE, folder)
    text = (out / "src/net.c").read_text()
    assert text.count(BEGIN) == 1
    line = f"    *(volatile int8_t *)({address}) = 1;\n"
    (out / "src/net.c").write_text(text.replace(BEGIN, BEGIN + line))
    return out


@every_board
def test_what_was_measured_is_enough_and_less_is_not(core, board, out):
    """To 8 bytes of stack, the alignment of the stack; 16 bytes of RAM less do not link."""
    found = run(out, SCHEDULE, core, board)
    firmware = build(out, core, board=board)
    assert (found.arena_first_written, found.arena_last_written) == (0, firmware.arena_bytes - 1)
    assert firmware.static_bytes == 0
    stack = -(-found.stack_high_water_bytes // 8) * 8
    total = firmware.arena_bytes + stack
    exact = run(out, SCHEDULE, core, board, stack_bytes=stack, ram_bytes=total)
    assert exact.stack_high_water_bytes == found.stack_high_water_bytes
    with pytest.raises(PatchcError, match=r"region .RAM. overflowed by 16 bytes"):
        build(out, core, board=board, stack_bytes=stack, ram_bytes=total - 16)
    with pytest.raises(PatchcError, match=f"(?s){FAULT}.*the network's stack overflowed"):
        attempt(out, core, board, stack_bytes=stack - 8, ram_bytes=total)


@every_board
def test_a_stack_much_too_small(core, board, out):
    with pytest.raises(PatchcError, match=FAULT):
        attempt(out, core, board, stack_bytes=64)


@every_board
def test_a_byte_behind_the_region(core, board, tmp_path):
    """The MPU's 32 bytes end behind it: the paint tells."""
    with pytest.raises(PatchcError, match="status 3:\na byte behind the arena was written"):
        attempt(poke(tmp_path, "base + NET_ARENA_BYTES"), core, board)


@every_mpu
@pytest.mark.parametrize("address", ["base + NET_ARENA_BYTES + 31", "base - NET_STACK_BYTES - 1"])
def test_beyond_the_mpus_region(address, core, board, tmp_path):
    with pytest.raises(PatchcError, match=FAULT):
        attempt(poke(tmp_path, address), core, board)


@every_mpu
def test_inputs_and_code_are_read_only(core, board, tmp_path):
    """The struct of inputs lies in the code's memory."""
    with pytest.raises(PatchcError, match=FAULT):
        attempt(poke(tmp_path, "(uintptr_t)in"), core, board)


@pytest.mark.parametrize("ram_bytes", [2 * 1024 * 1024 - 64, 1_505_280, 99_999, 65_536, 4096])
def test_regions_of_any_length(ram_bytes, out, tmp_path):
    """PMSAv7 composes them: the last byte can be written, the 32nd behind it cannot."""
    firmware = build(out, "cortex-m3", ram_bytes=ram_bytes)
    assert firmware.ram_bytes == ram_bytes
    run(out, SCHEDULE, "cortex-m3", "mps2-an385", ram_bytes=ram_bytes)
    behind = f"base - NET_STACK_BYTES + {ram_bytes} + 31"
    with pytest.raises(PatchcError, match=f"{FAULT}, CFSR 0x00000082"):
        attempt(poke(tmp_path, behind), "cortex-m3", "mps2-an385", ram_bytes=ram_bytes)


def test_more_ram_than_the_board_has(out):
    with pytest.raises(PatchcError, match="RAM_BYTES is more than the board has"):
        build(out, "cortex-m0", board="microbit", ram_bytes=16 * 1024)
