"""Emitted C == the reference, byte for byte: networks x input modes x compilers and flags."""

from __future__ import annotations

import pytest

from patchc.codegen import WeightsMode
from patchc.plan.types import InputMode
from patchc.programs.host import Flavour
from tests.c.emitted import GOLDEN, bottlenecks, check_equal, layerwise, two_in_two_out, write
from tests.schedules import two_convolutions
from tests.tools import require_tool

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-pedantic", "-Wvla")


@pytest.mark.parametrize("name", GOLDEN)
def test_each_network_under_the_sanitizers(name, tmp_path):
    """Also proves that no view is read or written outside the arena, which has no slack."""
    schedule = GOLDEN[name].schedule()
    write(schedule, tmp_path, GOLDEN[name].weights)
    check_equal(tmp_path, schedule.graph, "sanitize")


@pytest.mark.parametrize("mode", InputMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize(
    ("graph", "weights"),
    [(bottlenecks, WeightsMode.INLINE), (two_in_two_out, WeightsMode.EXTERN)],
)
def test_every_input_mode(graph, weights, mode, tmp_path):
    schedule = layerwise(graph(), mode)
    write(schedule, tmp_path, weights)
    check_equal(tmp_path, schedule.graph, "release")


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [
        ("gcc", "-O0"),
        ("gcc", "-O3"),
        ("gcc", "-Os"),
        ("gcc", "-O2 -ffast-math -march=native"),
        ("clang", "-O0"),
        ("clang", "-O3"),
        ("clang", "-O2 -ffast-math"),
    ],
)
def test_no_flag_changes_a_byte(compiler, flags, tmp_path):
    """And no warning either."""
    require_tool(compiler)
    schedule = layerwise(bottlenecks(), InputMode.TILES)
    write(schedule, tmp_path)
    check_equal(tmp_path, schedule.graph, Flavour("flags", (*STRICT, *flags.split()), compiler))


@pytest.mark.parametrize("stripes", [1, 2])
def test_rings_ticks_and_stripes(stripes, tmp_path):
    """A schedule by hand: rings, stripes with halos, two rows a tick."""
    schedule = two_convolutions(stripes=stripes)
    write(schedule, tmp_path)
    check_equal(tmp_path, schedule.graph, "release")


def test_runs_do_not_depend_on_each_other(tmp_path):
    """Twenty on one piece of memory, the arena here and there, buffers given or not."""
    schedule = layerwise(bottlenecks(), InputMode.RESIDENT)
    write(schedule, tmp_path)
    check_equal(tmp_path, schedule.graph, "release", cases=20)
