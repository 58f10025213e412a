/* Included in front of networks by tests: slices that differ in length, without a variable more. */
#ifndef SCATTERED_H
#define SCATTERED_H

#define NET_RUN_SLICE \
    ((uint32_t)(state.place.block * 7919 + state.place.stripe * 613 + state.place.tick * 1049 + \
                state.place.rows * 389 + state.place.part * 97) % 3000u)

#endif
