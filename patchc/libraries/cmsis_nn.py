"""Arm's CMSIS-NN: where it is, which version that is, and which of its files a program needs.

It is taken from a folder that the user names, from one that the environment names, or from the
package bakenn, which holds the functions for int8 of version 4.0.0. What patchc calls has had the
same parameters in every version since; a library whose header says something else is refused.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from patchc.errors import PatchcError

FOLDER_VARIABLE = "CMSIS_NN_DIR"  # set and empty: there is none
PACKAGE = "bakenn==1.0.0"
_IN_PACKAGE = Path("backend", "cmsis_nn", "vendor", "cmsis_nn")

HEADER = "arm_nnfunctions.h"
_REVISION = re.compile(r"\$Revision:\s*V\.(\d+)\.(\d+)\.(\d+)")
# The header's revision -> the release; every later one up to the next release is named after it.
_RELEASES = {
    (11, 2): "4.0.0",
    (11, 3): "4.1.0",
    (12, 4): "5.0.0",
    (16, 0): "6.0.0",
    (18, 0): "7.0.0",
}
_OLDEST = min(_RELEASES)

_CONVOLUTION = (
    *("const cmsis_nn_context *", "const {} *", "const cmsis_nn_per_channel_quant_params *"),
    *("const cmsis_nn_dims *", "const int8_t *", "const cmsis_nn_dims *", "const int8_t *"),
    *("const cmsis_nn_dims *", "const int32_t *", "const cmsis_nn_dims *", "int8_t *"),
)
_POOL = (
    *("const cmsis_nn_context *", "const cmsis_nn_pool_params *", "const cmsis_nn_dims *"),
    *("const int8_t *", "const cmsis_nn_dims *", "const cmsis_nn_dims *", "int8_t *"),
)
CONVOLVE = "arm_convolve_wrapper_s8"
DEPTHWISE, DEPTHWISE_BASIC = "arm_depthwise_conv_wrapper_s8", "arm_depthwise_conv_s8"
MAX_POOL, AVERAGE_POOL = "arm_max_pool_s8", "arm_avgpool_s8"
# What patchc calls, and the types of the parameters.
SIGNATURES: Mapping[str, tuple[str, ...]] = {
    CONVOLVE: tuple(one.format("cmsis_nn_conv_params") for one in _CONVOLUTION),
    DEPTHWISE: tuple(one.format("cmsis_nn_dw_conv_params") for one in _CONVOLUTION),
    DEPTHWISE_BASIC: tuple(one.format("cmsis_nn_dw_conv_params") for one in _CONVOLUTION),
    MAX_POOL: _POOL,
    AVERAGE_POOL: _POOL,
}

_OPERAND = ("const int32_t",) * 3
ELEMENTWISE_ADD, ELEMENTWISE_MUL = "arm_elementwise_add_s8", "arm_elementwise_mul_s8"
# The same of what a library may lack: the package has their declarations only.
OPTIONAL: Mapping[str, tuple[str, ...]] = {
    ELEMENTWISE_ADD: (
        *("const int8_t *", "const int8_t *", *_OPERAND, *_OPERAND, "const int32_t", "int8_t *"),
        *("const int32_t",) * 6,
    ),
    ELEMENTWISE_MUL: (
        *("const int8_t *", "const int8_t *", "const int32_t", "const int32_t", "int8_t *"),
        *("const int32_t",) * 6,
    ),
}

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
_CALL = re.compile(r"\b(arm_\w+)\s*\(")
# At the start of a line of a header or a source: a function's definition.
_DEFINITION = re.compile(r"^(?:[\w*]+[ \t*\n]+)+?(arm_\w+)\s*\([^;{}]*\)\s*\{", re.MULTILINE)
_MACRO = re.compile(r"^\s*#\s*define\s+(arm_\w+)", re.MULTILINE)


@dataclass(frozen=True)
class CmsisNN:
    """A folder with Include and Source of CMSIS-NN."""

    root: Path
    origin: str  # for messages: where it was found
    source: str = "a checkout"  # for what is written: a package, or this

    @cached_property
    def revision(self) -> tuple[int, int, int]:
        """Of the header. Raises PatchcError where it has none."""
        found = _REVISION.search(_read(self.root / "Include" / HEADER))
        if found is None:
            raise PatchcError(
                f"CMSIS-NN in {self.origin}: {HEADER} names no $Revision, so its version is not "
                "known; give a checkout of 4.0.0 or later"
            )
        major, minor, patch = map(int, found.groups())
        return major, minor, patch

    @property
    def version(self) -> str:
        """The release, or the last one before it."""
        known = max(one for one in _RELEASES if one <= self.revision[:2])
        later = "" if known == self.revision[:2] else ", or later"
        return f"{_RELEASES[known]}{later} (header V.{'.'.join(map(str, self.revision))})"

    @cached_property
    def headers(self) -> Mapping[str, Path]:
        """By the name in #include."""
        folder = self.root / "Include"
        return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.h"))}

    @cached_property
    def _defined(self) -> Mapping[str, Path]:
        """Function -> the source that defines it."""
        found: dict[str, Path] = {}
        for path in sorted((self.root / "Source").rglob("*.c")):
            for name in _DEFINITION.findall(_plain(path)):
                found.setdefault(name, path)
        return found

    @cached_property
    def _inline(self) -> frozenset[str]:
        """Functions and macros of the headers."""
        texts = [_plain(path) for path in self.headers.values()]
        return frozenset(n for t in texts for n in (*_DEFINITION.findall(t), *_MACRO.findall(t)))

    def sources(self, functions: Iterable[str]) -> tuple[Path, ...]:
        """The files that define some functions and all that these call, by name.

        Raises PatchcError for a function that is called and nowhere defined.
        """
        found: set[Path] = set()
        todo = {name: "patchc" for name in functions}
        while todo:
            name, caller = todo.popitem()
            path = self._defined.get(name)
            if path is None:
                raise PatchcError(
                    f"CMSIS-NN in {self.origin} is not complete: {caller} calls {name}, and no "
                    "file under Source defines it"
                )
            if path in found:
                continue
            found.add(path)
            for other in _CALL.findall(_plain(path)):
                if other in self._defined or other not in self._inline:
                    todo.setdefault(other, path.name)
        return tuple(sorted(found, key=lambda one: one.name))

    def defined_in(self, sources: Iterable[Path]) -> tuple[str, ...]:
        """The functions that some sources define, by name."""
        found = frozenset(sources)
        return tuple(sorted(name for name, path in self._defined.items() if path in found))

    def included(self, sources: Iterable[Path]) -> tuple[str, ...]:
        """The headers that some sources include, by name: directly or not, under any condition."""
        found: set[str] = set()
        todo = [HEADER, *(name for path in sources for name in _INCLUDE.findall(_read(path)))]
        while todo:
            name = todo.pop()
            if name in found or name not in self.headers:
                continue
            found.add(name)
            beside = Path(name).parent
            for other in _INCLUDE.findall(_read(self.headers[name])):
                todo += [other, (beside / other).as_posix()]
        return tuple(sorted(found))

    @cached_property
    def functions(self) -> frozenset[str]:
        """Those that patchc calls and that are there."""
        return frozenset((*SIGNATURES, *(name for name in OPTIONAL if name in self._defined)))

    @property
    def licence(self) -> Path:
        """Raises PatchcError where there is none."""
        for name in ("LICENSE.txt", "LICENSE"):
            if (self.root / name).is_file():
                return self.root / name
        raise PatchcError(f"CMSIS-NN in {self.origin} has no LICENSE.txt, which goes along")

    @property
    def notices(self) -> tuple[Path, ...]:
        """Further files that say where its files come from."""
        return tuple(sorted((*self.root.glob("*PROVENANCE*"), *self.root.glob("NOTICE*"))))

    def sha256(self, sources: Iterable[Path]) -> str:
        """Of these files and the headers that they include: names and contents."""
        sources = tuple(sources)
        digest = hashlib.sha256()
        headers = {name: self.headers[name] for name in self.included(sources)}
        for name, path in sorted({**headers, **{one.name: one for one in sources}}.items()):
            digest.update(f"{name}\0".encode() + path.read_bytes() + b"\0")
        return digest.hexdigest()


