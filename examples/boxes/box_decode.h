/* From the three maps of YOLOv8's heads to boxes. examples/boxes/decode.py says how; this does the
 * same to the bit, in integers, without a library. */
#ifndef BOX_DECODE_H
#define BOX_DECODE_H

#include <stdint.h>

enum {
    BOX_UNIT = 65536, /* of a score (before the sigmoid), and of a pixel */
    BOX_SIDES = 4,    /* left, top, right, bottom */
    BOX_BINS = 16,    /* distances of a side */
    BOX_MAX = 64      /* candidates */
};

/* In multiples of 1 / BOX_UNIT; x to the right, y down, from the top left corner. */
typedef struct {
    int32_t score;
    int32_t left, top, right, bottom; /* may lie outside of the image */
    int32_t label;                    /* the class */
} box;

/* The network's answer on one scale; real value = scale * (q - zero point). */
typedef struct {
    const int8_t *values; /* rows x columns x channels: BOX_SIDES * BOX_BINS, then the classes */
    int32_t rows, columns, channels;
    int32_t cell; /* pixels, an even number */
    int32_t zero_point;
    int32_t score_scale; /* BOX_SCORE_SCALE(...) */
    int32_t halvings;    /* BOX_HALVINGS(...) */
} box_map;

/* Constants: the compiler computes them. Both fit int32_t up to a scale of 80; trained networks
 * have about 0.1. */
#define BOX_SCORE_SCALE(scale) ((int32_t)((double)(scale) * BOX_UNIT + 0.5))
/* e^-scale is 2^-(halvings / BOX_UNIT): the scale by log2(e). */
#define BOX_HALVINGS(scale) ((int32_t)((double)(scale) * (1.4426950408889634 * BOX_UNIT) + 0.5))

/* The number of boxes of the classes `labels` with a score above `threshold`, best first in
 * `boxes`. All BOX_MAX of them may be written to: candidates lie there, too. */
int32_t box_decode(const box_map *maps, int32_t map_count, const uint8_t *labels,
                   int32_t label_count, int32_t threshold, box boxes[BOX_MAX]);

#endif
