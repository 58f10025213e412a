"""What the dimensions of an input are taken to be until an operator says."""

from __future__ import annotations

from collections.abc import Sequence

from patchc.frontend.axes import Layout, layout_of
from patchc.frontend.refusal import RefusalError


def first_guess(dims: tuple[int, ...]) -> Layout:
    """The layout that a tensor of shape `dims` has most often. Raises RefusalError."""
    rank = len(dims)
    if rank > 4:
        raise RefusalError(f"a tensor of {rank} dimensions")
    names: tuple[str, ...] = ("n", "c", "h", "w")[:rank] if rank != 3 else ("n", "c", "w")
    if rank == 1:
        names = ("c",)
    elif rank == 3 and dims[0] > 1:
        names = ("c", "h", "w")  # a map without batch
    elif rank == 2 and dims[0] > 1:
        names = ("w", "c")  # a signal without batch, as matrix products read it
    if "n" in names and dims[0] > 1:
        raise RefusalError(f"a batch of {dims[0]}: export the model with batch 1")
    return layout_of(names, dims)


def channels_at(layout: Layout, dimension: int) -> Sequence[str] | None:
    """The axes of a tensor of the shape of `layout` whose channels are `dimension`.

    None where that is unusual: of four dimensions the channels are the second or the last.
    """
    rank = len(layout)
    if rank > 4 or (rank == 4 and dimension not in (1, 3)):
        return None
    if rank == 4:
        names = ["n", "h", "w"]
    elif dimension == 0 or layout[0]:  # no batch
        names = ["h", "w"][3 - rank :] if rank > 1 else []
    else:
        names = ["n", "w"][: rank - 1]
    return [*names[:dimension], "c", *names[dimension:]]
