/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
#include "harness.h"

#include <stddef.h>

#include "guard.h"
#include "semihosting.h"

/* From link.ld: the region under test, and what is painted behind it. */
extern int8_t region_start[], stack_top[], guard_end[];

#define LINE_BYTES 256
#define WORDS 3 /* IN OUT CASES */

/* What the network wrote, over all runs. Bytes that happen to equal the paint of one run differ
 * from that of the next. */
static uint32_t stack_bytes;        /* from the top of its stack down to the lowest byte */
static uint32_t arena_first = ~0u;  /* offset of the lowest byte */
static uint32_t arena_last;

static int complain(const char *text)
{
    host_print(text);
    host_print("\n");
    return -1;
}

int image_read(image *self, int32_t row, int32_t col, int32_t rows, int32_t cols, int8_t *dst)
{
    const int32_t bytes = cols * self->channels;
    const int8_t *from = self->map + (row * self->width + col) * self->channels;
    int32_t i, j;

    if (row < 0 || col < 0 || rows < 1 || cols < 1 || rows > self->height - row ||
        cols > self->width - col) {
        return complain("an input was read outside its borders");
    }
    if (self->stream) {
        if (row * self->width + col != self->served || (rows > 1 && cols != self->width)) {
            return complain("an input was not read in raster order");
        }
        self->served += rows * cols;
    } else {
        if (row != self->served && row != 0 && (!self->parts || row > self->served)) {
            return complain("the rows of an input were not read in order");
        }
        self->served = row + rows;
    }
    for (i = 0; i < rows; i++) {
        for (j = 0; j < bytes; j++) {
            *dst++ = from[i * self->width * self->channels + j];
        }
    }
    return 0;
}

int canvas_write(canvas *self, int32_t row, int32_t col, int32_t rows, int32_t cols,
                 const int8_t *src)
{
    const int32_t bytes = cols * self->channels;
    int8_t *to = self->map + (row * self->width + col) * self->channels;
    int32_t i, j;

    if (row != self->row || col != self->col || rows < 1 || rows > self->height - row ||
        cols < 1 || cols > self->width - col || (row > 0 && cols != self->cols)) {
        return complain("an output was not handed over in order");
    }
    for (i = 0; i < rows; i++) {
        for (j = 0; j < bytes; j++) {
            to[i * self->width * self->channels + j] = *src++;
        }
    }
    self->cols = cols;
    self->row = row + rows;
    if (self->row == self->height) {
        self->row = 0;
        self->col = col + cols;
    }
    return 0;
}

/* Cuts `line` at its blanks. The number of words, at most WORDS + 1. */
static uint32_t split(char *line, const char *words[WORDS + 1])
{
    uint32_t count = 0;
    while (*line != '\0' && count <= WORDS) {
        words[count++] = line;
        while (*line != '\0' && *line != ' ') {
            line++;
        }
        while (*line == ' ') {
            *line++ = '\0';
        }
    }
    return count;
}

static uint32_t number(const char *text)
{
    uint32_t value = 0;
    while (*text >= '0' && *text <= '9') {
        value = value * 10 + (uint32_t)(*text++ - '0');
    }
    return value;
}

static void fill(int8_t *from, const int8_t *end, int8_t paint)
{
    while (from < end) {
        *from++ = paint;
    }
}

static void paint_memory(int8_t paint)
{
    fill(region_start, stack_top, paint);
    fill(network.arena, guard_end, paint);
}

/* 0, or -1 when a byte behind the arena was written. */
static int look_at_memory(int8_t paint)
{
    const int8_t *at = region_start;
    uint32_t offset;

    while (at < stack_top && *at == paint) {
        at++;
    }
    if ((uint32_t)(stack_top - at) > stack_bytes) {
        stack_bytes = (uint32_t)(stack_top - at);
    }
    for (offset = 0; offset < network.arena_bytes; offset++) {
        if (network.arena[offset] != paint) {
            arena_first = offset < arena_first ? offset : arena_first;
            arena_last = offset > arena_last ? offset : arena_last;
        }
    }
    for (at = network.arena + network.arena_bytes; at < guard_end; at++) {
        if (*at != paint) {
            return complain("a byte behind the arena was written");
        }
    }
    return 0;
}

/* One run over painted memory. 0 or an exit status. */
static int run(uint32_t count)
{
    const int8_t paint = (int8_t)(count % 2 == 0 ? 0x5a : 0xa5);
    uint32_t i;

    for (i = 0; network.images != NULL && i < network.in_count; i++) {
        network.images[i].served = 0;
    }
    for (i = 0; i < network.canvas_count; i++) {
        network.canvases[i].row = network.canvases[i].col = 0;
    }
    paint_memory(paint);
    if (guard_call(network.entry, network.arena, network.inputs, network.outputs) != 0) {
        complain("the network's run gave an error");
        return RUN_STATUS;
    }
    for (i = 0; network.images != NULL && i < network.in_count; i++) {
        const image *found = &network.images[i];
        if (found->stream && found->served != found->height * found->width) {
            complain("not every pixel of an input was read");
            return RUN_STATUS;
        }
    }
    for (i = 0; i < network.canvas_count; i++) {
        if (network.canvases[i].col != network.canvases[i].width) {
            complain("not every pixel of an output was handed over");
            return RUN_STATUS;
        }
    }
    return look_at_memory(paint) == 0 ? 0 : GUARD_STATUS;
}

static void report(const char *name, uint32_t value)
{
    host_print(name);
    host_print(" ");
    host_print_number(value);
    host_print("\n");
}

static int run_cases(int32_t source, int32_t sink, uint32_t cases)
{
    uint32_t count, i;
    int status;

    for (count = 0; count < cases; count++) {
        for (i = 0; i < network.in_count; i++) {
            if (host_read(source, network.in[i].data, network.in[i].bytes) != 0) {
                complain("IN is too short");
                return USAGE_STATUS;
            }
        }
        status = run(count);
        if (status == 0 && network.after != NULL) {
            network.after(); /* once the memory that the network may touch was looked at */
        }
        for (i = 0; status == 0 && i < network.out_count; i++) {
            if (host_write(sink, network.out[i].data, network.out[i].bytes) != 0) {
                complain("cannot write OUT");
                status = USAGE_STATUS;
            }
        }
        if (status != 0) {
            return status;
        }
    }
    /* A single case runs again over the other paint. */
    return cases == 1 ? run(1) : 0;
}

int harness_main(void)
{
    char line[LINE_BYTES];
    const char *words[WORDS + 1];
    int32_t source, sink;
    int status;

    if (host_command_line(line, sizeof line) != 0 || split(line, words) != WORDS) {
        complain("arguments: IN OUT CASES");
        return USAGE_STATUS;
    }
    source = host_open(words[0], HOST_READ);
    sink = host_open(words[1], HOST_WRITE);
    if (source < 0 || sink < 0) {
        complain("cannot open IN or OUT");
        return USAGE_STATUS;
    }
    status = run_cases(source, sink, number(words[2]));
    if (status == 0 && host_close(sink) != 0) {
        complain("cannot write OUT");
        status = USAGE_STATUS;
    }
    if (status == 0) {
        report("stack_high_water_bytes", stack_bytes);
        report("arena_first_written", arena_first);
        report("arena_last_written", arena_last);
        report("mpu_regions", guard_regions());
    }
    return status;
}
