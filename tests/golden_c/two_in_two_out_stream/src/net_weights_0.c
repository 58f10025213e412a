/* net: constants, file 1 of 1.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 */
#include "net_weights.h"

NET_WEIGHTS_SECTION
const int8_t net_sum_1_node_weights[108] = {
    118,123,-107,31,-54,-39,108,13,-98,73,107,72,26,117,-105,27,43,-47,24,
    -107,71,122,-33,-112,36,52,62,110,55,120,27,61,106,-51,22,67,106,3,
    -6,80,109,61,-99,-46,92,119,75,8,56,-56,99,-79,107,-5,-78,-127,-124,
    72,-9,24,-121,86,-112,-70,76,124,-16,24,-16,-73,-95,100,63,124,-23,-59,
    -4,-99,118,-63,102,98,-91,-84,-111,95,-94,-43,44,105,52,68,-126,95,-70,
    41,-90,53,-126,44,84,21,-31,-117,-53,14,-82,77,
};

NET_WEIGHTS_SECTION
const patchc_form net_sum_1_node_form[4] = {
    {35741497, 1214383}, {60756965, 1654323}, {28540713, 372655},
    {25199562, 970660},
};

NET_WEIGHTS_SECTION
const int8_t net_sum_1_node_2_weights[8] = {
    30,24,35,-45,-61,-69,-55,116,
};

NET_WEIGHTS_SECTION
const patchc_form net_sum_1_node_2_form[4] = {
    {75674306, 428955}, {128982365, 253537}, {81555174, 417776},
    {92018015, -86744},
};
