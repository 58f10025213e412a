"""What the emitted C is, seen from outside, and how tools are called."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from patchc.codegen import NETWORK_FILE
from patchc.errors import PatchcError
from patchc.ir.graph import Shape


@dataclass(frozen=True, slots=True)
class ProgramTensor:
    """An input or output of the emitted program."""

    tensor: str  # Graph tensor
    shape: Shape

    @property
    def bytes(self) -> int:
        height, width, channels = self.shape
        return height * width * channels


@dataclass(frozen=True, slots=True)
class StepFunction:
    """A static function of NAME.c that computes nodes; a block's own where it has one step."""

    function: str
    step: str  # its name in the schedule
    nodes: tuple[str, ...]  # none: it fetches an input


@dataclass(frozen=True, slots=True)
class BlockFunction:
    """A static function of NAME.c that NAME_run calls: a tunnel or a layer."""

    function: str
    steps: tuple[StepFunction, ...]


@dataclass(frozen=True, slots=True)
class Interface:
    """OUT/test/network.json."""

    name: str  # prefix of files and functions
    inputs: tuple[ProgramTensor, ...]
    outputs: tuple[ProgramTensor, ...]
    weights: Path | None  # NAME_weights.bin, where weights are extern
    blocks: tuple[BlockFunction, ...]  # in the order in which they run
    # Of outputs that the C makes probabilities of: how many values they have. host_main writes
    # them, too.
    probabilities: tuple[tuple[str, int], ...] = ()

    def count_cases(self, inputs: Mapping[str, np.ndarray]) -> int:
        """How many cases `inputs`, int8 (cases, h, w, c) per graph input, hold. Raises PatchcError
        when an input is missing or misshapen."""
        counts = set()
        for port in self.inputs:
            if port.tensor not in inputs:
                raise PatchcError(f"no values for input {port.tensor!r}")
            values = inputs[port.tensor]
            if values.dtype != np.int8 or values.shape[1:] != port.shape:
                shape = ", ".join(map(str, port.shape))
                raise PatchcError(
                    f"input {port.tensor!r}: int8 of shape (cases, {shape}) expected, "
                    f"not {values.dtype} of shape {values.shape}"
                )
            counts.add(len(values))
        if len(counts) != 1:
            raise PatchcError(f"inputs hold different numbers of cases: {sorted(counts)}")
        return counts.pop()

    def write_inputs(self, path: Path, inputs: Mapping[str, np.ndarray]) -> int:
        """Case by case, tensors one after the other. Returns the number of cases; raises as
        `count_cases`."""
        cases = self.count_cases(inputs)
        with path.open("wb") as file:
            for case in range(cases):
                for port in self.inputs:
                    file.write(np.ascontiguousarray(inputs[port.tensor][case]).tobytes())
        return cases

    def read_outputs(self, path: Path, cases: int) -> dict[str, np.ndarray]:
        """int8 (cases, h, w, c) per graph output, from a file like that of `write_inputs`."""
        return self._outputs(np.fromfile(path, np.int8).reshape(cases, self._output_bytes))

    def read_with_probabilities(
        self, path: Path, cases: int
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """The same of host_main's file, and uint32 (cases, values) per output that has them."""
        width = self._output_bytes + 4 * sum(count for _, count in self.probabilities)
        rows = np.fromfile(path, np.int8).reshape(cases, width)
        found, start = {}, self._output_bytes
        for tensor, count in self.probabilities:
            part = np.ascontiguousarray(rows[:, start : start + 4 * count])
            found[tensor] = part.view(np.uint32)
            start += 4 * count
        return self._outputs(rows), found

    @property
    def _output_bytes(self) -> int:
        return sum(port.bytes for port in self.outputs)

    def _outputs(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        found, start = {}, 0
        for port in self.outputs:
            found[port.tensor] = rows[:, start : start + port.bytes].reshape(-1, *port.shape)
            start += port.bytes
        return found


def read_interface(out_dir: Path) -> Interface:
    """Raises PatchcError when `out_dir` holds no emitted network."""
    try:
        data = json.loads((out_dir / NETWORK_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PatchcError(
            f"{out_dir} holds no emitted network ({NETWORK_FILE} is missing or damaged): "
            "name the folder that `patchc compile -o` wrote"
        ) from error
    return Interface(
        name=data["name"],
        inputs=_tensors(data["inputs"]),
        outputs=_tensors(data["outputs"]),
        weights=out_dir / data["weights"] if data["weights"] else None,
        blocks=tuple(
            BlockFunction(
                block["function"],
                tuple(
                    StepFunction(step["function"], step["step"], tuple(step["nodes"]))
                    for step in block["steps"]
                ),
            )
            for block in data["blocks"]
        ),
        probabilities=tuple(
            (entry["tensor"], entry["count"]) for entry in data.get("probabilities", ())
        ),
    )


def _tensors(entries: list[dict]) -> tuple[ProgramTensor, ...]:
    return tuple(ProgramTensor(entry["tensor"], tuple(entry["shape"])) for entry in entries)


def tool(name: str, packages: str | None = None) -> str:
    """`name`. Raises PatchcError when there is no such program, with its Debian packages."""
    if not shutil.which(name):
        raise PatchcError(
            f"{name} not found: install it (Debian: apt-get install {packages or name})"
        )
    return name


def run_command(command: Sequence[str], seconds: int, cwd: Path | None = None) -> str:
    """What the command printed. Raises PatchcError with the end of that when it fails."""
    # A make around this one must not pass its flags and job server on.
    keep = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=keep | {"LC_ALL": "C"},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise PatchcError(f"{command[0]} did not end within {seconds} s") from error
    if done.returncode != 0:
        text = (done.stdout + done.stderr).strip()
        raise PatchcError(
            f"{Path(command[0]).name} failed with status {done.returncode}:\n{text[-4000:]}"
        )
    return done.stdout
