"""Buffers, and the program run over memory whose bytes are labelled with what they hold.

No address and no loop of the program depends on data, so one run shows it for every input: each
access lies in its buffer, each byte that is read holds the element of the operand that the
operator's formula asks for, and each element of the outputs is there in the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np

from patchc.certificate.claims import Json, NotProvedError, require
from patchc.ir import (
    RESIZES,
    Binary,
    Enlargement,
    GlobalAveragePool,
    Graph,
    MatMul,
    Op,
    Permute,
)
from patchc.kernels.registry import KERNELS

SUM_BYTES = 4
ALIGNED = 4  # bytes: where sums and scratch memory begin
PRIVATE = ("ring", "scratch", "accumulator")  # hold nothing when their first block begins

Span = tuple[int, int]
Array = np.ndarray


def check_buffers(found: Json) -> None:
    buffers = [b for b in found["buffers"] if b["kind"] != "extern"]
    for one in buffers:
        low, name = one["offset"], one["name"]
        require(low >= 0 and low + one["bytes"] <= found["arena_bytes"], f"{name} leaves the arena")
        require(
            one["align"] in (1, 2, 4, 8, 16) and low % one["align"] == 0, f"{name} is misaligned"
        )
    top = max((b["offset"] + b["bytes"] for b in buffers), default=0)
    require(top == found["arena_bytes"], f"the buffers end at {top}, not at the arena's end")
    allowed = {(o["block"], *sorted((o["target"], o["source"]))) for o in found["overlaps"]}
    for one, two in combinations(buffers, 2):
        if one["offset"] + one["bytes"] <= two["offset"] or (
            two["offset"] + two["bytes"] <= one["offset"]
        ):
            continue
        for block in range(max(one["first"], two["first"]), min(one["last"], two["last"]) + 1):
            pair = (block, *sorted((one["name"], two["name"])))
            require(pair in allowed, f"{pair[1]} and {pair[2]} share bytes in block {block}")


def taps(op: Op, axis: int, output: int, size: int, operand: int = 0) -> list[int]:
    """The rows (axis 0) or columns (1) of an operand of `size` behind one of the output."""
    matrices = isinstance(op, MatMul) and operand == 1
    if isinstance(op, GlobalAveragePool | Permute) or (matrices and axis == 1):
        return list(range(size))
    window = getattr(op, "window", None)
    if window is not None:
        pad = (window.pads.top, window.pads.left)[axis]
        first, step = output * window.stride[axis] - pad, window.dilation[axis]
        positions = range(first, first + window.kernel[axis] * step, step)
        return [position for position in positions if 0 <= position < size]
    if isinstance(op, Enlargement):
        return [output // op.factor[axis]]
    if isinstance(op, RESIZES):
        between = op.between[axis]
        return [int(between.first[output]), int(between.second[output])]
    return [0] if (isinstance(op, Binary) or matrices) and size == 1 else [output]


@lru_cache(maxsize=1 << 16)
def reached(op: Op, axis: int, outputs: Span, size: int, operand: int = 0) -> tuple[Array, Array]:
    """The positions that these outputs read, ascending, and the last output that reads each,
    counted from the first of them."""
    last: dict[int, int] = {}
    for output in range(*outputs):
        for position in taps(op, axis, output, size, operand):
            last[position] = output - outputs[0]
    return np.array(sorted(last), int), np.array([last[p] for p in sorted(last)], int)


def hull(positions: Array, also: Span | None = None) -> Span:
    spans = [(int(positions[0]), int(positions[-1]) + 1)] if len(positions) else []
    spans += [also] if also is not None and also[0] < also[1] else []
    return (min(s[0] for s in spans), max(s[1] for s in spans)) if spans else (0, 0)


def calls_of(step: Json) -> list[Json]:
    return [*step["calls"], *step["finish"]]


def clock(numbers: Sequence[int], tick: int) -> int:
    """Rows that are finished after a tick."""
    mul, num, offset, den, add, limit = numbers
    return 0 if tick < 0 else min(max(mul * ((num * tick + offset) // den) + add, 0), limit)


def origin(slide: Json, slots: int, tick: int) -> int:
    """The row in the first slot of a ring that slides."""
    behind = max(clock(slide["clock"], tick) - slots, 0)
    moved = -(-behind // slide["every"]) * slide["every"]
    return slide["clock"][-1] - slots - moved if slide["reverse"] else moved


class Memory:
    """Bytes labelled with what they hold: 0 nothing, n > 0 an element of a tensor, n < 0 a byte of
    a sum since it was last set to zero."""

    def __init__(self, found: Json, graph: Graph) -> None:
        self.graph = graph
        self.buffers = {b["name"]: dict(b) for b in found["buffers"]}
        self.storages = {s["tensor"]: s for s in found["storages"]}
        self.sums = {s["tensor"]: s for s in found["sums"]}
        size = found["arena_bytes"]
        for buffer in self.buffers.values():
            if buffer["kind"] == "extern":
                buffer["offset"], size = size, size + buffer["bytes"]
            buffer["touched"] = set()
        self.labels = np.zeros(size, np.int64)
        self.number = {}
        count = 1
        for name, tensor in graph.tensors.items():
            self.number[name], count = count, count + tensor.bytes
        self.zeroed = dict.fromkeys(self.sums, 0)  # the first label of a tensor's sums
        self.used = 0

    def inside(self, buffer: str, first: int, stop: int, block: int, what: str) -> int:
        """The buffer's place, with what is touched noted."""
        found = self.buffers[buffer]
        require(
            0 <= first <= stop <= found["bytes"], f"{what}: bytes {first} .. {stop} of {buffer}"
        )
        require(found["first"] <= block <= found["last"], f"{what}: {buffer} in block {block}")
        found["touched"].add(block)
        return int(found["offset"])

    def place(
        self, name: str, rows: Array, cols: Array, channels: Span, at: tuple[int, int, int]
    ) -> Array:
        """Addresses (rows, columns, channels) of elements; `at`: block, stripe, tick."""
        block, stripe, tick = at
        held = self.storages[name]
        spans, slots, tile = held["cols"], held["slots"], held["tile"]
        start, stop = spans[stripe] if len(spans) > 1 else spans[0]
        if not len(rows) or not len(cols):
            return np.zeros((0, 0, 0), int)
        require(start <= cols[0] and cols[-1] < stop, f"columns of {name} that are not held")
        col = (cols[0] - start) % tile + cols - cols[0]
        require(col[-1] < tile, f"columns of {name} that do not lie side by side")
        depth = held["depth"]
        channel = channels[0] % depth + np.arange(channels[1] - channels[0])
        require(channel[-1] < depth, f"channels of {name} that do not lie side by side")
        first = 0 if held["slide"] is None else origin(held["slide"], slots, tick)
        slot = rows - first if held["slide"] is not None else rows % slots
        require(rows[-1] - rows[0] < slots, f"more rows of {name} than there are slots")
        require(slot.min() >= 0 and slot.max() < slots, f"rows of {name} that have moved away")
        require(tile * depth <= held["pitch"], f"rows of {name} that lie over each other")
        within = held["offset"] + slot[:, None, None] * held["pitch"] + channel
        within = within + col[:, None] * depth
        last = int(within.max()) + 1
        found: Array = within + self.inside(held["buffer"], int(within.min()), last, block, name)
        return found

    def names(self, name: str, rows: Array, cols: Array, channels: Span) -> Array:
        """The labels of elements."""
        _, width, depth = self.graph.tensors[name].shape
        pixels = (rows[:, None] * width + cols)[:, :, None] * depth
        found: Array = self.number[name] + pixels + np.arange(*channels)
        return found

    def read(self, name: str, rows: Array, cols: Array, channels: Span, at: Any) -> Array:
        places = self.place(name, rows, cols, channels, at)
        if places.size:
            same = self.labels[places] == self.names(name, rows, cols, channels)
            if not same.all():
                row, col, channel = np.argwhere(~same)[0]
                element = f"row {rows[row]}, column {cols[col]}, channel {channels[0] + channel}"
                raise NotProvedError(
                    f"block {at[0]}, tick {at[2]}: {element} of {name} is not there"
                )
        return places

    def write(self, name: str, rows: Array, cols: Array, channels: Span, at: Any) -> Array:
        places = self.place(name, rows, cols, channels, at)
        if places.size:
            self.labels[places] = self.names(name, rows, cols, channels)
        return places

    def sum_bytes(self, name: str, rows: int, cols: int, block: int) -> tuple[Array, Array]:
        """Addresses and labels of the sums of a piece."""
        held = self.sums[name]
        channels = self.graph.tensors[name].shape[2]
        room = rows <= held["rows"] and cols <= held["cols"] and channels == held["channels"]
        require(room, f"no room for {rows} x {cols} x {channels} sums of {name}")
        pitch = held["cols"] * channels * SUM_BYTES
        places = np.arange(rows)[:, None] * pitch + np.arange(cols * channels * SUM_BYTES)
        places = places + held["offset"]
        low, stop = int(places.min()), int(places.max()) + 1
        base = self.inside(held["buffer"], low, stop, block, f"sums of {name}")
        require((base + low) % ALIGNED == 0, f"the sums of {name} are misaligned")
        return places + base, self.zeroed[name] - np.arange(places.size).reshape(places.shape)

    def zero(self, name: str, rows: int, cols: int, block: int) -> None:
        self.used -= 1
        self.zeroed[name] = self.used
        places, labels = self.sum_bytes(name, rows, cols, block)
        self.labels[places] = labels
        self.used -= places.size


