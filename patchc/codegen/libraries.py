"""CMSIS-NN in OUT: which of its files the program needs, and where they are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from patchc.choices import LibraryMode, Rounding
from patchc.errors import PatchcError
from patchc.kernels.kernel import Kernel
from patchc.libraries.cmsis_nn import CmsisNN
from patchc.resources import runtime_dir

FOLDER = "cmsis_nn"  # in OUT
CORE_FOLDER = "cmsis_core"
_CORE_HEADER = "cmsis_compiler.h"


@dataclass(frozen=True)
class LibraryUse:
    """The library as a program needs it."""

    library: CmsisNN
    mode: LibraryMode
    functions: tuple[str, ...]  # that kernels call
    rounding: Rounding = Rounding.SINGLE

    @property
    def macro(self) -> str | None:
        """That its files are compiled with."""
        double = self.rounding is Rounding.DOUBLE
        return "PATCHC_CMSIS_NN_DOUBLE_ROUNDING" if double else None

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """Of the sources."""
        return self.library.sources(self.functions)

    @property
    def sources(self) -> tuple[str, ...]:
        """File names, all different."""
        return tuple(path.name for path in self.paths)

    @property
    def folders(self) -> tuple[str, ...]:
        """Where they are, under the library's folder."""
        return tuple(sorted({self._place(path).rpartition("/")[0] for path in self.paths}))

    def _place(self, path: Path) -> str:
        return path.relative_to(self.library.root).as_posix()

    @property
    def files(self) -> tuple[str, ...]:
        """Of the sources, under the library's folder."""
        return tuple(map(self._place, self.paths))

    @property
    def copied(self) -> tuple[str, ...]:
        """The functions that its files in OUT define."""
        return () if self.mode is LibraryMode.LINK else self.library.defined_in(self.paths)

    @property
    def root(self) -> str:
        """The library's folder, as seen from OUT."""
        if self.mode is LibraryMode.COPY:
            return FOLDER
        text = self.library.root.as_posix()
        if re.search(r"[\s$#%:\\\"']", text):
            raise PatchcError(
                f"--cmsis-nn link: make cannot name the folder {text!r}; move it, or copy the files"
            )
        return text

    @cached_property
    def headers(self) -> tuple[str, ...]:
        """As #include names them."""
        return self.library.included(self.paths)

    @cached_property
    def needs_core(self) -> bool:
        """Do they include a header of CMSIS-Core, which is a project of its own?"""
        texts = (self.library.headers[name].read_text("utf-8", "replace") for name in self.headers)
        return any(f'"{_CORE_HEADER}"' in text for text in texts)

    @cached_property
    def sha256(self) -> str:
        """Of the files that the program needs."""
        return self.library.sha256(self.paths)

    @property
    def title(self) -> str:
        """What it is, for comments."""
        return f"CMSIS-NN {self.library.version}"

    def out_files(self) -> dict[str, bytes | str]:
        """Path in OUT -> contents."""
        found: dict[str, bytes | str] = {}
        if self.needs_core:
            found[f"{CORE_FOLDER}/{_CORE_HEADER}"] = (
                runtime_dir() / "cmsis_nn" / "core" / _CORE_HEADER
            ).read_text(encoding="utf-8")
        if self.mode is LibraryMode.LINK:
            return found
        library = self.library
        for path in (*self.paths, library.licence, *library.notices):
            found[f"{FOLDER}/{self._place(path)}"] = path.read_bytes()
        for name in self.headers:
            found[f"{FOLDER}/Include/{name}"] = library.headers[name].read_bytes()
        found[f"{FOLDER}/README.txt"] = (
            f"{self.title}: the files that this network needs, unchanged.\n"
            f"From: {library.source}\n"
            f"sha256 of sources and headers: {self.sha256}\n"
            f"Licence: {library.licence.name}\n"
        )
        return found


def library_use(
    kernels: Iterable[Kernel],
    library: CmsisNN | None,
    mode: LibraryMode,
    rounding: Rounding = Rounding.SINGLE,
) -> LibraryUse | None:
    """What some kernels need; None: none of them calls it. Raises PatchcError where one does, and
    there is no library."""
    users = [kernel for kernel in kernels if kernel.cmsis_nn]
    if not users:
        return None
    if library is None:
        raise PatchcError(
            f"the plan computes by {users[0].name}, which calls CMSIS-NN, and there is none: "
            "pip install 'patchc[cmsis-nn]', or give a checkout with --cmsis-nn-dir"
        )
    functions = {function for kernel in users for function in kernel.cmsis_nn}
    return LibraryUse(library, mode, tuple(sorted(functions)), rounding)
