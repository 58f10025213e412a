#include "detector.h"

/* Of the network's 18 classes: FACE_FEMALE, FACE_MALE. */
static const uint8_t faces[] = {1, 12};

/* The output that the header calls `port`, where it lies in the arena. */
#define MAP(port)                                                         \
    {                                                                     \
        .values = arena + YOLOV8N_##port##_OFFSET,                        \
        .rows = YOLOV8N_##port##_HEIGHT,                                  \
        .columns = YOLOV8N_##port##_WIDTH,                                \
        .channels = YOLOV8N_##port##_CHANNELS,                            \
        .cell = YOLOV8N_IN0_HEIGHT / YOLOV8N_##port##_HEIGHT,             \
        .zero_point = YOLOV8N_##port##_ZERO_POINT,                        \
        .score_scale = BOX_SCORE_SCALE(YOLOV8N_##port##_SCALE),           \
        .halvings = BOX_HALVINGS(YOLOV8N_##port##_SCALE),                 \
    }

int detector_run(detector *self, const detector_inputs *in, int32_t threshold)
{
    const int8_t *arena = (const int8_t *)self->arena;
    const box_map maps[] = {MAP(OUT2), MAP(OUT1), MAP(OUT0)};
    const int status = yolov8n_run(self->arena, in, 0);

    self->found_count = 0;
    if (status == 0) {
        self->found_count = box_decode(maps, 3, faces, 2, threshold, self->found);
    }
    return status;
}
