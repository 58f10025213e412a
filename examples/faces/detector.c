#include "detector.h"

int detector_run(detector *self, const detector_inputs *in, int32_t threshold)
{
    const int8_t *arena = (const int8_t *)self->arena;
    const face_grid grids[] = {
        {
            .cells = BLAZEFACE_OUT0_HEIGHT,
            .anchors = BLAZEFACE_OUT0_CHANNELS,
            .scores = arena + BLAZEFACE_OUT0_OFFSET,
            .boxes = arena + BLAZEFACE_OUT2_OFFSET,
            .score_zero_point = BLAZEFACE_OUT0_ZERO_POINT,
            .box_zero_point = BLAZEFACE_OUT2_ZERO_POINT,
            .score_scale = FACE_SCORE_SCALE(BLAZEFACE_OUT0_SCALE),
            .box_scale = FACE_BOX_SCALE(BLAZEFACE_OUT2_SCALE),
        },
        {
            .cells = BLAZEFACE_OUT1_HEIGHT,
            .anchors = BLAZEFACE_OUT1_CHANNELS,
            .scores = arena + BLAZEFACE_OUT1_OFFSET,
            .boxes = arena + BLAZEFACE_OUT3_OFFSET,
            .score_zero_point = BLAZEFACE_OUT1_ZERO_POINT,
            .box_zero_point = BLAZEFACE_OUT3_ZERO_POINT,
            .score_scale = FACE_SCORE_SCALE(BLAZEFACE_OUT1_SCALE),
            .box_scale = FACE_BOX_SCALE(BLAZEFACE_OUT3_SCALE),
        },
    };
    const int status = blazeface_run(self->arena, in, 0);

    self->found_count = 0;
    if (status == 0) {
        self->found_count = face_decode(grids, 2, threshold, self->found);
    }
    return status;
}
