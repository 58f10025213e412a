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
const int8_t net_conv0_node_weights[35] = {
    3,82,-20,37,65,114,-58,13,115,-64,84,-106,-119,-48,-62,-120,-91,94,-23,
    93,65,86,10,81,-43,-12,74,-96,-50,-96,-12,122,-93,-30,-25,
};

NET_WEIGHTS_SECTION
const patchc_form net_conv0_node_form[7] = {
    {57450795, -1151742}, {62257706, -805195}, {102116580, -674870},
    {63735565, -963562}, {80460001, -527495}, {120931018, -640475},
    {119372697, -459237},
};
