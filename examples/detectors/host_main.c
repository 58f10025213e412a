/* host_main THRESHOLD IMAGE...: what a detector finds in raw images of RGB bytes.
 *
 * THRESHOLD is a score, before the sigmoid. A line for each that is found: the image's number, then
 * the numbers of its struct, all of them int32_t. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detector.h"

#define PIXELS (DETECTOR_SIDE * DETECTOR_SIDE * 3)

static detector detector_memory;
static int8_t image[PIXELS]; /* quantised */

static int read_image(const char *path)
{
    static uint8_t pixels[PIXELS];
    FILE *file = fopen(path, "rb");
    size_t count;

    if (file == NULL) {
        return -1;
    }
    count = fread(pixels, 1, PIXELS, file);
    fclose(file);
    if (count != PIXELS) {
        return -1;
    }
    DETECTOR_FROM_RGB(image, pixels, DETECTOR_SIDE * DETECTOR_SIDE);
    return 0;
}

/* Gives the network a part of the image. */
static int read_part(void *ctx, int32_t row, int32_t col, int32_t rows, int32_t cols, int8_t *dst)
{
    const int8_t *map = ctx;
    int32_t i;

    for (i = 0; i < rows; i++) {
        memcpy(dst + i * cols * 3, map + ((row + i) * DETECTOR_SIDE + col) * 3, (size_t)cols * 3);
    }
    return 0;
}

static void print_found(int number, int32_t index)
{
    int32_t words[sizeof detector_memory.found[0] / sizeof(int32_t)];
    size_t i;

    memcpy(words, &detector_memory.found[index], sizeof words);
    printf("%d", number);
    for (i = 0; i < sizeof words / sizeof words[0]; i++) {
        printf(" %" PRId32, words[i]);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    const detector_inputs in = {{read_part, image}};
    int number;

    if (argc < 3) {
        fprintf(stderr, "usage: %s THRESHOLD IMAGE...\n", argv[0]);
        return 2;
    }
    for (number = 0; number < argc - 2; number++) {
        int32_t i;
        if (read_image(argv[number + 2]) != 0) {
            fprintf(stderr, "%s: cannot read %d bytes\n", argv[number + 2], PIXELS);
            return 2;
        }
        if (detector_run(&detector_memory, &in, (int32_t)atol(argv[1])) != 0) {
            fprintf(stderr, "%s: the network refused to run\n", argv[number + 2]);
            return 1;
        }
        for (i = 0; i < detector_memory.found_count; i++) {
            print_found(number, i);
        }
    }
    return 0;
}
