"""`patchc.fits`: one question about one model; `patchc.fits_all`: the same of many, side by side.

    from patchc import fits, fits_all

    found = fits("net.onnx", budget="64k")       # a float file will do
    print(found.fits, found.total_bytes, found.more)

`fits` keeps no state and its arguments and result can be pickled, so whatever runs functions in
many processes (concurrent.futures, Dask, Ray) can run it as it is.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from patchc.arguments import PathLike, Shapes, place_of, reserve_for
from patchc.choices import InputMode, OutputMode, member
from patchc.errors import PatchcError
from patchc.exploring import check_clock, planned_model
from patchc.ir import Conv, ConvSums, macs
from patchc.kernel_options import KernelOptions, kernel_choice
from patchc.planner.choose import choose, layer_by_layer
from patchc.preference import DEFAULT, wanted
from patchc.report.fit import Fit
from patchc.report.words import milliseconds
from patchc.targets.cores import DEFAULT_CORE, core

_ANY_KERNELS = KernelOptions()
_DIED = "its process ended by itself, perhaps for want of memory"


def fits(
    model: PathLike,
    *,
    budget: str | int | None = None,
    target: str = DEFAULT_CORE,
    input_mode: str = InputMode.TILES.value,
    output_mode: str = OutputMode.ARENA.value,
    reserve: str | int | None = None,
    kernels: KernelOptions = _ANY_KERNELS,
    clock_mhz: float | None = None,
    input_shapes: Shapes | None = None,
) -> Fit:
    """Does a network, quantised or float, run within `budget` bytes of RAM, and what does it cost?

    budget: as for `compile`; None: the RAM of a part, of a core the least that there is. Of what
    fits, the plan that `compile` would choose; where nothing does, the plan of least RAM. Tensors
    made twice are not tried, as that takes longer: `compile` may need less. Options are those of
    `explore`.

    What is wrong with the model is in the result (`refused`). Raises PatchcError for what is wrong
    with the options.
    """
    path, mode = Path(model), member(InputMode, input_mode, "--input")
    place = place_of(target, budget)
    target, budget = place.core, place.budget
    outputs = member(OutputMode, output_mode, "--outputs")
    kept, machine = reserve_for(target, reserve), kernel_choice(kernels).machine(core(target))
    limit = None if budget is None else wanted(budget, None).budget
    check_clock(clock_mhz, target)
    clock_mhz = place.clock_mhz(clock_mhz)
    begun = time.monotonic()
    try:
        graph = planned_model(path, input_shapes).graph
        whole = layer_by_layer(graph, mode, kept, outputs, machine)
        slack = 0.0 if limit is None else DEFAULT.slack or 0.0
        found = choose(graph, mode, limit or 0, kept, outputs, machine, slack)
    except PatchcError as error:
        return Fit.of_refused(path.name, str(error), time.monotonic() - begun)
    layers = [node.op for node in graph.nodes if isinstance(node.op, Conv | ConvSums)]
    return Fit(
        model=path.name,
        refused=None,
        macs=sum(macs(graph, node) for node in graph.nodes),
        weights=sum(int(layer.weights.size) for layer in layers),
        layerwise_bytes=whole.total_bytes,
        total_bytes=found.total_bytes,
        cost=found.cost,
        more=found.cost / whole.cost - 1 if whole.cost else 0.0,
        milliseconds=None if clock_mhz is None else milliseconds(found.cost, clock_mhz),
        fits=None if limit is None else found.total_bytes <= limit,
        seconds=time.monotonic() - begun,
    )


def fits_all(
    models: Sequence[PathLike],
    *,
    jobs: int | None = None,
    progress: Callable[[int, Fit], None] = lambda index, fit: None,
    **options: object,
) -> tuple[Fit, ...]:
    """`fits` of every model, in their order, in `jobs` processes (by default one per core).

    progress: called with the index of a model and its Fit as soon as there is one. options: those
    of `fits`. Whatever goes wrong with one model, even the end of its process, is in its Fit.
    Raises PatchcError for what is wrong with the options.
    """
    if jobs is not None and jobs < 1:
        raise PatchcError(f"--jobs {jobs}: at least 1")
    workers = min(jobs or _cores(), max(len(models), 1))
    found: dict[int, Fit] = {}
    lost = []
    for index, fit in _in_processes(models, range(len(models)), workers, options):
        if fit is None:
            lost.append(index)
            continue
        found[index] = fit
        progress(index, fit)
    for index in lost:  # one of them ended the others' pool: each has one of its own
        ((_, fit),) = _in_processes(models, [index], 1, options)
        found[index] = fit or Fit.of_refused(Path(models[index]).name, _DIED, 0.0)
        progress(index, found[index])
    return tuple(found[index] for index in range(len(models)))


def _in_processes(
    models: Sequence[PathLike],
    indices: Sequence[int],
    workers: int,
    options: dict[str, object],
) -> Iterator[tuple[int, Fit | None]]:
    """As they end; None for those whose pool broke."""
    context = multiprocessing.get_context("spawn")  # onnxruntime has threads, which no fork copies
    with ProcessPoolExecutor(workers, context) as pool:
        tasks: dict[Future[Fit], int] = {
            pool.submit(fits, models[index], **options): index  # type: ignore[arg-type]
            for index in indices
        }
        try:
            for task in as_completed(tasks):
                try:
                    yield tasks[task], task.result()
                except BrokenProcessPool:
                    yield tasks[task], None
        except BaseException:  # of the options, or the user ends it: what waits need not run
            for process in (pool._processes or {}).values():
                process.terminate()
            pool.shutdown(cancel_futures=True)
            raise


def _cores() -> int:
    """That this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