class Replay:
    """Every call of every piece, in the order of the program."""

    def __init__(self, found: Json, graph: Graph) -> None:
        self.found, self.graph, self.memory = found, graph, Memory(found, graph)
        self.handed = {name: np.zeros(graph.tensors[name].shape[:2], int) for name in graph.outputs}
        self.added: dict[str, Array] = {}  # pixels that means have added up
        loaded = {c["tensor"] for c in self._calls() if c["kind"] == "Load"}
        loaded |= {c["image"] for c in self._calls() if c["kind"] == "Load"}
        for name in graph.inputs:
            if name not in loaded and name in self.memory.storages:  # the caller put it there
                self.memory.write(name, *self._whole(name), (0, 0, 0))

    def _calls(self) -> Iterator[Json]:
        for block in self.found["blocks"]:
            for step in block["steps"]:
                yield from calls_of(step)

    def _whole(self, name: str) -> tuple[Array, Array, Span]:
        height, width, channels = self.graph.tensors[name].shape
        return np.arange(height), np.arange(width), (0, channels)

    def run(self) -> None:
        blocks, memory = self.found["blocks"], self.memory
        for index, block in enumerate(blocks):
            for buffer in memory.buffers.values():
                if buffer["kind"] in PRIVATE and buffer["first"] == index:
                    low = buffer["offset"]
                    memory.labels[low : low + buffer["bytes"]] = 0
            for step in block["steps"]:
                for call in step["calls"]:
                    held = memory.sums.get(call["tensor"])
                    if call["kind"] == "Accumulate" and held and not held["per_piece"]:
                        memory.zero(call["tensor"], held["rows"], held["cols"], index)
                        size = self.graph.tensors[call["reads"][0]].shape[:2]
                        self.added[call["tensor"]] = np.zeros(size, int)
            for stripe in range(block["stripes"]):
                for tick in range(block["ticks"]):
                    for step in block["steps"]:
                        self._step(step, block["reverse"], (index, stripe, tick))
        for name in self.graph.outputs:
            if self.handed[name].any():
                require((self.handed[name] == 1).all(), f"{name} is not handed over once")
            else:
                memory.read(name, *self._whole(name), (len(blocks) - 1, 0, 0))
        for name, buffer in memory.buffers.items():
            touched = buffer["touched"]
            lives = touched and (min(touched), max(touched)) == (buffer["first"], buffer["last"])
            require(lives, f"{name} lives in other blocks than those that touch it")

    def _step(self, step: Json, reverse: bool, at: tuple[int, int, int]) -> None:
        _, stripe, tick = at
        start, stop = step["cols"][stripe]
        height = self.graph.tensors[step["piece"]].shape[0]
        first, last = (clock(step["rows"], t) for t in (tick - 1, tick))
        for row in range(first, last, step["rows_per_call"]):
            rows = (row, min(row + step["rows_per_call"], last))
            if reverse:
                rows = (height - rows[1], height - rows[0])
            for col in range(start, stop, step["tile"] or max(stop - start, 1)):
                self._piece(step, rows, (col, min(col + (step["tile"] or stop), stop)), at)

    def _piece(self, step: Json, rows: Span, cols: Span, at: tuple[int, int, int]) -> None:
        calls, demanded = calls_of(step), {step["piece"]: (rows, cols)}
        regions: list[tuple[Span, Span]] = []
        for call in reversed(calls):  # what each call has to make for those behind it
            mean = self._is_mean(call)
            region = demanded.get(call["reads"][0] if mean else call["tensor"])
            require(region, f"step {step['name']} makes {call['tensor']}, which it does not need")
            assert region is not None
            regions.insert(0, region)
            for name in call.get("reads", ()):
                if not mean:
                    before = demanded.get(name, (None, None))
                    sides = self._reached(call, name, region)
                    demanded[name] = tuple(  # type: ignore[assignment]
                        hull(side[0], also) for side, also in zip(sides, before, strict=True)
                    )
        for call, (own_rows, own_cols) in zip(calls, regions, strict=True):
            name = call["tensor"]
            if call["kind"] == "Accumulate" and self.memory.sums[name]["per_piece"]:
                self.memory.zero(name, own_rows[1] - own_rows[0], own_cols[1] - own_cols[0], at[0])
        for channels in self._groups(step):
            for call, region in zip(step["calls"], regions, strict=False):
                self._call(call, region, channels, at)
        for call, region in zip(step["finish"], regions[len(step["calls"]) :], strict=True):
            self._call(call, region, None, at)

    def _is_mean(self, call: Json) -> bool:
        return call["kind"] == "Accumulate" and isinstance(
            self.graph.node(call["node"]).op, GlobalAveragePool
        )

    def _groups(self, step: Json) -> list[Span | None]:
        if not step["group"]:
            return [None]
        adds = [c["reads"][0] for c in step["calls"] if c["kind"] == "Accumulate"]
        placed = [c["tensor"] for c in step["calls"] if c.get("slicing") == "placed"]
        require(adds or placed, f"step {step['name']} runs in groups for nothing")
        channels, group = self.graph.tensors[(adds or placed)[0]].shape[2], step["group"]
        return [(k, min(k + group, channels)) for k in range(0, channels, group)]

    def _reached(self, call: Json, name: str, region: Any) -> tuple[Any, Any]:
        op, shape = self.graph.node(call["node"]).op, self.graph.tensors[name].shape
        operand = call["reads"].index(name)
        return tuple(  # type: ignore[return-value]
            reached(op, axis, region[axis], shape[axis], operand) for axis in (0, 1)
        )

    def _call(self, call: Json, region: Any, group: Span | None, at: tuple[int, int, int]) -> None:
        memory, kind, name = self.memory, call["kind"], call["tensor"]
        rows, cols = (np.arange(*span) for span in region)
        if not len(rows) or not len(cols):
            return  # all of it is padding
        whole = (0, self.graph.tensors[name].shape[2])
        if kind == "Load":
            self._check_load(call)
            memory.write(name, rows, cols, whole, at)
            return
        if kind == "Store":
            memory.read(name, rows, cols, whole, at)
            self.handed[name][np.ix_(rows, cols)] += 1
            return
        if kind == "Move":
            self._move(name, at)
            return
        busy = self._scratch(call, at[0])
        channels = whole if group is None else group
        operands = []
        for operand in call["reads"]:
            every = (0, self.graph.tensors[operand].shape[2])
            part = every if group is None or call["slicing"] in ("all", "outputs") else group
            sides = ((rows, rows), (cols, cols)) if self._is_mean(call) else None
            down, across = sides or self._reached(call, operand, region)
            places = memory.read(operand, down[0], across[0], part, at)
            operands.append((operand, places, down[1], across[1]))
        if kind == "Compute":
            require(call["kernel"] in KERNELS, f"there is no kernel {call['kernel']}")
            order = KERNELS[call["kernel"]].order.value
            target = memory.place(name, rows, cols, channels, at)
            for operand, places, down, across in operands:
                check_order(order, target, places, (down, across), f"{name} over {operand}")
            memory.write(name, rows, cols, channels, at)
        else:
            mean = self._is_mean(call) or name in self.added
            size = (1, 1) if mean else (len(rows), len(cols))
            places, labels = memory.sum_bytes(name, *size, at[0])
            require((memory.labels[places] == labels).all(), f"sums of {name} are not there")
            target = places
            if kind == "Accumulate":
                others = [set(found.ravel()) for _, found, _, _ in operands]
                apart = all(other.isdisjoint(places.ravel().tolist()) for other in others)
                require(apart, f"sums of {name} lie over what is added to them")
                if mean:
                    self.added[name][np.ix_(rows, cols)] += 1
            else:
                once = (self.added[name] == 1).all() if mean else True
                require(once, f"{name} is finished before each pixel is added up once")
                target = memory.place(name, rows, cols, whole, at)
                require(not np.isin(target, places).any(), f"{name} lies over its own sums")
                memory.write(name, rows, cols, whole, at)
        require(not np.isin(target, busy).any(), f"{name} lies in scratch memory of its kernel")

    def _check_load(self, call: Json) -> None:
        if call["node"] is None:
            require(call["image"] == call["tensor"], f"{call['tensor']} is another image")
            return
        op, source = self.graph.node(call["node"]).op, call["image"]
        height, width, depth = self.graph.tensors[call["tensor"]].shape
        pads = op.window.pads  # type: ignore[attr-defined]
        same = (call["row"], call["col"]) == (-pads.top, -pads.left)
        inside = self.graph.tensors[source].shape
        same &= call["row"] + height <= inside[0] and call["col"] + width <= inside[1]
        same &= list(op.source) == list(range(depth)) == list(range(inside[2]))  # type: ignore
        require(same, f"{call['tensor']} is another rectangle of {source}")

    def _move(self, name: str, at: tuple[int, int, int]) -> None:
        memory, held = self.memory, self.memory.storages[name]
        slots, pitch = held["slots"], held["pitch"]
        before, now = (origin(held["slide"], slots, tick) for tick in (at[2] - 1, at[2]))
        base = memory.inside(
            held["buffer"], held["offset"], held["offset"] + slots * pitch, at[0], name
        )
        rows = memory.labels[base + held["offset"] :][: slots * pitch].reshape(slots, pitch)
        kept, by = rows.copy(), now - before
        rows[:] = 0
        for slot in range(max(-by, 0), min(slots - by, slots)):
            rows[slot] = kept[slot + by]

    def _scratch(self, call: Json, block: int) -> Array:
        """What a kernel works in holds nothing that is needed."""
        scratch = call["scratch"]
        if scratch is None:
            return np.zeros(0, int)
        low, stop = scratch["offset"], scratch["offset"] + scratch["bytes"]
        base = self.memory.inside(scratch["buffer"], low, stop, block, "scratch memory")
        require((base + low) % ALIGNED == 0, "scratch memory is misaligned")
        self.memory.labels[base + low : base + stop] = 0
        return np.arange(base + low, base + stop)


def check_order(order: str, target: Array, source: Array, last: Any, what: str) -> None:
    """A kernel that writes over an operand has read by then what it writes over."""
    if not target.size or not source.size:
        return
    if target.max() < source.min() or source.max() < target.min():
        return
    shared, at, of = np.intersect1d(target.ravel(), source.ravel(), return_indices=True)
    if not len(shared):
        return
    require(order != "call", f"{what}: its kernel promises no order")
    if order == "element":
        broadcast = [axis for axis in range(3) if source.shape[axis] != target.shape[axis]]
        element = np.arange(target.size).reshape(target.shape)
        read = element.max(axis=tuple(broadcast), keepdims=True)
        right = at >= np.broadcast_to(read, source.shape).ravel()[of]
    else:  # pixel by pixel; the inputs of one may be read again once its first byte is written
        pixel = (last[0][:, None] * target.shape[1] + last[1])[:, :, None]
        right = at // target.shape[2] > np.broadcast_to(pixel, source.shape).ravel()[of]
    require(right.all(), f"{what}: written before it has been read")
