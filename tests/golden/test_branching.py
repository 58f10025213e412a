"""Networks that branch, layer by layer and in half of the RAM of that: onnxruntime's integer
kernels, numpy, the schedule over shadow memory and the C give the same bytes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import patchc
from patchc.frontend import import_model
from patchc.passes import run_passes
from patchc.pipeline import random_maps
from patchc.plan.types import InputMode
from patchc.planner.choose import choose, layer_by_layer
from patchc.reference import run_graph
from tests.branching import NETWORKS, quantized


@pytest.fixture(scope="module", params=NETWORKS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quantized(request.param, tmp_path_factory.mktemp("quantized"))


def test_layer_by_layer_every_byte_is_onnxruntimes(model: Path, tmp_path: Path):
    result = patchc.compile(model, tmp_path / "out", prefer="layers")
    assert result.report.ram.arena_bytes == result.report.ram.layerwise_bytes
    found = patchc.verify(tmp_path / "out", cases=1)
    assert found.passed, found.failures


def test_so_it_is_in_half_of_that_ram(model: Path, tmp_path: Path):
    half = patchc.inspect(model).layerwise_bytes // 2
    result = patchc.compile(model, tmp_path / "out", budget=half)
    assert result.report.ram.total_bytes <= half == result.report.ram.layerwise_bytes // 2
    found = patchc.verify(tmp_path / "out", cases=1, sanitize=True)
    assert found.passed, found.failures


def test_outputs_differ_from_place_to_place(model: Path):
    """Or their equality would say little."""
    graph = run_passes(import_model(model).graph)
    images = {name: values[0] for name, values in random_maps(graph, 1, seed=0).items()}
    values = run_graph(graph, images)
    assert all(len(np.unique(values[name])) > 1 for name in graph.outputs)
    assert sum(len(np.unique(values[name])) for name in graph.outputs) > 5


def test_two_processes_with_different_hash_seeds_make_the_same_schedule(tmp_path: Path):
    path = quantized("siamese", tmp_path)
    program = f"from tests.golden.test_branching import schedule; print(schedule({str(path)!r}))"
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(found) == 1


def schedule(model: str) -> str:
    """Digest of the order of all buffers, which placement depends on, and of their offsets."""
    graph = run_passes(import_model(Path(model)).graph)
    found = choose(graph, InputMode.TILES, layer_by_layer(graph, InputMode.TILES).arena_bytes // 2)
    text = f"{list(found.schedule.buffers)} {found.placement.offsets}"
    return hashlib.sha256(text.encode()).hexdigest()
