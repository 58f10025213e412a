/* The network that patchc made and the decoding behind it: compile with -I OUT. */
#ifndef DETECTOR_H
#define DETECTOR_H

#include "blazeface.h"
#include "face_decode.h"

/* The arena, which holds the network's outputs after a run, and the faces found. */
typedef struct {
    int32_t arena[(BLAZEFACE_ARENA_BYTES + 3) / 4];
    int32_t face_count;
    face faces[FACE_MAX];
} detector;

/* 0, or one of BLAZEFACE_ERR_*. */
int detector_run(detector *self, const blazeface_inputs *in, int32_t threshold);

#endif
