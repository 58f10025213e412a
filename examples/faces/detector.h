/* The network that patchc made and the decoding behind it: compile with -I OUT/include. */
#ifndef DETECTOR_H
#define DETECTOR_H

#include "blazeface.h"
#include "face_decode.h"

/* The arena, which holds the network's outputs after a run, and the faces found. */
typedef struct {
    int32_t arena[(BLAZEFACE_ARENA_BYTES + 3) / 4];
    int32_t found_count;
    face found[FACE_MAX];
} detector;

/* What examples/detectors reads of any detector. */
typedef blazeface_inputs detector_inputs;
#define DETECTOR_SIDE BLAZEFACE_IN0_HEIGHT /* pixels, both sides */
#define DETECTOR_FROM_RGB blazeface_from_rgb

/* 0, or one of BLAZEFACE_ERR_*. */
int detector_run(detector *self, const detector_inputs *in, int32_t threshold);

#endif
