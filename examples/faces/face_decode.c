#include "face_decode.h"

/* A candidate whose box shares this part of the union with a better one is dropped. */
#define OVERLAP_PART 3
#define OVERLAP_WHOLE 10

static int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }
static int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

/* In 1 / FACE_UNIT^2 pixels: 2^48 at most for what the network can answer. */
static int64_t area(const face *f)
{
    return (int64_t)(f->right - f->left) * (f->bottom - f->top);
}

static int overlap(const face *a, const face *b)
{
    const int32_t width = smaller(a->right, b->right) - larger(a->left, b->left);
    const int32_t height = smaller(a->bottom, b->bottom) - larger(a->top, b->top);
    const int64_t both = (int64_t)larger(0, width) * larger(0, height);
    return both * OVERLAP_WHOLE >= (area(a) + area(b) - both) * OVERLAP_PART;
}

/* The face at the anchor (x, y). */
static face candidate(const face_grid *grid, const int8_t *box, int32_t x, int32_t y, int32_t score)
{
    int32_t half[FACE_BOX_VALUES];
    int32_t i;
    face f;

    for (i = 0; i < FACE_BOX_VALUES; i++) {
        half[i] = (box[i] - grid->box_zero_point) * grid->box_scale;
    }
    f.score = score;
    f.left = x + 2 * half[0] - half[2];
    f.top = y + 2 * half[1] - half[3];
    f.right = x + 2 * half[0] + half[2];
    f.bottom = y + 2 * half[1] + half[3];
    for (i = 0; i < FACE_POINTS; i++) {
        f.points[i][0] = x + 2 * half[4 + 2 * i];
        f.points[i][1] = y + 2 * half[5 + 2 * i];
    }
    return f;
}

/* Keeps `faces` sorted, best first, of equal scores the first first. The new count. */
static int32_t insert(face faces[FACE_MAX], int32_t count, const face *added)
{
    int32_t at = count;

    if (count == FACE_MAX) {
        if (added->score <= faces[FACE_MAX - 1].score) {
            return count;
        }
        at = FACE_MAX - 1;
    } else {
        count++;
    }
    while (at > 0 && faces[at - 1].score < added->score) {
        faces[at] = faces[at - 1];
        at--;
    }
    faces[at] = *added;
    return count;
}

static int32_t collect(const face_grid *grid, int32_t threshold, face faces[FACE_MAX],
                       int32_t count)
{
    /* Anchors are the centres of the cells. */
    const int32_t half_cell = FACE_IMAGE * FACE_UNIT / 2 / grid->cells;
    const int8_t *scores = grid->scores;
    const int8_t *box = grid->boxes;
    int32_t row, column, anchor;

    for (row = 0; row < grid->cells; row++) {
        for (column = 0; column < grid->cells; column++) {
            for (anchor = 0; anchor < grid->anchors; anchor++) {
                const int32_t score = (*scores - grid->score_zero_point) * grid->score_scale;
                if (score > threshold) {
                    const face found = candidate(grid, box, (2 * column + 1) * half_cell,
                                                 (2 * row + 1) * half_cell, score);
                    count = insert(faces, count, &found);
                }
                scores++;
                box += FACE_BOX_VALUES;
            }
        }
    }
    return count;
}

int32_t face_decode(const face_grid *grids, int32_t grid_count, int32_t threshold,
                    face faces[FACE_MAX])
{
    int32_t candidates = 0, kept = 0;
    int32_t i, j;

    for (i = 0; i < grid_count; i++) {
        candidates = collect(&grids[i], threshold, faces, candidates);
    }
    for (i = 0; i < candidates; i++) {
        for (j = 0; j < kept && !overlap(&faces[i], &faces[j]); j++) {
        }
        if (j == kept) {
            faces[kept] = faces[i];
            kept++;
        }
    }
    return kept;
}
