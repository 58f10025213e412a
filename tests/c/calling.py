"""The emitted network as a shared library, called from here."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np

from tests.tools import require_tool

ERR_NULL, ERR_ALIGN, ERR_CALLBACK = -1, -2, -3

READ = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    *[ctypes.c_int32] * 4,
    ctypes.POINTER(ctypes.c_int8),
)


class Reader(ctypes.Structure):
    _fields_ = (("read", READ), ("ctx", ctypes.c_void_p))


def library(out: Path) -> ctypes.CDLL:
    """The network as a shared library."""
    sources = sorted(str(path) for path in out.glob("src/*.c"))
    target = out / "net.so"
    command = [
        require_tool("gcc"),
        "-std=c99",
        "-O1",
        "-shared",
        "-fPIC",
        f"-I{out}/include",
        "-o",
        target,
        *sources,
    ]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(target))


def macro(out: Path, name: str) -> int:
    """The value of NET_<name> in the header."""
    for line in (out / "include/net.h").read_text().splitlines():
        words = line.split()
        if words[:2] == ["#define", f"NET_{name}"]:
            return int(words[2].strip("()u"))
    raise AssertionError(f"no macro NET_{name}")


def arena(out: Path, shift: int = 0) -> tuple[ctypes.Array, int]:
    """Memory, and an address in it that is aligned to 64 but for `shift`."""
    memory = ctypes.create_string_buffer(macro(out, "ARENA_BYTES") + 64 + shift)
    return memory, -(-ctypes.addressof(memory) // 64) * 64 + shift


def serve(values: np.ndarray) -> Reader:
    """The image as a callback."""

    def read(_ctx, row, col, rows, cols, dst):
        part = np.ascontiguousarray(values[row : row + rows, col : col + cols])
        ctypes.memmove(dst, part.ctypes.data, part.nbytes)
        return 0

    return Reader(READ(read), None)


WRITE = READ  # `src` for `dst`


class Writer(ctypes.Structure):
    _fields_ = (("write", WRITE), ("ctx", ctypes.c_void_p))
