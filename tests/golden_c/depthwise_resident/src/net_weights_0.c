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
const int8_t net_conv0_node_weights[54] = {
    113,-55,11,118,97,-31,-41,123,3,32,103,110,112,77,-112,-33,121,21,-6,
    59,120,-83,101,120,-107,45,-18,19,-12,95,-92,109,27,-71,74,23,-82,-9,
    28,-50,52,-23,113,-75,42,-104,-93,5,-1,0,-2,91,0,-35,
};

NET_WEIGHTS_SECTION
const patchc_form net_conv0_node_form[6] = {
    {64680260, -1008846}, {55078974, -216821}, {77780958, -134000},
    {86843137, -1391338}, {109516119, 98960}, {82341458, 172205},
};
