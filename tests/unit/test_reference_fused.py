"""Tiles, channel groups, sums, means, reverse blocks and growing maps by hand: right, and with one
thing wrong at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from patchc.geometry.clocks import RowClock
from patchc.geometry.span import Span
from patchc.ir import macs
from patchc.reference import ShadowMemoryError, schedule
from patchc.schedule.types import Block, BufferKind
from tests.graphs import NetworkBuilder
from tests.schedules import (
    ALL,
    EXPANDED,
    NARROW,
    SIDE_H,
    SIDE_W,
    averaged,
    check,
    fused,
    grouped,
    growing,
    pack,
    upwards,
    whole,
    whole_step,
    with_step,
    with_storage,
    with_sums,
)


def caught(found, message, placement=None):
    """Running it raises an error that says so."""
    with pytest.raises(ShadowMemoryError, match=message):
        check(found, placement)


def plain_macs(found):
    return sum(macs(found.graph, node) for node in found.graph.nodes)


# -- tiles -------------------------------------------------------------------------------------


@pytest.mark.parametrize("tile", [1, 2, 3, 4, 7, 9])
def test_fused_tiles_equal_layer_by_layer(tile):
    found = fused(tile)
    stats = check(found)
    assert stats.macs == plain_macs(found)
    pieces = -(-SIDE_W // tile)
    assert stats.calls == SIDE_H * (1 + 1 + 3 * pieces)


def test_a_row_run_at_once_counts_and_computes_what_its_tiles_do(monkeypatch):
    cases = [fused(2), grouped(4, 2), grouped(5, 1), averaged(2)]
    at_once = [check(found) for found in cases]
    monkeypatch.setattr(schedule, "at_once", lambda *_: None)
    assert [check(found) for found in cases] == at_once


def test_a_tile_storage_one_column_too_narrow():
    caught(with_storage(fused(2), "d", tile=1), r"columns 0 \.\. 1 of 'd' side by side.*1 columns")


def test_a_tile_storage_that_starts_elsewhere():
    """Positions count from the storage's first column: a tile must not wrap."""
    found = with_storage(fused(2), "d", cols=(Span(-1, SIDE_W),))
    caught(found, r"columns 0 \.\. 1 of 'd' side by side")


def test_a_ring_of_the_expanded_tensor_one_row_too_small():
    caught(fused(2, e_slots=2), r"needs rows 0 \.\. 2 of 'e' at once, whose storage has 2")


def test_a_ring_of_the_skip_one_row_too_small():
    caught(fused(2, image_slots=1), "of 'image' at byte .* which holds row 1")


def test_a_ring_too_small_from_the_second_row_on_names_the_tile():
    """Later rows run at once, but the message is about the tile that went wrong."""
    found = with_step(fused(2), "e", rows=RowClock(3, 4, 9, SIDE_H))  # one row in tick 2 is late
    caught(found, r"rows 2 \.\. 2, columns 0 \.\. 1\), conv2d_depthwise of 'd.node': reads row 3")


def scratch_at(found, buffer, offset):
    """A placement with the scratch buffer over `offset` of another one."""
    placement = pack(found.buffers)
    offsets = {**placement.offsets, "scratch": placement.offsets[buffer] + offset}
    return replace(placement, offsets=offsets)


def test_a_tile_over_the_ring_that_the_next_tile_reads():
    found = fused(2)
    message = r"columns 2 \.\. 3\).* column 4, channel 0 of 'e' at byte \d+, which holds .* of 'd'"
    caught(found, message, scratch_at(found, "e_buffer", 4 * EXPANDED))


def test_a_tile_over_the_ring_that_it_reads_itself():
    found = fused(2)
    message = "writes 'd' over row 0, column 0, channel 0 of 'e' before it has read it"
    caught(found, message, scratch_at(found, "e_buffer", 0))


def test_a_tile_over_the_row_that_it_writes():
    found = fused(2)
    message = r"rows 3 \.\. 3.*writes 'p' over row 3, column 0, channel 0 of 'd' before"
    caught(found, message, scratch_at(found, "out_buffer", 3 * SIDE_W * NARROW))


def test_tiles_over_an_output_that_is_done():
    """No step reads it any more; the check of the outputs notices."""
    found = beside_another_network(fused(2))
    check(found)
    caught(found, "output 'q', after the last step: reads row 0", scratch_at(found, "q_buffer", 0))


