"""C of another tool, in a folder as `patchc compile` writes them, so that it is built, run, sized
and counted by the same harness, flags, board and plugin as patchc's own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from patchc.codegen import NETWORK_FILE
from patchc.codegen.firmware import FIRMWARE
from patchc.errors import PatchcError
from patchc.measure import counting
from patchc.measure.cycles import estimate
from patchc.measure.listing import read_listing
from patchc.programs.firmware import build
from patchc.targets.cores import core as core_called

CORE = "cortex-m4"
NAME = "net"
ALIGN = 16
_STATICS = 64 * 1024  # bytes that are kept for .data and .bss
_GUARD = 64  # painted behind the region: GUARD_BYTES in link.ld

MAKEFILE = """\
FLAGS = $(filter-out -std=% -W%,$(CFLAGS)) -std=gnu11 -w {flags}
OBJECTS = {objects}
all: $(LIBRARY)
$(LIBRARY): $(OBJECTS)
	rm -f $@
	$(AR) rcs $@ $(OBJECTS)
{rules}"""
RULE = """\
$(BUILD)/{stem}.o: {path}
	@mkdir -p $(@D)
	$(CC) $(FLAGS) {more} -c -o $@ $<
"""
MAIN = """\
#include "guard.h"
#include "harness.h"
int net_run(void *arena, const void *in);
static int8_t arena[{arena}] __attribute__((section(".bss.arena"), aligned({align})));
static int8_t in0[{inputs}] __attribute__((section(".bss.inputs"), aligned({align})));
static const span in[] = {{{{.data = in0, .bytes = {inputs}}}}};
static const span out[] = {{{{.data = arena + {arena} - {outputs}, .bytes = {outputs}}}}};
const network_image network = {{
    .entry = (void (*)(void))net_run, .inputs = in0, .arena = arena, .arena_bytes = {arena},
    .in = in, .in_count = 1, .out = out, .out_count = 1,
}};
"""


@dataclass(frozen=True, slots=True)
class Source:
    """What a tool wrote, and how it is called."""

    files: Sequence[Path]
    entry: str  # C of net_run(arena, in): the output goes behind the tool's own arena
    arena_bytes: int  # of the tool's own arena, a multiple of ALIGN
    output_bytes: int
    includes: Sequence[Path] = ()
    flags: str = ""
    library: Sequence[Path] = field(default=())  # of `files`: built at -O3, as patchc builds it


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one inference on a Cortex-M4; bytes."""

    ram_bytes: int | None = None  # arena, statics and stack
    flash_bytes: int | None = None
    instructions: int | None = None
    cycles: int | None = None  # estimated
    outputs: np.ndarray | None = None  # int8 (cases, values)


def write(source: Source, input_bytes: int, template: Path, out: Path) -> None:
    """The folder. `template`: one of patchc's, called NAME, whose harness is taken."""
    shutil.copytree(template / FIRMWARE, out / FIRMWARE, ignore=shutil.ignore_patterns("build"))
    (out / "include").mkdir()
    (out / "include" / f"{NAME}.h").write_text("/* A dependency of the harness. */\n")
    (out / f"{NAME}.c").write_text(source.entry)
    with (out / FIRMWARE / "boards.mk").open("a") as file:
        file.write("LIBRARIES_arm = -lm\n")
    # As large as a whole number of aligned bytes, the output last.
    arena = source.arena_bytes + source.output_bytes
    text = MAIN.format(arena=arena, align=ALIGN, inputs=input_bytes, outputs=source.output_bytes)
    (out / FIRMWARE / "main.c").write_text(text)
    files = [*source.files, out / f"{NAME}.c"]
    rules = [
        RULE.format(stem=path.stem, path=path, more="-O3" if path in source.library else "")
        for path in files
    ]
    makefile = MAKEFILE.format(
        flags=" ".join([*(f"-I{folder}" for folder in source.includes), source.flags]),
        objects=" ".join(f"$(BUILD)/{path.stem}.o" for path in files),
        rules="".join(rules),
    )
    (out / "Makefile").write_text(makefile)
    described = {
        "name": NAME,
        "inputs": [{"tensor": "in", "shape": [1, 1, input_bytes]}],
        "outputs": [{"tensor": "out", "shape": [1, 1, source.output_bytes]}],
        "weights": None,
        "blocks": [],
    }
    (out / NETWORK_FILE).write_text(json.dumps(described))


def measure(source: Source, cases: np.ndarray, template: Path, out: Path) -> Measured:
    """`cases`: bytes (cases, values), as the tool's C takes them. Raises PatchcError."""
    write(source, cases.shape[1], template, out)
    room = core_called(CORE).boards[0].ram.bytes - _GUARD
    stack = room - source.arena_bytes - source.output_bytes - _STATICS
    image = build(out, CORE, ram_bytes=room, stack_bytes=stack // 8 * 8, extra_flags=counting.FLAGS)
    inputs = {"in": cases.view(np.int8)[:, np.newaxis, np.newaxis, :]}
    try:
        ran = image.run(inputs)
    except PatchcError as error:
        if "stack overflowed" not in str(error):
            raise
        raise PatchcError(f"more than {stack:,} B of stack, which the board has not") from error
    counts = counting.count(image, {"in": inputs["in"][:1]})
    timing = image.core.timing
    assert timing is not None
    return Measured(
        ram_bytes=image.arena_bytes + image.static_bytes + ran.stack_high_water_bytes,
        flash_bytes=image.code_bytes + image.weights_bytes,
        instructions=counts.instructions().total,
        cycles=estimate(counts, read_listing(image.elf), timing).total,
        outputs=ran.outputs["out"].reshape(len(cases), -1),
    )
