/* From the four maps of BlazeFace to faces. examples/faces/decode.py says how; this does the same
 * to the bit, in integers, without a library. */
#ifndef FACE_DECODE_H
#define FACE_DECODE_H

#include <stdint.h>

enum {
    FACE_IMAGE = 128, /* pixels, both sides */
    FACE_UNIT = 65536, /* of a score (before the sigmoid), and of a pixel */
    FACE_POINTS = 6, /* two eyes, nose, mouth, two ears */
    FACE_BOX_VALUES = 4 + 2 * FACE_POINTS,
    FACE_MAX = 64 /* candidates */
};

/* In multiples of 1 / FACE_UNIT; x to the right, y down, from the top left corner. */
typedef struct {
    int32_t score;
    int32_t left, top, right, bottom;
    int32_t points[FACE_POINTS][2]; /* x, y */
} face;

/* The network's answers for one grid of anchors; real value = scale * (q - zero point). */
typedef struct {
    int32_t cells;   /* per side */
    int32_t anchors; /* per cell */
    const int8_t *scores; /* cells x cells x anchors */
    const int8_t *boxes;  /* cells x cells x anchors x FACE_BOX_VALUES */
    int32_t score_zero_point, box_zero_point;
    int32_t score_scale; /* FACE_SCORE_SCALE(...) */
    int32_t box_scale;   /* FACE_BOX_SCALE(...) */
} face_grid;

/* Constants: the compiler computes them. Scores fit int32_t up to a scale of 128, and coordinates
 * up to one of 100 pixels; the trained network has about 1 of each. */
#define FACE_SCORE_SCALE(scale) ((int32_t)((double)(scale) * FACE_UNIT + 0.5))
/* Of half a step, so that half of a width is exact. */
#define FACE_BOX_SCALE(scale) ((int32_t)((double)(scale) * (FACE_UNIT / 2) + 0.5))

/* The number of faces with a score above `threshold`, best first in `faces`. All FACE_MAX of them
 * are written to: candidates lie there, too. */
int32_t face_decode(const face_grid *grids, int32_t grid_count, int32_t threshold,
                    face faces[FACE_MAX]);

#endif
