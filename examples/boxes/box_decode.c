#include "box_decode.h"

/* A candidate whose box shares this part of the union with a better one is dropped. */
#define OVERLAP_PART 9
#define OVERLAP_WHOLE 20

/* 2^20 * 2^-(i / 16) */
#define POWER_STEPS 16
#define POWER_BELOW (BOX_UNIT / POWER_STEPS)
static const int32_t powers[POWER_STEPS + 1] = {
    1048576, 1004120, 961548, 920782, 881744, 844361, 808563, 774282,
    741455, 710020, 679917, 651091, 623487, 597053, 571740, 547500,
    524288,
};

static int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }
static int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

/* 2^20 * 2^-(halvings / BOX_UNIT), on straight lines between the table's: 0.03 % off at most. */
static int32_t power(int32_t halvings)
{
    const int32_t whole = halvings / BOX_UNIT;
    const int32_t rest = halvings % BOX_UNIT;
    const int32_t *const high = &powers[rest / POWER_BELOW];
    const int32_t drop = (high[0] - high[1]) * (rest % POWER_BELOW) / POWER_BELOW;
    return whole > 20 ? 0 : (high[0] - drop) >> whole;
}

/* Of a side from the centre, in cells / BOX_UNIT: the mean of 0, 1, 2, ... after a softmax. */
static int32_t distance(const int8_t bins[BOX_BINS], int32_t halvings)
{
    int32_t most = bins[0], sum = 0, weighted = 0;
    int32_t i;

    for (i = 1; i < BOX_BINS; i++) {
        most = larger(most, bins[i]);
    }
    for (i = 0; i < BOX_BINS; i++) {
        const int32_t weight = power((most - bins[i]) * halvings);
        sum += weight; /* 2^24 at most, and 2^20 at least */
        weighted += i * weight;
    }
    return (int32_t)((int64_t)weighted * BOX_UNIT / sum);
}

/* The box of the cell whose centre is (x, y). */
static box candidate(const box_map *map, const int8_t *values, int32_t x, int32_t y, int32_t score,
                     int32_t label)
{
    int32_t far[BOX_SIDES];
    int32_t i;
    box b;

    for (i = 0; i < BOX_SIDES; i++) {
        far[i] = map->cell * distance(values + i * BOX_BINS, map->halvings);
    }
    b.score = score;
    b.left = x - far[0];
    b.top = y - far[1];
    b.right = x + far[2];
    b.bottom = y + far[3];
    b.label = label;
    return b;
}

/* Keeps `boxes` sorted, best first, of equal scores the first first. The new count. */
static int32_t insert(box boxes[BOX_MAX], int32_t count, const box *added)
{
    int32_t at = count;

    if (count == BOX_MAX) {
        if (added->score <= boxes[BOX_MAX - 1].score) {
            return count;
        }
        at = BOX_MAX - 1;
    } else {
        count++;
    }
    while (at > 0 && boxes[at - 1].score < added->score) {
        boxes[at] = boxes[at - 1];
        at--;
    }
    boxes[at] = *added;
    return count;
}

static int32_t collect(const box_map *map, const uint8_t *labels, int32_t label_count,
                       int32_t threshold, box boxes[BOX_MAX], int32_t count)
{
    const int32_t half_cell = map->cell * (BOX_UNIT / 2);
    const int8_t *values = map->values;
    int32_t row, column, i;

    for (row = 0; row < map->rows; row++) {
        for (column = 0; column < map->columns; column++) {
            const int8_t *const classes = values + BOX_SIDES * BOX_BINS;
            int32_t label = labels[0];
            int32_t score;
            for (i = 1; i < label_count; i++) {
                label = classes[labels[i]] > classes[label] ? labels[i] : label;
            }
            score = (classes[label] - map->zero_point) * map->score_scale;
            if (score > threshold) {
                const box found = candidate(map, values, (2 * column + 1) * half_cell,
                                            (2 * row + 1) * half_cell, score, label);
                count = insert(boxes, count, &found);
            }
            values += map->channels;
        }
    }
    return count;
}

/* In 1 / BOX_UNIT^2 pixels: a box is up to 2 * 15 cells wide. */
static int64_t area(const box *b) { return (int64_t)(b->right - b->left) * (b->bottom - b->top); }

static int overlap(const box *a, const box *b)
{
    const int32_t width = smaller(a->right, b->right) - larger(a->left, b->left);
    const int32_t height = smaller(a->bottom, b->bottom) - larger(a->top, b->top);
    const int64_t both = (int64_t)larger(0, width) * larger(0, height);
    return both * OVERLAP_WHOLE >= (area(a) + area(b) - both) * OVERLAP_PART;
}

int32_t box_decode(const box_map *maps, int32_t map_count, const uint8_t *labels,
                   int32_t label_count, int32_t threshold, box boxes[BOX_MAX])
{
    int32_t candidates = 0, kept = 0;
    int32_t i, j;

    for (i = 0; i < map_count; i++) {
        candidates = collect(&maps[i], labels, label_count, threshold, boxes, candidates);
    }
    for (i = 0; i < candidates; i++) {
        for (j = 0; j < kept && !overlap(&boxes[i], &boxes[j]); j++) {
        }
        if (j == kept) {
            boxes[kept] = boxes[i];
            kept++;
        }
    }
    return kept;
}
