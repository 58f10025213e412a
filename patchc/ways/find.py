"""Changes that may lower the least RAM of a network, and what each of them comes to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from patchc.choices import InputMode, OutputMode
from patchc.errors import PatchcError, Way
from patchc.frontend import import_model
from patchc.frontend.model import ImportedModel
from patchc.independent.patches import Grid
from patchc.independent.rewrite import TunnelOptions, rewrite
from patchc.ir import Graph
from patchc.passes import run_passes
from patchc.pipeline import Progress
from patchc.plan.types import handed_over
from patchc.planner.choose import leanest
from patchc.planner.machine import Machine
from patchc.report.words import several, shorten
from patchc.targets.reserve import Reserve
from patchc.ways.narrow import narrowed
from patchc.ways.resized import image_of, resized, smaller_sizes

SECONDS = 20.0  # for all of them; what would take longer is left out
SHARES = ((3, 4), (1, 2))  # of a layer's channels
GROUP = 4  # channels are a multiple of this, where they are many
LAYERS = 2  # that are made narrower
# Each can do what those before it can, and more.
LEANER_INPUTS = {
    InputMode.RESIDENT: (InputMode.TILES, InputMode.EXTERN),
    InputMode.STREAM: (InputMode.TILES, InputMode.EXTERN),
    InputMode.TILES: (InputMode.EXTERN,),
    InputMode.EXTERN: (),
}
GRID = Grid(2, 2)  # of independent tunnels
_NAME = 20  # letters


@dataclass(frozen=True)
class Asked:
    """A network, and what it was to be planned for."""

    imported: ImportedModel
    graph: Graph  # after all passes
    input_mode: InputMode
    output_mode: OutputMode
    budget_bytes: int
    reserve: Reserve
    machine: Machine
    cut: tuple[str, ...] = ()  # nodes that are left to the host
    budget_words: str = ""  # what the budget stands for, where it is a part's


@dataclass(frozen=True)
class _Trial:
    """One change. Of those of a kind the first that fits ends the search."""

    kind: str
    words: str  # while it is tried
    try_: Callable[[], Way | None]


def find_ways(asked: Asked, least_bytes: int, tensors: Sequence[str], progress: Progress) -> Ways:
    """The ways below `least_bytes`, the least total of the network as it is; `tensors` are alive
    where it needs most, the largest first, those that are made again with names of their own.
    Takes SECONDS, and one trial, at most."""
    found: list[tuple[str, Way]] = []
    done: set[str] = set()
    begun, longest, left_out = time.monotonic(), 0.0, 0
    for trial in _trials(asked, tensors):
        if trial.kind in done:
            continue
        if (start := time.monotonic()) - begun + longest > SECONDS:
            left_out += 1
            continue
        progress(f"looking for ways down: {trial.words}")
        try:
            way = trial.try_()
        except PatchcError:  # no network of that kind
            way = None
        longest = max(longest, time.monotonic() - start)
        if way is not None and way.least_bytes < least_bytes:
            found.append((trial.kind, way))
            if way.fits:
                done.add(trial.kind)
    kinds = list(dict.fromkeys(kind for kind, _ in found))
    ways = [way for kind in kinds for other, way in found if other == kind]
    return Ways(_told(ways), left_out)


@dataclass(frozen=True, slots=True)
class Ways:
    """What was found."""

    found: tuple[Way, ...]
    left_out: int  # trials, for want of time


def _told(ways: Sequence[Way]) -> tuple[Way, ...]:
    """Of images the largest and the last, which fits or is the smallest; all others."""
    images = [way for way in ways if way.image is not None]
    between = images[1:-1]
    return tuple(way for way in ways if way not in between)


def _trials(asked: Asked, tensors: Sequence[str]) -> Iterator[_Trial]:
    """What changes nothing of the network first, then one of each kind in turn."""
    yield from _modes(asked)
    tunnels = _Trial("tunnels", "independent tunnels", lambda: _tunnels(asked))
    kinds = (_images(asked), _widths(asked, tensors), [tunnels])
    for trials in zip_longest(*kinds):
        yield from (trial for trial in trials if trial is not None)


def _modes(asked: Asked) -> Iterator[_Trial]:
    """Where the image is, where outputs go, and both."""
    inputs, outputs = LEANER_INPUTS[asked.input_mode], asked.output_mode
    for mode in inputs:
        yield _mode(asked, mode, outputs, f"input {mode.value}")
    if outputs is not OutputMode.ROWS and handed_over(asked.graph, OutputMode.ROWS):
        for mode in (asked.input_mode, *inputs[-1:]):
            yield _mode(asked, mode, OutputMode.ROWS, "outputs")


def _mode(asked: Asked, mode: InputMode, outputs: OutputMode, kind: str) -> _Trial:
    options: tuple[str, ...] = ()
    if mode is not asked.input_mode:
        options += ("--input", mode.value)
    if outputs is not asked.output_mode:
        options += ("--outputs", outputs.value)
    words = " ".join(options)

    def tried() -> Way:
        return _way(asked, replace(asked, input_mode=mode, output_mode=outputs), words, options)

    return _Trial(kind, words, tried)


def _way(asked: Asked, changed: Asked, words: str, options: tuple[str, ...] = ()) -> Way:
    """What a change comes to."""
    least = least_total(changed)
    return Way(words, least, least <= asked.budget_bytes, options)


def least_total(asked: Asked) -> int:
    """Bytes of arena and reserve, at the least that the quick search reaches."""
    modes = asked.input_mode, asked.output_mode
    return leanest(asked.graph, modes[0], asked.reserve, modes[1], asked.machine).total_bytes


def _images(asked: Asked) -> Iterator[_Trial]:
    """Smaller and smaller ones."""
    size = image_of(asked.imported)
    for one in smaller_sizes(size) if size is not None else ():
        words = f"an image of {one[0]} x {one[1]}"

        def tried(one: tuple[int, int] = one, words: str = words) -> Way:
            made = resized(asked.imported, one, asked.cut)
            return replace(_way(asked, _with(asked, made), words), image=one)

        yield _Trial("image", words, tried)


def _with(asked: Asked, imported: ImportedModel) -> Asked:
    """Of another network the same."""
    return replace(asked, imported=imported, graph=run_passes(imported.graph))


def _widths(asked: Asked, tensors: Sequence[str]) -> Iterator[_Trial]:
    """What is largest where most RAM is needed, with fewer channels."""
    graph, given = asked.graph, 0
    for tensor in tensors:
        if tensor not in graph.tensors:  # made again, of one that is looked at as well
            continue
        if narrowed(graph, tensor, graph.tensors[tensor].shape[2] - 1) is None:
            continue
        for part, whole in SHARES:
            yield _width(asked, tensor, part, whole)
        given += 1
        if given == LAYERS:
            return


def _width(asked: Asked, tensor: str, part: int, whole: int) -> _Trial:
    channels = asked.graph.tensors[tensor].shape[2]
    fewer = channels * part // whole
    fewer = fewer // GROUP * GROUP or fewer

    def tried() -> Way | None:
        made = narrowed(asked.graph, tensor, fewer) if 0 < fewer < channels else None
        if made is None:
            return None
        first = made.layers[0]
        more = len(made.layers) - 1
        tied = f" and {several(more, 'tied layer')}" if more else ""
        out = made.graph.node(first).output
        counts = made.graph.tensors[out].shape[2], asked.graph.tensors[out].shape[2]
        words = f"{shorten(first, _NAME)}{tied}: {counts[0]} of {counts[1]} channels"
        way = _way(asked, replace(asked, graph=made.graph), words)
        return replace(way, layers=made.layers, channels=counts)

    return _Trial(f"width {tensor}", f"{fewer} of {channels} channels", tried)


def _tunnels(asked: Asked) -> Way:
    """The image in patches that ignore each other. Raises PatchcError where there is no such."""
    made = rewrite(asked.imported.onnx_model, TunnelOptions(GRID))
    changed = _with(asked, import_model(made.model, None, asked.cut))
    way = _way(asked, changed, f"patchc tunnel --grid {GRID}, and training")
    return replace(way, grid=str(GRID))
