"""Cycles of short pieces of machine code, by each core's timing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from patchc.errors import PatchcError
from patchc.measure.counting import Counts, Executed
from patchc.measure.cycles import BlockCycles, block_cycles, estimate
from patchc.measure.listing import Kind, instruction, parse
from patchc.targets.cores import core

LISTING = """\

net.elf:     file format elf32-littlearm

Disassembly of section .text:

00000100 <f>:
     100:\tldrb\tr3, [r0, #0]
     102:\tadds\tr2, r2, r3\t@ the sum
     104:\tsubs\tr1, #1
     106:\tbne.n\t100 <f>
     108:\tbx\tlr
     10a:\tnop
     10c:\t.word\t0x20000000
"""


def cycles(name: str, *lines: str) -> BlockCycles:
    """Of a block on the core cortex-NAME; a line is "op operands"."""
    pairs = (line.partition(" ") for line in lines)
    code = [instruction(2 * i, op, rest) for i, (op, _, rest) in enumerate(pairs)]
    return block_cycles(code, core(f"cortex-{name}").timing)


def test_the_listing():
    found = parse(LISTING)
    ops = [one.op for one in found.instructions]
    assert ops == ["ldrb", "adds", "subs", "bne.n", "bx", "nop"]
    assert [one.op for one in found.block(0x102, 3)] == ["adds", "subs", "bne.n"]
    assert found.instructions[1].reads == {"r2", "r3"}
    with pytest.raises(PatchcError, match=r"lists no instruction at 0x101"):
        found.block(0x101, 1)
    with pytest.raises(PatchcError, match=r"lists no instruction at 0x10a"):
        found.block(0x10A, 2)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("bls.n 5598 <f+0x8>", Kind.JUMP),
        ("bics r0, r1", Kind.DATA),
        ("ble.w 5598 <bl>", Kind.JUMP),
        ("bl 5598 <f>", Kind.CALL),
        ("blx r3", Kind.JUMP),
        ("bx lr", Kind.JUMP),
        ("mov pc, r3", Kind.JUMP),
        ("cbz r0, 5598 <f>", Kind.JUMP),
        ("tbb [pc, r3]", Kind.TABLE_JUMP),
        ("ldr.w pc, [pc, r3, lsl #2]", Kind.LOAD_JUMP),
        ("pop {r4, pc}", Kind.RETURN),
        ("ldmia.w sp!, {r4, r5, pc}", Kind.RETURN),
        ("pop {r4, r5}", Kind.MULTIPLE),
        ("ldrd r2, r1, [r5, #16]", Kind.MULTIPLE),
        ("muls r2, r0", Kind.MULTIPLY),
        ("mlsle r2, r1, r0, r2", Kind.MULTIPLY_ADD),
        ("smull r0, r1, r2, r3", Kind.LONG_MULTIPLY),
        ("umlal r0, r1, r2, r3", Kind.LONG_MULTIPLY_ADD),
        ("smlald r0, r1, r2, r3", Kind.DSP),
        ("smmulr r0, r1, r2", Kind.DSP),
        ("sxtab16 r0, r1, r2, ror #8", Kind.DSP),
        ("qadd8 r0, r1, r2", Kind.DSP),
        ("sxtb16 r0, r1", Kind.DSP),
        ("ssat r0, #8, r1, asr #3", Kind.DATA),
        ("sdivge r0, r0, r1", Kind.DIVIDE),
        ("ldrsbge r0, [r1, #1]", Kind.LOAD),
        ("strb.w r0, [r1, r2]", Kind.STORE),
        ("le lr, 5598 <f>", Kind.LOOP),
        ("dls lr, r3", Kind.DATA),
        ("vldrb.s32 q0, [r0, #4]", Kind.VECTOR_MEMORY),
        ("vmlavat.s8 lr, q0, q1", Kind.VECTOR_MULTIPLY),
        ("vqrdmulh.s32 q3, q3, q1", Kind.VECTOR_MULTIPLY),
        ("vadd.i32 q2, q2, r5", Kind.VECTOR),
        ("vldr s0, [pc, #12]", Kind.LOAD),
        ("dsb sy", Kind.SYSTEM),
    ],
)
def test_kinds(line, kind):
    op, _, rest = line.partition(" ")
    assert instruction(0, op, rest).kind is kind


@pytest.mark.parametrize(
    ("line", "writes", "reads"),
    [
        ("movs r0, r1", {"r0"}, {"r1"}),
        ("adds r0, #1", {"r0"}, {"r0"}),
        ("add.w r0, r1, r2, lsl #3", {"r0"}, {"r1", "r2"}),
        ("movt r0, #8192", {"r0"}, {"r0"}),
        ("cmp r0, r1", set(), {"r0", "r1"}),
        ("ldr.w r0, [r1], #4", {"r0", "r1"}, {"r1"}),
        ("ldrd r0, r1, [r2, #-8]!", {"r0", "r1", "r2"}, {"r2"}),
        ("str r0, [r1, r2]", set(), {"r0", "r1", "r2"}),
        ("smlal r0, r1, r2, r3", {"r0", "r1"}, {"r0", "r1", "r2", "r3"}),
        ("smlad r0, r1, r2, r3", {"r0"}, {"r1", "r2", "r3"}),
        ("bl 100 <patchc_r1>", set(), set()),
        ("cbnz r3, 100 <r1>", set(), {"r3"}),
        ("bne.n d8 <f>", set(), set()),
    ],
)
def test_registers(line, writes, reads):
    op, _, rest = line.partition(" ")
    found = instruction(0, op, rest)
    assert (found.writes, found.reads) == (writes, reads)


def test_lists_of_registers():
    assert instruction(0, "vpush", "{d8-d10}").registers == 6
    assert instruction(0, "vldmia", "r0!, {s16, s17}").registers == 2
    assert instruction(0, "stmdb", "sp!, {r4, r5, lr}").registers == 3
    assert instruction(0, "strd", "r0, r1, [sp, #8]").registers == 2


def test_m0():
    loop = ("ldrb r3, [r0, #0]", "muls r3, r4", "str r3, [r1, #0]", "subs r2, #1", "bne.n 0 <f>")
    assert cycles("m0", *loop) == BlockCycles(straight=7, taken=9)
    assert cycles("m0", "push {r4, r5, lr}", "bl 0 <f>").taken == 4 + 4
    assert cycles("m0", "pop {r4, r5, pc}").taken == 4 + 3
    assert cycles("m0", "ldr r0, [r1, #0]", "ldr r2, [r3, #0]").straight == 4  # no pipelining


def test_m3_and_m4_pipeline_loads():
    assert cycles("m4", "ldr r0, [r1, #0]", "ldr r2, [r3, #0]", "ldr r4, [r5, #0]").straight == 4
    assert cycles("m4", "ldr r0, [r1, #0]", "ldr r2, [r0, #0]").straight == 4  # its address
    assert cycles("m4", "ldr r0, [r1, r2]", "str r0, [r3, #20]").straight == 3
    assert cycles("m4", "ldr r0, [r1, r2]", "str r1, [r3, r2]").straight == 3
    assert cycles("m4", "str r0, [r1, r2]", "ldr r2, [r3, #0]").straight == 4
    assert cycles("m4", "adds r1, r2, r3", "ldr r0, [r1, #0]").straight == 1 + 1 + 2
    assert cycles("m4", "ldrd r0, r1, [r2, #0]", "ldr r3, [r4, #0]").straight == 3 + 2
    assert cycles("m3", "ldmia r0!, {r1, r2, r3}").straight == 4


def test_m3_and_m4_multiply():
    lines = ("mla r0, r1, r2, r3", "smull r4, r5, r6, r7", "smlal r4, r5, r6, r7")
    assert cycles("m3", *lines).straight == 2 + 4 + 5
    assert cycles("m4", *lines).straight == 3
    assert cycles("m4", "smlad r0, r1, r2, r3", "sdiv r0, r0, r1").straight == 1 + 7


def test_jumps_of_m4():
    assert cycles("m4", "cbz r0, 0 <f>") == BlockCycles(straight=1, taken=3)
    assert cycles("m4", "pop {r4, pc}").taken == 3 + 2
    assert cycles("m4", "tbb [pc, r3]").taken == 4


def test_m33_waits_for_loads():
    assert cycles("m33", "ldr r0, [r1, #0]", "adds r2, r2, r0").straight == 3
    assert cycles("m33", "ldr r0, [r1, #0]", "adds r2, r2, r3", "adds r2, r2, r0").straight == 3


def test_m7_issues_two():
    assert cycles("m7", "adds r0, r1, r2", "adds r3, r4, r5").straight == 1
    assert cycles("m7", "adds r0, r1, r2", "adds r3, r4, r0").straight == 2  # it depends
    assert cycles("m7", "ldr r0, [r1, #0]", "ldr r2, [r3, #0]").straight == 1
    assert cycles("m7", "ldr r0, [r1, #0]", "str r2, [r3, #0]").straight == 2
    assert cycles("m7", "smlad r0, r1, r2, r3", "ldr r4, [r5, #0]").straight == 1
    assert cycles("m7", "ldr r4, [r5, #0]", "smlad r0, r1, r2, r3").straight == 2  # DSP is first
    assert cycles("m7", "sxtb r0, r1", "add.w r2, r3, r4, lsl #2").straight == 2  # both shift
    assert cycles("m7", "subs r0, #1", "bne.n 0 <f>") == BlockCycles(straight=1, taken=1)
    # The first of a pair of loads is waited for as well.
    loads = ("ldr r0, [r1, #0]", "ldr r2, [r3, #0]", "adds r4, r4, r0")
    assert cycles("m7", *loads).straight == 1 + 1 + 1


def test_vectors_overlap_where_units_differ():
    load, mac, add = "vldrb.u8 q0, [r0], #16", "vmladava.s8 r2, q0, q1", "vadd.i32 q2, q2, q3"
    assert cycles("m55", load, mac, load, mac).straight == 2 + 1 + 1 + 1
    assert cycles("m55", add, add, load).straight == 2 + 2 + 1
    assert cycles("m55", load, "adds r3, #1", load).straight == 2 + 1 + 2
    assert cycles("m55", mac, "le lr, 0 <f>") == BlockCycles(straight=3, taken=2)


def test_estimate_weighs_blocks_by_their_runs():
    """Ten times round the loop of LISTING, which is left once."""
    loop = Executed(0x100, 4, owner="net_run", file="net", runs=10, straight=1, lines=3)
    end = Executed(0x108, 1, owner="f", file="net", runs=1, straight=0, lines=0)
    counts = Counts((loop, end), callers=0, run=SimpleNamespace())
    found = estimate(counts, parse(LISTING), core("cortex-m0").timing)
    assert found.owners == {"net_run": 9 * 7 + 5, "f": 3}
    assert found.files == {"net": 71}
    assert found.total == 71
    assert counts.instructions().total == 41
    slower = estimate(counts, parse(LISTING), core("cortex-m0").timing, wait_states=2)
    assert slower.owners == {"net_run": 68 + 2 * (9 + 3), "f": 3 + 2}  # jumps taken, and lines
