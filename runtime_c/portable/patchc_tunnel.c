/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* What tunnels do between kernels: find the next piece, what its windows read, where that lies. */
#include <string.h>

#include "patchc_tunnel.h"

/* The first columns of the rows after `done`. */
static void begin_rows(patchc_piece *piece)
{
    const patchc_step *step = piece->step;
    const patchc_cols *cols = &step->cols[piece->stripe];
    patchc_patch *patch = &piece->patch;
    int32_t rows = patchc_min(step->piece_rows, piece->until - piece->done);

    patch->r0 = step->reverse ? step->rows.limit - piece->done - rows : piece->done;
    patch->r1 = patch->r0 + rows;
    patch->c0 = cols->start;
    patch->c1 = patchc_min(patch->c0 + step->piece_cols, cols->stop);
    piece->more = rows > 0 && patch->c0 < patch->c1;
}

patchc_piece patchc_first(const patchc_step *step, int32_t stripe, int32_t tick)
{
    patchc_piece piece;

    piece.step = step;
    piece.stripe = stripe;
    piece.tick = tick;
    piece.done = patchc_rows_at(&step->rows, tick - 1);
    piece.until = patchc_rows_at(&step->rows, tick);
    begin_rows(&piece);
    return piece;
}

void patchc_next(patchc_piece *piece)
{
    patchc_patch *patch = &piece->patch;
    int32_t stop = piece->step->cols[piece->stripe].stop;

    if (patch->c1 < stop) {
        patch->c0 = patch->c1;
        patch->c1 = patchc_min(patch->c0 + piece->step->piece_cols, stop);
    } else {
        piece->done += patch->r1 - patch->r0;
        begin_rows(piece);
    }
}

/* What windows read along one axis. */
typedef struct {
    int32_t start, stop;   /* positions start .. stop - 1 of the map */
    int32_t before, after; /* padding */
} axis;

/* Windows from position `first` to `end` - 1, on an axis of `size`. */
static axis inside(int32_t first, int32_t end, int32_t size)
{
    axis found;

    found.start = first < 0 ? 0 : patchc_min(first, size);
    found.stop = end < found.start ? found.start : patchc_min(end, size);
    found.before = first < 0 ? -first : 0;
    found.after = end - (first < size ? patchc_min(end, size) : first);
    return found;
}

patchc_reach patchc_reach_of(const patchc_patch *out, const patchc_window *window,
                             const patchc_frame *map)
{
    int32_t rows = out->r1 - out->r0, cols = out->c1 - out->c0;
    int32_t top = out->r0 * window->stride_h - map->top;
    int32_t left = out->c0 * window->stride_w - map->left;
    int32_t bottom = top, right = left;
    axis down, across;
    patchc_reach reach;

    if (rows > 0 && cols > 0) {
        bottom += (rows - 1) * window->stride_h + (window->kernel_h - 1) * window->dilation_h + 1;
        right += (cols - 1) * window->stride_w + (window->kernel_w - 1) * window->dilation_w + 1;
    }
    down = inside(top, bottom, map->height);
    across = inside(left, right, map->width);
    reach.patch.r0 = down.start;
    reach.patch.r1 = down.stop;
    reach.patch.c0 = across.start;
    reach.patch.c1 = across.stop;
    reach.pads.top = down.before;
    reach.pads.left = across.before;
    reach.pads.bottom = down.after;
    reach.pads.right = across.after;
    return reach;
}

patchc_reach patchc_reach_up(const patchc_patch *out, const patchc_upsample_params *params)
{
    patchc_reach reach;

    reach.patch.r0 = out->r0 / params->up_h;
    reach.patch.r1 = (out->r1 + params->up_h - 1) / params->up_h;
    reach.patch.c0 = out->c0 / params->up_w;
    reach.patch.c1 = (out->c1 + params->up_w - 1) / params->up_w;
    reach.pads.top = reach.patch.r0 * params->up_h - out->r0;
    reach.pads.left = reach.patch.c0 * params->up_w - out->c0;
    reach.pads.bottom = out->r1 - reach.patch.r1 * params->up_h;
    reach.pads.right = out->c1 - reach.patch.c1 * params->up_w;
    return reach;
}

/* Output positions first .. end - 1; nothing for none. */
static axis resized(int32_t first, int32_t end, const patchc_line *line)
{
    axis found = {0, 0, 0, 0};

    if (first < end) {
        found.start = line->first[first];
        found.stop = patchc_line_second(line, end - 1) + 1;
        found.before = -first;
        found.after = end - line->count;
    }
    return found;
}

patchc_reach patchc_reach_resize(const patchc_patch *out, const patchc_line *rows,
                                 const patchc_line *cols)
{
    axis down = resized(out->r0, out->r1, rows);
    axis across = resized(out->c0, out->c1, cols);
    patchc_reach reach;

    reach.patch.r0 = down.start;
    reach.patch.r1 = down.stop;
    reach.patch.c0 = across.start;
    reach.patch.c1 = across.stop;
    reach.pads.top = down.before;
    reach.pads.left = across.before;
    reach.pads.bottom = down.after;
    reach.pads.right = across.after;
    return reach;
}

/* Bytes from the base to slot 0, first column of a patch. An empty patch lies anywhere. */
static int32_t offset_of(const patchc_storage *at, int32_t stripe, const patchc_patch *patch)
{
    int32_t position = patch->c0 - (at->cols == NULL ? 0 : at->cols[stripe].start);

    if (patch->r0 >= patch->r1 || patch->c0 >= patch->c1) {
        return at->offset;
    }
    return at->offset + (position < at->tile ? position : position % at->tile) * at->depth;
}

static int32_t slot_of(const patchc_storage *at, int32_t row)
{
    return row < at->slots ? row : row % at->slots;
}

patchc_in patchc_in_view(const int8_t *base, const patchc_storage *at, int32_t stripe,
                         const patchc_patch *patch)
{
    patchc_in view;

    view.data = base + offset_of(at, stripe, patch);
    view.pitch = at->pitch;
    view.slots = at->slots;
    view.slot = slot_of(at, patch->r0);
    view.rows = patch->r1 - patch->r0;
    view.cols = patch->c1 - patch->c0;
    view.channels = at->depth;
    return view;
}

patchc_out patchc_out_view(int8_t *base, const patchc_storage *at, int32_t stripe,
                           const patchc_patch *patch)
{
    patchc_out view;

    view.data = base + offset_of(at, stripe, patch);
    view.pitch = at->pitch;
    view.slots = at->slots;
    view.slot = slot_of(at, patch->r0);
    view.rows = patch->r1 - patch->r0;
    view.cols = patch->c1 - patch->c0;
    view.channels = at->depth;
    return view;
}

patchc_sums patchc_new_sums(int8_t *at, int32_t pixels, int32_t channels)
{
    memset(at, 0, (size_t)(pixels * channels) * sizeof(int32_t));
    return patchc_sums_at(at, pixels, channels);
}

patchc_conv_params patchc_outputs_from(const patchc_conv_params *params, int32_t k, int32_t taps)
{
    patchc_conv_params part = *params;

    part.weights += k * taps;
    part.form += k;
    return part;
}

patchc_conv_params patchc_inputs_from(const patchc_conv_params *params, int32_t k, int32_t c_out)
{
    patchc_conv_params part = *params;

    part.weights += k * c_out;
    return part;
}
