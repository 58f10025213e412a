"""What becomes of one row: quantised where it is float, compiled layer by layer and at a quarter of
that RAM (where there is no such plan at half, else at the least), both compared byte for byte.

A row runs in a process of its own, which is stopped after `LIMIT` seconds: a hang is a result.
Seconds are those of the processor where they decide anything, so that other work does not count.
"""

from __future__ import annotations

import json
import math
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import onnx

import patchc
from patchc.frontend import import_model
from patchc.frontend.load import load
from patchc.frontend.walk import is_integer_op
from patchc.quantize.options import QuantizeOptions
from patchc.quantize.stand_in import noise
from tests.zoo.rows import Row, read_rows

LIMIT = 300  # seconds of the processor for a row, after which it hangs
PATIENCE = 6  # times as many by the clock
COMPILE_LIMIT = 30  # seconds of the processor that a compilation may take
SAMPLES, CASES = 2, 1

# Weights as arrays in C take gcc longer than all else, and alignment takes longer than the rest of
# quantisation; both have tests of their own.
OPTIONS = QuantizeOptions(align=False)

WORKS, REFUSED, TRACEBACK, HANG, WRONG = "works", "refused", "traceback", "hang", "wrong bytes"
LAYERS, HALF, QUARTER, LEAST = "layer by layer", "half", "quarter", "least"
READ = "read"  # quantised and imported, not compiled: a quick look
NOT_EXPORTED, NOT_RUN = "not exported", "not run"


@dataclass(frozen=True, slots=True)
class Fit:
    """One compilation that was compared."""

    what: str  # of the four above
    budget: int | None
    total_bytes: int
    overhead: float  # F
    compile_seconds: float
    verify_seconds: float
    bytes_compared: int
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that is known of a row."""

    key: str
    status: str
    reason: str = ""
    quantized_here: bool = False
    seconds: float = 0.0
    quantize_seconds: float = 0.0
    macs: int = 0
    least_bytes: int = 0  # where a quarter is less than the least
    fits: tuple[Fit, ...] = ()
    notes: tuple[str, ...] = ()
    detail: str = field(default="", repr=False)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"

    @staticmethod
    def read(text: str) -> Outcome:
        found = json.loads(text)
        fits = tuple(Fit(**{**f, "failures": tuple(f["failures"])}) for f in found.pop("fits"))
        return Outcome(**{**found, "notes": tuple(found["notes"])}, fits=fits)


def attempt(key: str, model: Path, folder: Path, *, quick: bool = False) -> Outcome:
    """Quantise, compile, compare; `quick`: quantise and import. Never raises."""
    state: dict[str, Any] = {"fits": []}
    start = time.monotonic()
    try:
        status, reason, detail = _steps(model, folder, state, quick)
    except patchc.PatchcError as error:
        status, detail = REFUSED, ""
        reason = str(error).replace(f"{folder}/", "").replace(f"{model.parent}/", "")
    except Exception as error:  # what nobody foresaw: that is what is looked for
        status, reason = TRACEBACK, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        detail = traceback.format_exc()
    return Outcome(
        key=key,
        status=status,
        reason=reason,
        seconds=time.monotonic() - start,
        fits=tuple(state.pop("fits")),
        detail=detail,
        **state,
    )


def _steps(model: Path, folder: Path, state: dict[str, Any], quick: bool) -> tuple[str, str, str]:
    file = model
    if not any(is_integer_op(node) for node in onnx.load_model(model).graph.node):
        file = folder / "int8.onnx"
        state["quantized_here"] = True
        begin = time.monotonic()
        patchc.quantize(model, file, calibration=noise(load(model).model, SAMPLES), options=OPTIONS)
        state["quantize_seconds"] = time.monotonic() - begin
    if quick:
        state["notes"] = import_model(file).notes
        return READ, "", ""
    whole = _fit(file, folder, LAYERS, None, state)
    half, quarter = whole.total_bytes // 2, whole.total_bytes // 4
    try:
        _fit(file, folder, QUARTER, quarter, state)
    except patchc.BudgetError as error:
        if error.least_bytes <= half:
            _fit(file, folder, HALF, half, state)
        elif error.least_bytes < whole.total_bytes:
            _fit(file, folder, LEAST, error.least_bytes, state)
        state["least_bytes"] = error.least_bytes
    wrong = [f"{fit.what}: {line}" for fit in state["fits"] for line in fit.failures]
    return (WRONG, wrong[0], "\n".join(wrong)) if wrong else (WORKS, "", "")


def _fit(file: Path, folder: Path, what: str, budget: int | None, state: dict[str, Any]) -> Fit:
    out = folder / "out"
    begin = time.process_time()
    prefer = "layers" if budget is None else None
    report = patchc.compile(file, out, budget=budget, prefer=prefer, weights="extern").report
    compile_seconds, middle = time.process_time() - begin, time.monotonic()
    found = patchc.verify(out, cases=CASES)
    fit = Fit(
        what=what,
        budget=budget,
        total_bytes=report.ram.total_bytes,
        overhead=report.cost.macs_overhead,
        compile_seconds=compile_seconds,
        verify_seconds=time.monotonic() - middle,
        bytes_compared=sum(item.values for item in found.golden.integer),
        failures=found.failures,
    )
    state["fits"].append(fit)
    state["macs"], state["notes"] = report.cost.macs_executed, report.notes
    return fit


def in_time(row: Row, limit: float = LIMIT, *, quick: bool = False) -> Outcome:
    """What `attempt` finds, in a process that is ended after `limit` seconds of the processor, or
    `PATIENCE` times as many by the clock."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wall-") as folder:
        result = Path(folder, "outcome.json")
        patience = PATIENCE * limit
        command = [
            sys.executable,
            "-m",
            "tests.zoo.trial",
            row.key,
            folder,
            str(result),
            str(math.ceil(limit)),
            *(["quick"] if quick else []),
        ]
        try:
            found = subprocess.run(command, capture_output=True, text=True, timeout=patience)
        except subprocess.TimeoutExpired:
            return Outcome(row.key, HANG, f"no end after {patience:.0f} s", seconds=limit)
        if result.is_file():
            return Outcome.read(result.read_text(encoding="utf-8"))
        if found.returncode == -signal.SIGXCPU:
            return Outcome(row.key, HANG, f"no end after {limit:.0f} s", seconds=limit)
        reason = f"the process ended with {found.returncode}"
        seconds = time.monotonic() - start
        return Outcome(row.key, TRACEBACK, reason, seconds=seconds, detail=found.stderr[-2000:])


def main(key: str, folder: str, result: str, limit: str, *quick: str) -> None:
    """One row, in this process, which the system ends after `limit` seconds."""
    resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 5))
    row = next(row for row in read_rows() if row.key == key)
    outcome = attempt(key, row.file, Path(folder), quick=bool(quick))
    Path(result).write_text(outcome.to_json(), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