def beside_another_network(found):
    """The schedule after a block that computes q, another output from another input."""
    net = NetworkBuilder()
    q = net.build(net.relu(net.input(5, 6, 2, name="r"), name="q"))
    graph = replace(
        found.graph,
        inputs=("r", *found.graph.inputs),
        outputs=("q", *found.graph.outputs),
        tensors={**q.tensors, **found.graph.tensors},
        nodes=(*q.nodes, *found.graph.nodes),
    )
    parts = [whole(graph, "r", BufferKind.INPUT), whole(graph, "q", BufferKind.OUTPUT)]
    buffers = {name: replace(b, first=1, last=1) for name, b in found.buffers.items()}
    buffers.update((buffer.name, replace(buffer, last=1)) for _, buffer in parts)
    storages = {**found.storages, **{storage.tensor: storage for storage, _ in parts}}
    first = Block("q", 1, 1, (whole_step(graph, "q"),))
    blocks = (first, *found.blocks)
    return replace(found, graph=graph, buffers=buffers, storages=storages, blocks=blocks)


def test_a_halo_missing_at_the_border_of_two_stripes():
    found = fused(2)
    (block,) = found.blocks
    halves = (Span(0, 4), Span(4, SIDE_W))
    steps = tuple(replace(s, cols=halves) for s in block.steps)
    found = replace(found, blocks=(replace(block, stripes=2, steps=steps),))
    for name in ("d", "e", "image"):
        found = with_storage(found, name, cols=halves)
    caught(found, r"needs columns 1 \.\. 4 of 'e', whose storage holds 0 \.\. 3 in stripe 0")
    caught(with_storage(found, "e", cols=ALL), r"column 4, channel 0 of 'e'.*never written")


def test_an_inner_tensor_that_another_step_reads_has_its_true_bytes():
    """Reading a tile's leftovers is right for the last tile only."""
    found = fused(7)
    (block,) = found.blocks
    again = replace(block.steps[2], name="again", calls=block.steps[2].calls[1:])
    found = replace(found, blocks=(replace(block, steps=(*block.steps, again)),))
    check(found)
    tiled = fused(2)
    (block,) = tiled.blocks
    again = replace(block.steps[2], name="again", calls=block.steps[2].calls[1:])
    caught(
        replace(tiled, blocks=(replace(block, steps=(*block.steps, again)),)),
        r"step 'again'.*of 'd'.*holds row 0, column \d, channel 0 of 'd'",
    )


# -- groups ------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", [1, 4, 5, 12])
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_groups_of_channels_equal_layer_by_layer(group, rows):
    found = grouped(group, rows)
    stats = check(found)
    pieces, rounds = SIDE_H // rows, -(-EXPANDED // group)
    assert stats.calls == pieces * (3 * rounds + 2) + SIDE_H
    # Each piece expands a halo of two rows, those outside the map excepted.
    halo = (2 * pieces - 2) * SIDE_W * EXPANDED * 3
    assert stats.macs == plain_macs(found) + halo


def roomy(found):
    """With some spare bytes at the end of the scratch buffer."""
    scratch = replace(found.buffers["scratch"], bytes=found.buffers["scratch"].bytes + 400)
    return replace(found, buffers={**found.buffers, "scratch": scratch})


def test_too_little_depth():
    caught(with_storage(grouped(4), "e", depth=3), r"channels 0 \.\. 3 of 'e' side by side.*room")


def test_a_group_that_wraps_around():
    found = with_storage(roomy(grouped(4)), "d", depth=6, pitch=SIDE_W * 6)
    caught(found, r"channels 4 \.\. 7 of 'd' side by side, whose storage has room for 6 channels")


def test_inner_rows_one_too_few():
    caught(with_storage(grouped(4), "e", slots=3), r"needs rows 0 \.\. 3|has 3 slots")


def test_inner_rows_that_suffice_for_the_first_piece_only():
    """Rows -1 .. 1 clipped to 0 .. 1 fit two slots; the next piece's three do not."""
    caught(with_storage(grouped(4, 1), "e", slots=2), r"rows 1 \.\. 1.*needs rows 0 \.\. 2 of 'e'")


def test_sums_that_are_not_zeroed():
    caught(
        with_sums(grouped(4), "p", per_piece=False),
        r"reads the sum of row 2, column 0, channel 0 of 'p' after 0 of 12 channels at byte \d+, "
        r"which holds the sum of row 0, column 0, channel 0 of 'p' after 12 of 12 channels",
    )


@pytest.mark.parametrize("room", [{"rows": 1}, {"cols": SIDE_W - 1}, {"channels": 2}])
def test_too_few_sums(room):
    caught(with_sums(grouped(4), "p", **room), r"needs 2 x 7 x 3 sums of 'p', which has room for")


def test_sums_off_their_alignment():
    caught(with_sums(grouped(4), "p", offset=2), "not a multiple of 4")


