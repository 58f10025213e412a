/* net: what firmware may use in front of the network and behind it.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 */
#include "net.h"

int32_t net_top(const int8_t *values, int32_t count, int32_t *best, int32_t k)
{
    int32_t found = 0;
    int32_t i;

    for (i = 0; i < count; i++) {
        int32_t at = found;

        /* Behind those that are as large: they came first. */
        for (; at > 0 && values[best[at - 1]] < values[i]; at--) {
            if (at < k) {
                best[at] = best[at - 1];
            }
        }
        if (at < k) {
            best[at] = i;
            found += found < k;
        }
    }
    return found;
}
