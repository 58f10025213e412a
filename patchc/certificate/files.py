"""Which files a certificate speaks of: the C, plan.json, the constants in the C."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from patchc.certificate.claims import INT32, Json, require
from patchc.certificate.memory import calls_of
from patchc.plan.types import FETCH


def check_files(found: Json, out: Path) -> None:
    for name, digest in found["files"].items():
        path = out / name
        require(path.is_file(), f"{name} is missing")
        require(hashlib.sha256(path.read_bytes()).hexdigest() == digest, f"{name} is another file")
    header = (out / "include" / f"{found['name']}.h").read_text(encoding="utf-8")
    sizes = re.findall(r"^#define \w+_ARENA_BYTES (\d+)$", header, re.MULTILINE)
    require(sizes == [str(found["arena_bytes"])], f"the arena of {found['name']}.h has {sizes} B")
    text = (out / "src" / f"{found['name']}.c").read_text(encoding="utf-8")
    table = re.findall(r"^ \*\s+(\d+)\s+(\d+)\s+(\w+)\s+(\d+)\.\.(\d+) ", text, re.MULTILINE)
    keys = ("offset", "bytes", "kind", "first", "last")
    rows = [tuple(str(b[key]) for key in keys) for b in found["buffers"] if b["kind"] != "extern"]
    require(sorted(table) == sorted(rows), f"the arena in {found['name']}.c is another one")


def check_plan(found: Json, plan: Json) -> None:
    """The program runs the plan's nodes, in its order, with its kernels, stripes and tiles."""
    blocks = [
        b for b in found["blocks"] if any(c.get("kernel") for s in b["steps"] for c in calls_of(s))
    ]
    fetched = [step["kernels"] == [FETCH] for t in plan["tunnels"] for step in t["steps"]]
    tunnels = [
        {**tunnel, "steps": [s for s in tunnel["steps"] if s["kernels"] != [FETCH]]}
        for tunnel in plan["tunnels"]
    ]
    tunnels = [tunnel for tunnel in tunnels if tunnel["steps"]]
    require(len(blocks) == len(tunnels), "there is not one block for each tunnel of the plan")
    require(found["input_mode"] == plan["input_mode"], "the plan's input mode is another")
    loads = [c for b in found["blocks"] for s in b["steps"] for c in s["calls"] if c.get("image")]
    require(sum(fetched) == sum(c["node"] is not None for c in loads), "rectangles are missing")
    for block, tunnel in zip(blocks, tunnels, strict=True):
        require(block["reverse"] == tunnel["reverse"], f"{block['name']}: another direction")
        require(block["stripes"] == tunnel["stripes"], f"{block['name']}: other stripes")
        steps = [s for s in block["steps"] if any(c["kind"] in MAKING for c in s["calls"])]
        require(len(steps) == len(tunnel["steps"]), f"{block['name']}: other steps")
        for step, planned in zip(steps, tunnel["steps"], strict=True):
            calls = [call for call in calls_of(step) if call["kind"] in MAKING]
            made = [(call["node"], call["kernel"]) for call in calls]
            wanted = list(zip(planned["nodes"], planned["kernels"], strict=True))
            same = made == wanted and all(step[key] == planned[key] for key in ("tile", "group"))
            require(same, f"step {step['name']} is another one than the plan's")


MAKING = ("Compute", "Accumulate")


def arrays_of(out: Path, name: str) -> dict[str, list[int]]:
    """The constants of requantisation in the C, by their names."""
    pattern = r"const (?:patchc_form|patchc_rare|int32_t) (\w+)\[\d+\] = \{(.*?)\n\};"
    found = {}
    for path in sorted((out / "src").glob(f"{name}*.c")):
        text = path.read_text(encoding="utf-8").replace("INT32_MIN", str(-INT32))
        for symbol, values in re.findall(pattern, text, re.DOTALL):
            found[symbol] = [int(word) for word in re.findall(r"-?\d+", values)]
    return found
