"""RISC-V's machine code as objdump prints it: frames, calls, and what says too little."""

from __future__ import annotations

import pytest

from patchc.errors import PatchcError
from patchc.measure import disassembly

TEXT = """
80004000 <deep>:
80004000:	add	sp,sp,-32
80004002:	sw	ra,28(sp)
80004004:	beqz	a1,80004010 <deep+0x10>
80004008:	jal	ra,80004020 <leaf>
8000400c:	add	sp,sp,-16
8000400e:	add	sp,sp,16
80004010:	lw	ra,28(sp)
80004012:	add	sp,sp,32
80004014:	j	80004030 <tail_of_it>

80004020 <leaf>:
80004020:	mv	a0,a1
80004022:	ret
80004024:	unimp

80004030 <tail_of_it>:
80004030:	lui	a5,0x80001

80004040 <runs_into>:
80004040:	ret

80004050 <through_a_register>:
80004050:	jr	a5

80004060 <by_an_unknown_amount>:
80004060:	sub	sp,sp,a5
80004062:	ret

80004070 <itself>:
80004070:	jal	80004070 <itself>
80004074:	ret
"""


def test_frames_calls_and_ends():
    found = disassembly.parse(TEXT, "riscv")
    assert found["deep"].frame_bytes == 48  # all that is ever taken
    assert found["deep"].calls == {"leaf", "tail_of_it"}
    assert found["deep"].runs_on is None
    assert (found["leaf"].frame_bytes, found["leaf"].calls) == (0, frozenset())
    assert found["leaf"].runs_on is None
    assert found["tail_of_it"].runs_on == "runs_into"
    for name in ("deep", "leaf", "tail_of_it"):
        disassembly.check(found[name])


@pytest.mark.parametrize("name", ["through_a_register", "by_an_unknown_amount", "itself"])
def test_what_gives_no_bound(name: str):
    with pytest.raises(PatchcError, match=f"no stack bound: {name} has no call-graph info"):
        disassembly.check(disassembly.parse(TEXT, "riscv")[name])