def find(folder: Path | None = None) -> CmsisNN | None:
    """The library in `folder`, else where the environment says, else in the installed package; None
    where there is none. Raises PatchcError for one that cannot be used."""
    if folder is not None:
        return checked(folder, str(folder))
    named = os.environ.get(FOLDER_VARIABLE)
    if named is not None:
        return checked(Path(named), f"{named} ({FOLDER_VARIABLE})") if named else None
    package = find_spec(PACKAGE.split("=")[0])
    places = [] if package is None else (package.submodule_search_locations or [])
    for place in places:
        root = Path(place) / _IN_PACKAGE
        if root.is_dir():
            return checked(root, PACKAGE, PACKAGE)
    return None


def require(folder: Path | None = None) -> CmsisNN:
    """As `find`. Raises PatchcError where there is none."""
    library = find(folder)
    if library is None:
        raise PatchcError(
            "CMSIS-NN is not installed: pip install 'patchc[cmsis-nn]', or give a checkout with "
            f"--cmsis-nn-dir or in {FOLDER_VARIABLE}"
        )
    return library


def checked(root: Path, origin: str, source: str = "a checkout") -> CmsisNN:
    """Raises PatchcError for a folder that holds no CMSIS-NN that patchc knows how to call."""
    header = root / "Include" / HEADER
    if not header.is_file() or not (root / "Source").is_dir():
        raise PatchcError(
            f"{origin} is no CMSIS-NN: it has no Include/{HEADER} and Source; give the folder of a "
            "checkout of 4.0.0 or later"
        )
    library = CmsisNN(root.resolve(), origin, source)
    if library.revision[:2] < _OLDEST:
        raise PatchcError(
            f"CMSIS-NN in {origin} is too old: its header is V."
            f"{'.'.join(map(str, library.revision))}, and 4.0.0 has V.11.2.0; give 4.0.0 or later"
        )
    text = _plain(header)
    for name, wanted in (*SIGNATURES.items(), *OPTIONAL.items()):
        found = _parameters(text, name)
        if found is None and name in OPTIONAL:
            continue
        if found is None:
            raise PatchcError(
                f"CMSIS-NN in {origin} is not complete: {HEADER} does not declare {name}"
            )
        if found != wanted:
            raise PatchcError(
                f"CMSIS-NN in {origin} is not understood: {name} takes ({', '.join(found)}), and "
                f"patchc calls it with ({', '.join(wanted)}); use a release from 4.0.0 to 7.0.0"
            )
    library.sources(library.functions)
    return library


def _parameters(text: str, function: str) -> tuple[str, ...] | None:
    """The types of a declared function's parameters."""
    found = re.search(rf"\b{function}\s*\(([^;{{)]*)\)\s*;", text)
    if found is None:
        return None
    types = []
    for one in found.group(1).split(","):
        words = re.findall(r"\w+|\*", one)
        if words[-1] != "*":
            words = words[:-1]  # the name
        types.append(" ".join(words))
    return tuple(types)


def _plain(path: Path) -> str:
    """Without comments."""
    return _COMMENT.sub(" ", _read(path))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise PatchcError(f"{path}: cannot be read: {error.strerror}") from error
