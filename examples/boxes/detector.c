#include "detector.h"

/* Of the network's 18 classes: FACE_FEMALE, FACE_MALE. */
static const uint8_t faces[] = {1, 12};

int detector_run(detector *self, const detector_inputs *in, int32_t threshold)
{
    const int8_t *arena = (const int8_t *)self->arena;
    const box_map maps[] = {
        {
            .values = arena + YOLOV8N_OUT2_OFFSET,
            .rows = YOLOV8N_OUT2_HEIGHT,
            .columns = YOLOV8N_OUT2_WIDTH,
            .channels = YOLOV8N_OUT2_CHANNELS,
            .cell = YOLOV8N_IN0_HEIGHT / YOLOV8N_OUT2_HEIGHT,
            .zero_point = YOLOV8N_OUT2_ZERO_POINT,
            .score_scale = BOX_SCORE_SCALE(YOLOV8N_OUT2_SCALE),
            .halvings = BOX_HALVINGS(YOLOV8N_OUT2_SCALE),
        },
        {
            .values = arena + YOLOV8N_OUT1_OFFSET,
            .rows = YOLOV8N_OUT1_HEIGHT,
            .columns = YOLOV8N_OUT1_WIDTH,
            .channels = YOLOV8N_OUT1_CHANNELS,
            .cell = YOLOV8N_IN0_HEIGHT / YOLOV8N_OUT1_HEIGHT,
            .zero_point = YOLOV8N_OUT1_ZERO_POINT,
            .score_scale = BOX_SCORE_SCALE(YOLOV8N_OUT1_SCALE),
            .halvings = BOX_HALVINGS(YOLOV8N_OUT1_SCALE),
        },
        {
            .values = arena + YOLOV8N_OUT0_OFFSET,
            .rows = YOLOV8N_OUT0_HEIGHT,
            .columns = YOLOV8N_OUT0_WIDTH,
            .channels = YOLOV8N_OUT0_CHANNELS,
            .cell = YOLOV8N_IN0_HEIGHT / YOLOV8N_OUT0_HEIGHT,
            .zero_point = YOLOV8N_OUT0_ZERO_POINT,
            .score_scale = BOX_SCORE_SCALE(YOLOV8N_OUT0_SCALE),
            .halvings = BOX_HALVINGS(YOLOV8N_OUT0_SCALE),
        },
    };
    const int status = yolov8n_run(self->arena, in, 0);

    self->found_count = 0;
    if (status == 0) {
        self->found_count = box_decode(maps, 3, faces, 2, threshold, self->found);
    }
    return status;
}
