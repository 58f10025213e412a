"""The texts that the stack bound is read from: gcc's call-graph info and objdump's listing."""

from __future__ import annotations

import pytest

from patchc.errors import PatchcError
from patchc.measure import callgraph, disassembly
from patchc.measure.callgraph import CallSite, Function

CALL_GRAPH = r"""graph: { title: "a.c"
node: { title: "a.c:leaf" label: "leaf\na.c:5:38\n104 bytes (static)\n0 dynamic objects" }
node: { title: "dyn" label: "dyn\na.c:7:5\n8 bytes (dynamic)\n1 dynamic objects\n b a.c:7:31" }
node: { title: "memcpy" label: "__builtin_memcpy\n<built-in>" shape : ellipse }
edge: { sourcename: "dyn" targetname: "memcpy" }
edge: { sourcename: "dyn" targetname: "a.c:leaf" label: "a.c:6:36" }
}
"""


def test_call_graph():
    found = callgraph.parse(CALL_GRAPH)
    assert found.functions == (
        Function("a.c:leaf", 104),
        Function("dyn", 8, is_static=False),
        Function("memcpy", None),
    )
    assert found.calls == (CallSite("dyn", "memcpy", ""), CallSite("dyn", "a.c:leaf", "a.c:6:36"))
    assert found.functions[0].name == "leaf"


def code(*lines: str, after: str = "") -> disassembly.Code:
    body = "".join(f"    {100 + 2 * i:x}:\t{line}\n" for i, line in enumerate(lines))
    text = f"00000064 <f>:\n{body}\n" + (f"00000200 <{after}>:\n 200:\tbx\tlr\n" if after else "")
    return disassembly.parse(text)["f"]


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("push\t{r4, r5, r6, lr}", 16),
        ("push\t{r4-r7, lr}", 20),
        ("stmdb\tsp!, {r4, r5, r6, r7, r8, r9, sl, fp, lr}", 36),
        ("vpush\t{d8-d10}", 24),
        ("vpush\t{s16, s17}", 8),
        ("sub\tsp, #24", 24),
        ("sub.w\tsp, sp, #1040\t@ 0x410", 1040),
        ("str.w\tr4, [sp, #-8]!", 8),
        ("strd\tr4, r5, [sp, #-16]!", 16),
        ("add\tsp, #24", 0),
        ("pop\t{r4, pc}", 0),
        ("sub\tr0, #24", 0),
    ],
)
def test_frames(line, taken):
    assert code(line, "bx\tlr").frame_bytes == taken


def test_pushes_add_up_whatever_is_popped_between():
    assert code("push\t{r4}", "pop\t{r4}", "push\t{r4, r5}", "bx\tlr").frame_bytes == 12


@pytest.mark.parametrize(
    "line",
    ["bl\t200 <g>", "b.n\t200 <g>", "beq.w\t204 <g+0x4>", "cbz\tr0, 200 <g>", "blx\t200 <g>"],
)
def test_calls(line):
    assert code(line, "bx\tlr").calls == {"g"}


def test_branches_of_its_own_are_no_calls():
    found = code("bls.n\t66 <f+0x2>", "bne.n\t66 <f+0x2>", "bx\tlr")
    assert found.calls == set()
    assert not found.doubt


def test_assembly_runs_on_into_the_next_function():
    assert code("movs\tr0, #1", after="g").runs_on == "g"
    assert code("movs\tr0, #1", "bx\tlr", "nop", after="g").runs_on is None
    assert code("pop\t{r4, pc}", after="g").runs_on is None


@pytest.mark.parametrize(
    "line",
    ["blx\tr3", "bx\tr3", "mov\tsp, r7", "add\tsp, r4", "sub.w\tsp, sp, r3", "bl\t64 <f>"],
)
def test_what_cannot_be_bounded_is_an_error(line):
    with pytest.raises(PatchcError, match=r"no stack bound: f has no call-graph info"):
        disassembly.check(code(line, "bx\tlr"))
