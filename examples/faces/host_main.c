/* host_main THRESHOLD IMAGE...: the faces in raw images of 128 x 128 RGB bytes.
 *
 * THRESHOLD is a score in 1 / FACE_UNIT. A line per face: the image's number, then the face's score,
 * left, top, right, bottom and points, in 1 / FACE_UNIT as well. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detector.h"

#define PIXELS (FACE_IMAGE * FACE_IMAGE * 3)

static detector detector_memory;
static int8_t image[PIXELS]; /* quantised */

static int read_image(const char *path)
{
    uint8_t pixels[PIXELS];
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
    blazeface_from_rgb(image, pixels, FACE_IMAGE * FACE_IMAGE);
    return 0;
}

/* Gives the network a part of the image. */
static int read_part(void *ctx, int32_t row, int32_t col, int32_t rows, int32_t cols, int8_t *dst)
{
    const int8_t *map = ctx;
    int32_t i;

    for (i = 0; i < rows; i++) {
        memcpy(dst + i * cols * 3, map + ((row + i) * FACE_IMAGE + col) * 3, (size_t)cols * 3);
    }
    return 0;
}

static void print_face(int number, const face *f)
{
    int i;

    printf("%d %" PRId32 " %" PRId32 " %" PRId32 " %" PRId32 " %" PRId32, number, f->score, f->left,
           f->top, f->right, f->bottom);
    for (i = 0; i < FACE_POINTS; i++) {
        printf(" %" PRId32 " %" PRId32, f->points[i][0], f->points[i][1]);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    const blazeface_inputs in = {{read_part, image}};
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
        for (i = 0; i < detector_memory.face_count; i++) {
            print_face(number, &detector_memory.faces[i]);
        }
    }
    return 0;
}
