"""A command of patchc in a process of its own, with limits of time and memory.

The process is a fork of this one, in which patchc is loaded already: a try takes milliseconds.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

CRASHED = 99  # exit status of an exception that nothing has caught


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one try."""

    seconds: int = 30
    bytes: int = 2 << 30  # of address space


@dataclass(frozen=True, slots=True)
class Tried:
    """How a try ended."""

    status: int  # exit status; -N: killed by signal N
    seconds: float
    resident: int  # bytes, the most at a time
    out: str
    err: str
    timed_out: bool


def tried(call: Callable[[], object], folder: Path, limits: Limits) -> Tried:
    """What `call` does in a process of its own, which stands in `folder`."""
    begun = time.monotonic()
    sys.stdout.flush()
    sys.stderr.flush()
    texts = [folder / "stdout.txt", folder / "stderr.txt"]
    process = os.fork()
    if not process:
        _child(call, folder, texts, limits)
    timed_out = False
    while True:
        ended, status, usage = os.wait4(process, os.WNOHANG)
        if ended:
            break
        if time.monotonic() - begun > 4 * limits.seconds:  # a machine that others use, too
            timed_out = True
            _kill(process)
        time.sleep(0.005)
    code = os.waitstatus_to_exitcode(status)
    timed_out |= code in (-signal.SIGXCPU, -signal.SIGKILL)
    _kill(process)  # what it may have started: a compiler
    out, err = (path.read_text(errors="replace") for path in texts)
    for path in texts:
        path.unlink()
    seconds = usage.ru_utime + usage.ru_stime
    return Tried(code, seconds, usage.ru_maxrss << 10, out, err, timed_out)


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _child(call: Callable[[], object], folder: Path, texts: Sequence[Path], limits: Limits) -> None:
    code = CRASHED
    try:
        os.setsid()
        os.chdir(folder)
        for number, path in enumerate(texts, start=1):
            os.dup2(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644), number)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
        resource.setrlimit(resource.RLIMIT_AS, (limits.bytes, limits.bytes))
        resource.setrlimit(resource.RLIMIT_CPU, (limits.seconds, limits.seconds + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            call()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
