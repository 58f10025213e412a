"""How many cycles the instructions of a core take, as its manual gives them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Cycles with memories that never make the core wait. An instruction that nothing is said of
    takes one, and so does a jump that is not taken."""

    source: str  # where the figures are from; what is approximated
    load: int = 2
    store: int = 1
    store_by_register: int = 1  # a store whose address is a sum of registers
    multiple: int = 1  # LDM, STM, PUSH, POP, LDRD, STRD; one more for each register
    multiply: int = 1
    multiply_add: int = 1
    long_multiply: int = 1  # SMULL, UMULL
    long_multiply_add: int = 1  # SMLAL, UMLAL
    divide: int = 7
    jump: int = 3  # B, and CBZ, CBNZ, BX, BLX, and data processing that writes the PC
    call: int = 3  # BL
    table_jump: int = 4  # TBB, TBH
    load_jump: int = 4  # LDR to the PC
    return_: int = 3  # POP and LDM with the PC; one more for each register
    loop: int = 1  # LE, LETP on their way back
    system: int = 1  # MRS, MSR and barriers
    vector: int = 2  # MVE; one less right after a vector instruction of another unit
    # A load or store by register right after a load takes a cycle less, unless the load makes its
    # address.
    loads_pipeline: bool = False
    load_use: int = 0  # more, where what a load right before brought is needed
    address_use: int = 0  # more, where a load or store needs an address computed right before
    issues_two: bool = False  # pairs of instructions at a time: see measure/cycles.py
