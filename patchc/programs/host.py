"""Builds the emitted C on this machine and runs inputs through it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from patchc.errors import PatchcError
from patchc.programs.program import Interface, read_interface, run_command, tool

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
class HostProgram:
    """The emitted C as an executable of this machine."""

    executable: Path
    interface: Interface
    emulator: tuple[str, ...] = ()  # runs programs of another processor

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """int8 (cases, h, w, c) per graph input -> the same per graph output.

        Raises PatchcError when an input is missing or misshapen, and when the program finds
        something amiss (error code, guard bytes, order of reading, a sanitizer's report).
        """
        return self._run(inputs)[0]

    def run_with_probabilities(
        self, inputs: Mapping[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """The same, and uint32 (cases, values) per output that the C makes probabilities of."""
        outputs, probabilities, _ = self._run(inputs)
        return outputs, probabilities

    def macs(self, inputs: Mapping[str, np.ndarray]) -> int:
        """Multiply-accumulates that one run on `inputs` takes, recomputed ones and padded taps
        included. Raises PatchcError as `run` does, and for a build of a flavour but "count"."""
        *_, text = self._run(inputs)
        if not text:
            raise PatchcError("the program does not count: build it with the flavour 'count'")
        return int(text)

    def _run(
        self, inputs: Mapping[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], str]:
        """The outputs, their probabilities, and what the program printed."""
        with tempfile.TemporaryDirectory(prefix="patchc-") as folder:
            source, sink = Path(folder, "in.bin"), Path(folder, "out.bin")
            cases = self.interface.write_inputs(source, inputs)
            command = [*self.emulator, self.executable, source, sink, str(cases)]
            command += [self.interface.weights] if self.interface.weights else []
            text = run_command([str(word) for word in command], cases * _SECONDS_PER_CASE)
            return *self.interface.read_with_probabilities(sink, cases), text


def build(
    out_dir: Path, flavour: str | Flavour = "release", build_dir: Path | None = None
) -> HostProgram:
    """Build test/host_main.c and the network of `out_dir`, in OUT/test/build/<flavour>.

    `build_dir` puts the objects elsewhere (for a read-only OUT). Raises PatchcError when a
    compiler or make is missing, when `out_dir` holds no emitted network, or when it does not build.
    """
    chosen = FLAVOURS[flavour] if isinstance(flavour, str) else flavour
    out_dir = Path(out_dir).resolve()
    interface = read_interface(out_dir)
    folder = (build_dir or out_dir / "test" / "build" / chosen.folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # Relative where possible: make cannot name a path that holds a space.
    place = folder.relative_to(out_dir) if folder.is_relative_to(out_dir) else folder
    make = tool("make")
    variables = {
        "CC": compiler(chosen),
        "CFLAGS": " ".join(chosen.cflags),
        "BUILD": str(place),
        "LIBRARY": str(place / f"lib{interface.name}.a"),
    }
    settings = [f"{name}={value}" for name, value in variables.items()]
    run_command([make, "-C", str(out_dir), "-j2", "host", *settings], _BUILD_SECONDS)
    return HostProgram(folder / "host_main", interface)


def compiler(flavour: Flavour) -> str:
    wanted = flavour.cc or os.environ.get("CC")
    if wanted:
        tool(wanted.split()[0])  # $CC may carry flags
        return wanted
    for name in ("gcc", "clang", "cc"):
        if shutil.which(name):
            return name
    raise PatchcError("no C compiler found: install gcc or clang, or set CC")
