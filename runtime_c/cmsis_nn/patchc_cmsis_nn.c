/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* How a view goes to CMSIS-NN: patchc_kernels_cmsis_nn.h. */
#include <string.h>

#include "patchc_cmsis_nn.h"

static int32_t extent(int32_t taps, int32_t dilation)
{
    return (taps - 1) * dilation + 1;
}

/* Rows from `row` on lie one behind the other, without a gap. */
static int is_dense(int32_t pitch, int32_t bytes, int32_t slot, int32_t rows, int32_t slots)
{
    return rows <= 1 || (pitch == bytes && slot + rows <= slots);
}

/* Does the library, which knows one width, see the padding at the right where it is? */
static int sees_border(const patchc_cmsis_nn_part *part, int32_t rows)
{
    const patchc_in *in = part->in;

    return rows <= 1 || part->pads->right <= 0 || in->pitch == in->cols * in->channels;
}

/* Columns of a map whose rows begin where those of the view do. */
static int32_t width(const patchc_cmsis_nn_part *part, int32_t rows)
{
    return rows > 1 ? part->in->pitch / part->in->channels : part->in->cols;
}

static void set_dims(cmsis_nn_dims *dims, int32_t rows, int32_t cols, int32_t channels)
{
    dims->n = 1;
    dims->h = rows;
    dims->w = cols;
    dims->c = channels;
}

/* All of the view. */
static void take_all(patchc_cmsis_nn_part *part)
{
    const patchc_out *out = part->out;
    const patchc_in *in = part->in;

    part->input = in->data + in->slot * in->pitch;
    part->output = out->data + out->slot * out->pitch;
    set_dims(&part->input_dims, in->rows, width(part, in->rows), in->channels);
    set_dims(&part->output_dims, out->rows, out->cols, out->channels);
    part->padding.h = part->pads->top > 0 ? part->pads->top : 0;
    part->padding.w = part->pads->left > 0 ? part->pads->left : 0;
    part->row = out->rows;
    part->more = 1;
}

/* The columns of a row of output from `col` on, whose windows reach beyond the border: `rows` rows
 * of the input, from `from` on, are copied. */
static void take_copy(patchc_cmsis_nn_part *part, const int8_t *from, int32_t rows)
{
    const patchc_in *in = part->in;
    int32_t left = part->col * part->window->stride_w - part->pads->left;
    int32_t start = left > 0 ? left : 0;
    int32_t cols = start < in->cols ? in->cols - start : 0;
    int32_t bytes = cols * in->channels;

    for (int32_t i = 0; i < rows; i++) {
        memcpy(part->copy + i * bytes, from + i * in->pitch + start * in->channels, (size_t)bytes);
    }
    part->input = part->copy;
    part->padding.w = start - left;
    set_dims(&part->input_dims, rows, cols, in->channels);
}

/* One row of the output, or what is left of it. */
static void take_row(patchc_cmsis_nn_part *part)
{
    const patchc_out *out = part->out;
    const patchc_in *in = part->in;
    const patchc_window *window = part->window;
    int32_t top = part->row * window->stride_h - part->pads->top;
    int32_t end = top + extent(window->kernel_h, window->dilation_h);
    int32_t begin = top > 0 ? top : 0, cols = out->cols, rows, slot;

    end = end < in->rows ? end : in->rows;
    rows = end > begin ? end - begin : 0;
    slot = in->slot + begin;
    if (rows == 1) {
        slot %= in->slots; /* which may wrap where windows have one row */
    }
    part->input = in->data + slot * in->pitch;
    part->padding.h = begin - top;
    slot = (out->slot + part->row) % out->slots;
    part->output = out->data + slot * out->pitch + part->col * out->channels;
    if (part->col > 0 || !sees_border(part, rows)) {
        int32_t room = in->cols - extent(window->kernel_w, window->dilation_w) + part->pads->left;
        int32_t inside = room < 0 ? 0 : room / window->stride_w + 1;

        inside = inside < cols ? inside : cols;
        if (part->col == 0 && inside > 0 && inside < cols) {
            cols = inside;
        } else if (part->col == inside && inside < cols) {
            take_copy(part, part->input, rows);
            set_dims(&part->output_dims, 1, cols - part->col, out->channels);
            part->col = 0;
            part->row++;
            return;
        }
    }
    part->padding.w = part->pads->left > 0 ? part->pads->left : 0;
    set_dims(&part->input_dims, rows, width(part, rows), in->channels);
    set_dims(&part->output_dims, 1, cols, out->channels);
    part->col = cols < out->cols ? cols : 0;
    part->row += part->col == 0;
}

void patchc_cmsis_nn_next(patchc_cmsis_nn_part *part)
{
    part->more = part->row < part->out->rows;
    if (part->more) {
        take_row(part);
    }
}

patchc_cmsis_nn_part patchc_cmsis_nn_first(const patchc_out *out, const patchc_in *in,
                                           const patchc_pads *pads, const patchc_window *window,
                                           int8_t *copy)
{
    patchc_cmsis_nn_part part;
    int32_t one_by_one = window->kernel_h == 1 && window->kernel_w == 1;
    int32_t bytes = in->cols * in->channels;

    part.out = out;
    part.in = in;
    part.pads = pads;
    part.window = window;
    part.copy = copy;
    part.row = part.col = part.more = 0;
    if (out->cols > 0 && sees_border(&part, in->rows) &&
        is_dense(out->pitch, out->cols * out->channels, out->slot, out->rows, out->slots) &&
        (one_by_one ? is_dense(in->pitch, bytes, in->slot, in->rows, in->slots) : in->rows > 0)) {
        if (out->rows > 0) {
            take_all(&part);
        }
    } else if (out->cols > 0) {
        patchc_cmsis_nn_next(&part);
    }
    return part;
}
