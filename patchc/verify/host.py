"""Builds the emitted C on this machine and runs inputs through it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from patchc.codegen import NETWORK_FILE
from patchc.errors import PatchcError
from patchc.ir.graph import Shape
from patchc.verify.tools import need_tool, run_tool

_STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-Wconversion")
_SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover")

# A network of 300 million MACs takes about a second per case at -O2, ten with the sanitizers.
_SECONDS_PER_CASE = 120
_BUILD_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Flavour:
    """A compiler and its flags."""

    name: str  # of the build folder
    cflags: tuple[str, ...]
    cc: str | None = None  # None: $CC, or the first of gcc, clang, cc that there is

    @property
    def folder(self) -> str:
        """Tells flavours of one name apart by their compiler and flags."""
        if FLAVOURS.get(self.name) == self:
            return self.name
        text = " ".join((self.cc or "", *self.cflags))
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


FLAVOURS = {
    flavour.name: flavour
    for flavour in (
        Flavour("release", (*_STRICT, "-O2")),
        Flavour("sanitize", (*_STRICT, "-O1", "-g", *_SANITIZERS)),
        # Prints what HostProgram.macs reads.
        Flavour("count", (*_STRICT, "-O2", "-DPATCHC_COUNT_MACS")),
    )
}


@dataclass(frozen=True, slots=True)
class HostTensor:
    """An input or output of the emitted program."""

    tensor: str  # Graph tensor
    shape: Shape

    @property
    def bytes(self) -> int:
        height, width, channels = self.shape
        return height * width * channels


@dataclass(frozen=True, slots=True)
class HostProgram:
    """The emitted C as an executable of this machine."""

    executable: Path
    inputs: tuple[HostTensor, ...]
    outputs: tuple[HostTensor, ...]
    weights: Path | None  # NAME_weights.bin, where weights are extern

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """int8 (cases, h, w, c) per graph input -> the same per graph output.

        Raises PatchcError when an input is missing or misshapen, and when the program finds
        something amiss (error code, guard bytes, order of reading, a sanitizer's report).
        """
        cases = self._cases(inputs)
        data, _ = self._run(inputs, cases)
        return self._split(data.reshape(cases, sum(port.bytes for port in self.outputs)))

    def macs(self, inputs: Mapping[str, np.ndarray]) -> int:
        """Multiply-accumulates that one run on `inputs` takes, recomputed ones and padded taps
        included. Raises PatchcError as `run` does, and for a build of a flavour but "count"."""
        _, text = self._run(inputs, self._cases(inputs))
        if not text:
            raise PatchcError("the program does not count: build it with the flavour 'count'")
        return int(text)

    def _run(self, inputs: Mapping[str, np.ndarray], cases: int) -> tuple[np.ndarray, str]:
        """All output bytes, and what the program printed."""
        with tempfile.TemporaryDirectory(prefix="patchc-") as folder:
            source, sink = Path(folder, "in.bin"), Path(folder, "out.bin")
            with source.open("wb") as file:
                for case in range(cases):
                    for port in self.inputs:
                        file.write(np.ascontiguousarray(inputs[port.tensor][case]).tobytes())
            command = [self.executable, source, sink, str(cases)]
            command += [self.weights] if self.weights else []
            text = run_tool([str(word) for word in command], cases * _SECONDS_PER_CASE)
            return np.fromfile(sink, np.int8), text

    def _cases(self, inputs: Mapping[str, np.ndarray]) -> int:
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

    def _split(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        found, start = {}, 0
        for port in self.outputs:
            found[port.tensor] = rows[:, start : start + port.bytes].reshape(-1, *port.shape)
            start += port.bytes
        return found


def build(
    out_dir: Path, flavour: str | Flavour = "release", build_dir: Path | None = None
) -> HostProgram:
    """Build test/host_main.c and the network of `out_dir`, in OUT/test/build/<flavour>.

    `build_dir` puts the objects elsewhere (for a read-only OUT). Raises PatchcError when a
    compiler or make is missing, when `out_dir` holds no emitted network, or when it does not build.
    """
    chosen = FLAVOURS[flavour] if isinstance(flavour, str) else flavour
    out_dir = Path(out_dir).resolve()
    description = _description(out_dir)
    folder = (build_dir or out_dir / "test" / "build" / chosen.folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # Relative where possible: make cannot name a path that holds a space.
    place = folder.relative_to(out_dir) if folder.is_relative_to(out_dir) else folder
    make = need_tool("make")
    variables = {
        "CC": compiler(chosen),
        "CFLAGS": " ".join(chosen.cflags),
        "BUILD": str(place),
        "LIBRARY": str(place / f"lib{description['name']}.a"),
    }
    settings = [f"{name}={value}" for name, value in variables.items()]
    run_tool([make, "-C", str(out_dir), "-j2", "host", *settings], _BUILD_SECONDS)
    return HostProgram(
        executable=folder / "host_main",
        inputs=_tensors(description["inputs"]),
        outputs=_tensors(description["outputs"]),
        weights=out_dir / description["weights"] if description["weights"] else None,
    )


def _description(out_dir: Path) -> dict:
    try:
        return json.loads((out_dir / NETWORK_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PatchcError(
            f"{out_dir} holds no emitted network ({NETWORK_FILE} is missing or damaged): "
            "name the folder that `patchc compile -o` wrote"
        ) from error


def _tensors(entries: list[dict]) -> tuple[HostTensor, ...]:
    return tuple(HostTensor(entry["tensor"], tuple(entry["shape"])) for entry in entries)


def compiler(flavour: Flavour) -> str:
    wanted = flavour.cc or os.environ.get("CC")
    if wanted:
        need_tool(wanted.split()[0])  # $CC may carry flags
        return wanted
    for name in ("gcc", "clang", "cc"):
        if shutil.which(name):
            return name
    raise PatchcError("no C compiler found: install gcc or clang, or set CC")
