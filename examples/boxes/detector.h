/* The network that patchc made and the decoding behind it: compile with -I OUT/include. */
#ifndef DETECTOR_H
#define DETECTOR_H

#include "box_decode.h"
#include "yolov8n.h"

/* The arena, which holds the network's outputs after a run, and the boxes found. */
typedef struct {
    int32_t arena[(YOLOV8N_ARENA_BYTES + 3) / 4];
    int32_t found_count;
    box found[BOX_MAX];
} detector;

/* What examples/detectors reads of any detector. */
typedef yolov8n_inputs detector_inputs;
#define DETECTOR_SIDE YOLOV8N_IN0_HEIGHT /* pixels, both sides */
#define DETECTOR_FROM_RGB yolov8n_from_rgb

/* 0, or one of YOLOV8N_ERR_*. */
int detector_run(detector *self, const detector_inputs *in, int32_t threshold);

#endif
