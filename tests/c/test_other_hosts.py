"""The emitted C on hosts of other kinds: with pointers of 32 bits, and with the high byte first."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from patchc.programs.host import Flavour, build
from tests.c.emitted import GOLDEN, expected, images, write
from tests.tools import not_installed, require_tool

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-O2")
PROBE = """
#include <stdint.h>
#include <stdio.h>
int main(void) {
    const uint16_t one = 1;
    printf("%d %d\\n", (int)(8 * sizeof(void *)), (int)*(const uint8_t *)&one);
    return 0;
}
"""


@dataclass(frozen=True)
class Host:
    """A compiler, and what runs its programs here."""

    compiler: str
    flags: tuple[str, ...]
    emulator: tuple[str, ...]
    says: str  # what PROBE prints there: bits of a pointer, the first byte of the number 1

    def flavour(self) -> Flavour:
        return Flavour("other", (*STRICT, *self.flags), cc=self.compiler)


HOSTS = {
    "32 bits": Host("gcc", ("-m32",), (), "32 1"),
    "big-endian": Host("powerpc-linux-gnu-gcc", ("-static",), ("qemu-ppc",), "32 0"),
}


@cache
def program_of_host(host: Host, folder: Path) -> str:
    """What PROBE prints there; skips the test where the host's tools or its C library lack."""
    for name in (host.compiler, *host.emulator):
        require_tool(name)
    (folder / "probe.c").write_text(PROBE, encoding="utf-8")
    command = [host.compiler, *host.flags, "-o", "probe", "probe.c"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if built.returncode:
        not_installed(f"the C library of {' '.join((host.compiler, *host.flags))}")
    ran = [*host.emulator, str(folder / "probe")]
    return subprocess.run(ran, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(params=HOSTS)
def host(request, tmp_path_factory) -> Host:
    found = HOSTS[request.param]
    assert program_of_host(found, tmp_path_factory.getbasetemp()) == found.says
    return found


@pytest.mark.parametrize("name", GOLDEN)
def test_every_byte_is_the_reference_s(name: str, host: Host, tmp_path: Path) -> None:
    case = GOLDEN[name]
    schedule = case.schedule()
    write(schedule, tmp_path, case.weights)
    made = build(tmp_path, host.flavour())
    inputs = images(schedule.graph)
    found = replace(made, emulator=host.emulator).run(inputs)
    wanted = expected(schedule.graph, inputs)
    assert list(found) == list(schedule.graph.outputs)
    for output in schedule.graph.outputs:
        np.testing.assert_array_equal(found[output], wanted[output], err_msg=output)
