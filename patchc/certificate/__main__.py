"""Proves again what the C in OUT rests on: `python -m patchc.certificate OUT`.

It reads OUT/certificate.json (offsets, lifetimes, rings, the program, requantisation), plan.json,
the C and the ONNX file, and shares nothing with what made them: it imports the reader of ONNX, the
operators, and of each kernel the order in which it promises to read and write (tests/c holds the
kernels to that). What it shows, for every input there is, because no address and no loop of the
program depends on data:

1. The certificate speaks of these files: hashes, the arena's size in the C, the plan's nodes,
   kernels, stripes and tiles, the constants of requantisation as the C has them.
2. Buffers lie inside the arena, aligned; each is touched from its first block to its last, and in
   none outside; two that are alive in one block share bytes only where the certificate says so.
3. The program, run element by element over memory whose bytes are labelled with what they hold:
   every access lies in its buffer, every byte that is read holds the element of the operand that
   the operator's own formula asks for, and every element of the outputs is there in the end. So
   rings hold rows until their last reader, and nothing that is needed is written over.
4. For each output channel of convolutions and global means, integers and float32 formula of
   onnxruntime agree for every sum that inputs and weights can give: both never fall as the sum
   rises, so it is enough that they take each step at the same sum.

What it does not show: that the C kernels compute their operators (`patchc verify`), the forms of
Add, Mul and the other operators, and the emulation of float32 for channels that have no line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from patchc.certificate.claims import FORMAT, Json, NotProvedError, require
from patchc.certificate.files import arrays_of, check_files, check_plan
from patchc.certificate.memory import Replay, check_buffers
from patchc.certificate.requantisation import check_requantisation
from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.outdir import CERTIFICATE, PLAN, read_source
from patchc.passes import run_passes
from patchc.plan.again import repeated
from patchc.plan.json import from_json


def check(found: Json, out: Path) -> str:
    """What is proved, in words. Raises NotProvedError, or PatchcError where files are missing."""
    source = read_source(out)
    require(found.get("format") == FORMAT, "certificate.json has another format")
    check_files(found, out)
    text = (out / PLAN).read_text(encoding="utf-8")
    check_plan(found, json.loads(text))
    plan = from_json(text)
    model = import_model(out / source.model, source.input_shapes, source.cut)
    require(model.sha256 == found["model_sha256"], "the ONNX file is another one")
    graph = repeated(run_passes(model.graph), plan.again, plan.input_mode)
    check_buffers(found)
    Replay(found, graph).run()
    proved = "numbers of CMSIS-NN are what the file means: nothing to prove"
    if source.numerics == "exact":
        channels = check_requantisation(found, graph, arrays_of(out, found["name"]))
        proved = f"{channels} channels equal onnxruntime's formula for every sum"
    blocks, buffers = len(found["blocks"]), len(found["buffers"])
    return (
        f"{out}: {found['arena_bytes']} B, {buffers} buffers, {blocks} blocks: every access holds; "
        f"{proved}"
    )


def check_out(out: Path) -> str:
    """The same of the certificate in OUT. What is no certificate at all proves nothing."""
    try:
        found = json.loads((out / CERTIFICATE).read_text(encoding="utf-8"))
        return check(found, out)
    except (NotProvedError, PatchcError):
        raise
    except Exception as error:  # numbers that are no indices, names that there are not
        raise NotProvedError(f"{type(error).__name__}: {error}") from error


def main(words: Sequence[str]) -> int:
    if len(words) != 1:
        print("python -m patchc.certificate OUT", file=sys.stderr)
        return 2
    try:
        print(check_out(Path(words[0])))
    except NotProvedError as error:
        print(f"patchc: not proved: {error}", file=sys.stderr)
        return 1
    except PatchcError as error:
        print(f"patchc: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