def test_sums_that_reach_out_of_their_buffer():
    caught(with_sums(grouped(4), "p", offset=2000), "reaches byte .* of buffer scratch")


def test_channels_added_twice():
    found = grouped(4)
    (step,) = (s for s in found.blocks[0].steps if s.name == "out")
    caught(
        with_step(found, "out", calls=(*step.calls, step.calls[-1])),
        "after 0 of 12 channels at byte .* after 4 of 12 channels",
    )


def test_channels_left_out():
    """A finish in every round meets sums of the first group only."""
    found = grouped(4)
    (step,) = (s for s in found.blocks[0].steps if s.name == "out")
    caught(
        with_step(found, "out", calls=(*step.calls, step.finish[0]), finish=step.finish[1:]),
        "after 12 of 12 channels at byte .* after 4 of 12 channels",
    )


def test_sums_under_an_inner_tensor():
    found = roomy(grouped(4))
    found = with_sums(found, "p", offset=found.storages["d"].offset)
    caught(found, "the sum of row 0, column 0, channel 0 of 'p' .* which holds .* of 'd'")


def test_sums_finished_over_themselves():
    found = grouped(4)
    placement = pack(found.buffers)
    offsets = {**placement.offsets, "out_buffer": placement.offsets["scratch"]}
    caught(found, "over the sums that it reads", replace(placement, offsets=offsets))


def test_groups_of_which_nothing_is_added_up():
    found = with_step(fused(2), "out", group=4, tile=0)
    caught(found, "runs 4 channels at a time, but neither adds them up")


# -- means -------------------------------------------------------------------------------------


@pytest.mark.parametrize("tile", [1, 3, 7])
def test_a_mean_added_up_by_tiles_equals_layer_by_layer(tile):
    assert check(averaged(tile)).macs == plain_macs(averaged(tile))


def test_a_mean_without_its_last_row():
    found = with_step(averaged(), "m", rows=RowClock(1, 1, 1, SIDE_H - 1))
    caught(found, "finishes the mean of 'c' without its row 7, column 0")


def test_a_mean_finished_a_tick_too_early():
    caught(with_step(averaged(), "finish", rows=RowClock(1, 1, 3 - SIDE_H, 1)), "its row 7")


def test_a_mean_zeroed_before_every_piece():
    caught(with_sums(averaged(), "m", per_piece=True), "after 3 of 56 pixels .* after 0 of 56")


def test_pixels_added_to_a_mean_twice():
    found = averaged()
    (block,) = found.blocks
    load, add, finish = block.steps
    again = replace(add, name="again", cols=(Span(2, 3),))
    caught(
        replace(found, blocks=(replace(block, steps=(load, add, again, finish)),)),
        "adds row 0, column 2 of 'c' to the mean a second time",
    )


def test_a_mean_whose_sums_another_block_made():
    """Private buffers hold nothing when a block begins."""
    found = averaged()
    (block,) = found.blocks
    load, add, finish = block.steps
    first = Block("add", 1, SIDE_H, (load, add))
    second = Block("finish", 1, SIDE_H, (finish,))
    buffers = {name: replace(b, last=1) for name, b in found.buffers.items()}
    check(replace(found, buffers=buffers, blocks=(first, second)))
    buffers["sums"] = replace(buffers["sums"], first=1)
    caught(replace(found, buffers=buffers, blocks=(first, second)), r"'m' in block 0, but buffer")


# -- reverse, and maps that grow over others ---------------------------------------------------


def test_rows_from_the_last_to_the_first_equal_layer_by_layer():
    check(upwards(3))


def test_reverse_rows_on_the_clock_of_the_other_direction():
    """Forwards the first window lies one row in the padding; backwards it does not."""
    caught(upwards(2), r"rows 3 \.\. 3.*of 'a'.*never written")


def test_reverse_rows_in_a_ring_one_too_small():
    caught(with_storage(upwards(3), "a", slots=2), "of 'a'")


@pytest.mark.parametrize(("reverse", "distance"), [(False, 16), (True, 12)])
def test_a_map_may_grow_over_the_one_that_it_is_made_from(reverse, distance):
    check(*growing(distance, reverse))


@pytest.mark.parametrize(("reverse", "distance"), [(False, 16 - 8), (True, 12 - 8)])
def test_an_overlap_one_row_too_short(reverse, distance):
    found, placement = growing(distance, reverse)
    caught(found, r"of 'image'", placement)


def test_a_reverse_map_placed_as_if_it_grew_downwards():
    found, _ = growing(16, reverse=True)
    _, placement = growing(16, reverse=False)
    caught(found, r"of 'image'", placement)
