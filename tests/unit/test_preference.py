"""--prefer and --budget least: which of the plans that fit is taken."""

from __future__ import annotations

import math

import pytest

import patchc
from patchc.errors import PatchcError
from patchc.plan.types import InputMode
from patchc.planner.choose import choose, explore, layer_by_layer
from patchc.planner.machine import machine_of
from patchc.planner.search import NO_LIMIT
from patchc.preference import DEFAULT, LAYERS, RAM, SPEED, parse_preference, wanted
from patchc.targets.cores import core
from patchc.targets.reserve import Reserve
from tests.graphs import NetworkBuilder
from tests.unit.test_cli import quantized_cnn


@pytest.fixture(scope="module")
def machine():
    return machine_of(core("cortex-m4"))


@pytest.fixture(scope="module")
def graph():
    net = NetworkBuilder(3)
    x = net.conv(net.input(24, 24, 3), 8, 3, 2)
    for channels, stride in ((8, 1), (16, 2), (16, 1), (24, 2)):
        x = net.bottleneck(x, channels, 4, 3, stride)
    return net.build(net.dense(net.mean(x), 10))


@pytest.mark.parametrize(
    ("text", "slack"),
    [("speed", 0), ("ram", math.inf), ("1%", 0.01), ("2.5 %", 0.025), ("0", 0), (" 10 ", 0.1)],
)
def test_preferences_as_people_write_them(text, slack):
    assert parse_preference(text).slack == pytest.approx(slack)


def test_by_default_one_percent():
    assert parse_preference(None) is DEFAULT
    assert DEFAULT.slack == 0.01
    assert parse_preference("layers") is LAYERS


@pytest.mark.parametrize("text", ["", "fast", "-1%", "1%%", "nan", "1e3"])
def test_other_words_are_refused(text):
    with pytest.raises(PatchcError, match="write ram, speed, layers, or how many percent"):
        parse_preference(text)


def test_budgets():
    assert wanted(None, None).limit == NO_LIMIT
    assert wanted("64k", "speed").limit == wanted("64k", "speed").budget == 65536
    assert wanted("64k", "layers").limit is None
    assert wanted(" least ", None).preference is RAM
    assert wanted("least", "ram").budget is None
    with pytest.raises(PatchcError, match="--budget least takes the plan of least RAM"):
        wanted("least", "speed")
    assert wanted(1000, None).slack == DEFAULT.slack
    assert wanted(1000, "speed").preference is SPEED


@pytest.mark.slow
@pytest.mark.parametrize("slack", [0.0, 0.005, 0.01, 0.05, 0.3, math.inf])
@pytest.mark.parametrize("share", [0.5, 0.8, 1.2, None])
def test_the_least_ram_within_the_slack(graph, machine, slack, share):
    """Against all plans of the frontier."""
    points = explore(graph, InputMode.TILES, machine=machine)
    whole = layer_by_layer(graph, InputMode.TILES, machine=machine)
    limit = NO_LIMIT if share is None else round(share * whole.total_bytes)
    found = choose(graph, InputMode.TILES, limit, machine=machine, slack=slack)
    fitting = [point for point in (*points, whole) if point.total_bytes <= limit]
    least = min(point.cost for point in fitting)
    within = [point for point in fitting if point.cost <= least * (1 + slack)]
    assert found.total_bytes == min(point.total_bytes for point in within) or not slack
    assert found.cost <= least * (1 + slack)
    assert found.cost_bound <= least


def test_layer_by_layer_where_faster_plans_take_as_much_arena_and_more_stack(machine):
    net = NetworkBuilder(3)
    x = net.conv(net.conv(net.input(12, 12, 3), 64, 3, 1), 64, 3, 1)
    graph = net.build(net.dense(net.mean(net.conv(x, 64, 1, 1)), 10))
    much = 40_000  # of stack for tunnels
    reserve = Reserve(0, much, much, much, much)
    whole = layer_by_layer(graph, InputMode.TILES, reserve, machine=machine)
    fastest = choose(graph, InputMode.TILES, NO_LIMIT, reserve, machine=machine)
    assert fastest.cost < whole.cost <= 1.01 * fastest.cost
    found = choose(graph, InputMode.TILES, NO_LIMIT, reserve, machine=machine, slack=0.01)
    assert found.plan == whole.plan


@pytest.mark.slow
def test_compile_takes_less_ram_by_default(tmp_path):
    model = quantized_cnn(tmp_path / "tiny.onnx")
    totals = {
        prefer: patchc.compile(model, tmp_path / "out", prefer=prefer).report.ram.total_bytes
        for prefer in ("layers", "speed", None, "50%", "ram")
    }
    assert totals["speed"] >= totals[None] >= totals["50%"] >= totals["ram"]
    assert totals["ram"] < totals["layers"]
    least = patchc.compile(model, tmp_path / "least", budget="least")
    assert least.report.ram.total_bytes == totals["ram"]
    assert "--budget least" in (tmp_path / "least" / "src/tiny.c").read_text()
    with pytest.raises(PatchcError, match=f"least is {totals['ram']} B"):
        patchc.compile(model, tmp_path / "no", budget=totals["ram"] - 1)
