"""The kernels in OUT: which of their files a program needs, and what their functions are called.

Every file of `runtime_c` includes patchc_names.h, which gives each function a name that the linker
sees: one of the network's own, or one that the version of the runtime is part of.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from patchc.choices import RuntimeMode
from patchc.codegen import places
from patchc.kernels.kernel import Kernel
from patchc.resources import runtime_dir

NAMES_HEADER = "patchc_names.h"
_KERNELS_HEADER = "patchc_kernels.h"
_PUBLIC = frozenset({"patchc_place.h"})  # headers that NAME.h includes
_FOLDERS = ("include", "portable", "narrow", "dsp", "mve", "cmsis_nn")  # that end up in programs

# What is counted in: whoever asks for that defines it, once for all networks.
_CALLERS = frozenset({"patchc_macs"})
_PREFIX = "patchc_"
# At the start of a line, not static: a function, or a constant.
_DECLARED = re.compile(
    rf"^(?:extern\s+)?(?:const\s+)?\w+(?:\s+|\s*\*\s*)({_PREFIX}\w+)\s*[(;\[]", re.MULTILINE
)
_INCLUDED = re.compile(r'^(#include "\w+)\.c"$', re.MULTILINE)


@dataclass(frozen=True)
class Runtime:
    """What the program of `network` needs of it."""

    network: str
    mode: RuntimeMode
    kernels: tuple[Kernel, ...]
    parts: tuple[tuple[str, str], ...]  # header and source of what loops are made of
    more: tuple[str, ...] = ()  # further headers
    copied: tuple[str, ...] = ()  # functions of a library whose files lie beside
    headers: str = places.INCLUDE  # the folder of those that firmware includes

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The files to compile."""
        used = [kernel.source for kernel in self.kernels]
        used += sorted({source for kernel in self.kernels for source in kernel.shared})
        used += [source for _, source in self.parts]
        return tuple(dict.fromkeys(Path(source).name for source in used))

    def files(self) -> dict[str, str]:
        """Path in OUT -> text. What others include is called .inc: what is called .c can all be
        compiled."""
        root = runtime_dir()
        headers = {_KERNELS_HEADER, *(name for kernel in self.kernels for name in kernel.headers)}
        headers |= {header for header, _ in self.parts} | set(self.more)
        found = {root / "include" / name for name in headers}
        found |= {(kernel.folder or root / "include") / kernel.header for kernel in self.kernels}
        compiled = [(kernel.folder or root) / kernel.source for kernel in self.kernels]
        compiled += [root / source for kernel in self.kernels for source in kernel.shared]
        compiled += [root / source for _, source in self.parts]
        included = [root / source for kernel in self.kernels for source in kernel.included]
        texts = {path.name: path for path in sorted(found, key=lambda path: path.name)}
        texts |= {path.name: path for path in compiled}
        texts |= {path.with_suffix(".inc").name: path for path in included}
        files = {name: _as_emitted(path) for name, path in texts.items()}
        names = names_header(self.names(files), self.network, self.mode)
        files[NAMES_HEADER] = names
        return {self._place(name): text for name, text in files.items()}

    def _place(self, name: str) -> str:
        return f"{self.headers}/{name}" if name in _PUBLIC else places.source(name)

    def names(self, files: Mapping[str, str]) -> tuple[str, ...]:
        """Of the functions in `files`; all there are where networks share the file of names."""
        if self.mode is RuntimeMode.SHARED:
            return tuple(sorted({kernel.function for kernel in self.kernels} | _all_names()))
        sources = " ".join(text for name, text in files.items() if not name.endswith(".h"))
        used = set(re.findall(rf"\b{_PREFIX}\w+", sources))
        return tuple(sorted(used & declared(files.values()))) + self.copied


def _as_emitted(path: Path) -> str:
    return _INCLUDED.sub(r'\1.inc"', path.read_text(encoding="utf-8"))


def declared(texts: Iterable[str]) -> set[str]:
    """The functions and constants that the linker sees."""
    return {name for text in texts for name in _DECLARED.findall(text)} - _CALLERS


def _runtime_files() -> list[Path]:
    root = runtime_dir()
    found = [path for name in _FOLDERS for path in (root / name).rglob("*") if path.is_file()]
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


@cache
def _all_names() -> frozenset[str]:
    return frozenset(declared(path.read_text(encoding="utf-8") for path in _runtime_files()))


@cache
def runtime_version() -> str:
    """Eight hexadecimal digits: two runtimes that differ in a byte differ in these."""
    root, digest = runtime_dir(), hashlib.sha256()
    for path in _runtime_files():
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:8]


def marker(network: str, mode: RuntimeMode) -> str:
    """The macro that says whose patchc_names.h it is."""
    if mode is RuntimeMode.SHARED:
        return f"PATCHC_RUNTIME_{runtime_version()}"
    return f"{network.upper()}_RUNTIME"


def names_header(names: Iterable[str], network: str, mode: RuntimeMode) -> str:
    """The text of patchc_names.h."""
    if mode is RuntimeMode.SHARED:
        whose = f"those of version {runtime_version()}, which networks share"
        prefix = f"{_PREFIX}{runtime_version()}_"
    else:
        whose = f"those of {network} alone"
        prefix = f"{network}_{_PREFIX}"
    lines = [f"#define {name} {prefix}{name.removeprefix(_PREFIX)}" for name in names]
    return "\n".join(
        (
            "/* Part of what patchc made. SPDX-License-Identifier: Apache-2.0 OR 0BSD */",
            "/* What the linker calls the functions of the patchc_* files of this folder:",
            f" * {whose}. */",
            "#ifndef PATCHC_NAMES_H",
            "#define PATCHC_NAMES_H",
            "",
            f"#define {marker(network, mode)} 1",
            "",
            *lines,
            "",
            "#endif",
            "",
        )
    )
