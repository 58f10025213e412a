/* boxes_main FILE: what box_decode finds in each case of FILE, int32_t of this machine: a threshold,
 * then of each of MAPS maps the numbers of its struct and its values. A line per box: the case's
 * number, then the numbers of the box. Each map has its own memory, of its size. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "box_decode.h"

#define MAPS 3
static const uint8_t labels[] = {LABELS};

/* 0 at the end of the file. */
static int read_case(FILE *file, int32_t *threshold, box_map maps[MAPS], int8_t *memory[MAPS])
{
    int32_t words[7];
    int i;

    if (fread(threshold, sizeof *threshold, 1, file) != 1) {
        return 0;
    }
    for (i = 0; i < MAPS; i++) {
        size_t bytes;
        if (fread(words, sizeof words, 1, file) != 1) {
            exit(2);
        }
        bytes = (size_t)(words[0] * words[1] * words[2]);
        memory[i] = malloc(bytes);
        if (memory[i] == NULL || fread(memory[i], 1, bytes, file) != bytes) {
            exit(2);
        }
        maps[i] = (box_map){memory[i], words[0], words[1], words[2],
                            words[3],  words[4], words[5], words[6]};
    }
    return 1;
}

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    box_map maps[MAPS];
    int8_t *memory[MAPS];
    int32_t threshold;
    int number;

    if (file == NULL) {
        return 2;
    }
    for (number = 0; read_case(file, &threshold, maps, memory); number++) {
        box boxes[BOX_MAX];
        const int32_t count = box_decode(maps, MAPS, labels, (int32_t)sizeof labels, threshold, boxes);
        int32_t i;
        for (i = 0; i < count; i++) {
            const box *b = &boxes[i];
            printf("%d %" PRId32 " %" PRId32 " %" PRId32 " %" PRId32 " %" PRId32 " %" PRId32 "\n",
                   number, b->score, b->left, b->top, b->right, b->bottom, b->label);
        }
        for (i = 0; i < MAPS; i++) {
            free(memory[i]);
        }
    }
    fclose(file);
    return 0;
}
