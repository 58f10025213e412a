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
const int8_t net_conv0_node_weights[72] = {
    -106,-82,-67,-81,77,94,21,-117,-103,-43,-17,31,-5,-60,-87,49,60,-119,-99,
    -12,-28,99,4,-20,-18,42,22,-83,61,65,116,73,-55,-46,38,38,50,94,
    -53,112,-127,-108,121,113,-51,-92,-47,-117,100,41,22,-65,-7,-79,70,-7,-120,
    -63,53,5,-32,-63,-104,28,41,5,110,109,-75,28,33,-64,
};

NET_WEIGHTS_SECTION
const patchc_form net_conv0_node_form[6] = {
    {-1, 0}, {-2, 0}, {-3, 0},
    {-4, 0}, {-5, 0}, {-6, 0},
};

NET_WEIGHTS_SECTION
const patchc_rare net_conv0_node_rare[6] = {
    {4514, {10737418, 30}, 7, 12}, {2603, {10737418, 30}, 7, 12},
    {-2795, {10737418, 30}, 7, 12}, {1052, {10737418, 30}, 7, 12},
    {822, {10737418, 30}, 7, 12}, {-39, {10737418, 30}, 7, 12},
};
