/* net: constants, file 1 of 1.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 */
#include "net_weights.h"

NET_WEIGHTS_SECTION
const int8_t net_middle_node_weights[72] = {
    -95,31,81,77,76,94,86,99,0,-33,13,94,23,-90,123,119,26,3,123,
    -95,54,-14,-93,71,-120,42,-75,-8,-4,126,-49,47,-90,-57,14,-57,-25,91,
    83,-124,109,-92,-4,-106,12,-39,123,121,-110,73,-37,101,11,-64,109,-50,-94,
    43,23,-18,65,-10,56,-66,114,3,-67,-90,122,113,23,91,
};

NET_WEIGHTS_SECTION
const int32_t net_middle_node_bias[4] = {
    1283, 2974, 7680, 3032,
};

NET_WEIGHTS_SECTION
const patchc_scale net_middle_node_scale[4] = {
    {11463883u, 32}, {11439387u, 31}, {11707656u, 32}, {8702601u, 32},
};

NET_WEIGHTS_SECTION
const int8_t net_out_node_weights[108] = {
    -41,104,32,50,63,-41,100,-123,-49,-87,-126,127,-105,-10,82,49,91,-114,-1,
    -119,-79,88,-109,22,-122,-49,110,-47,-49,-105,70,-83,0,-121,-122,86,-126,-9,
    -19,-95,37,61,124,-78,108,-112,-91,25,94,101,61,-121,-21,78,7,-79,46,
    -104,50,-123,-36,-53,112,58,40,-2,-54,90,114,-72,-65,-47,-6,-62,-24,122,
    -34,112,1,-41,111,-16,70,-47,127,63,96,-117,-100,-110,8,-24,122,-65,-84,
    88,-50,62,-54,12,-107,41,106,49,97,72,17,109,
};

NET_WEIGHTS_SECTION
const int32_t net_out_node_bias[3] = {
    -4233, -764, 3789,
};

NET_WEIGHTS_SECTION
const patchc_scale net_out_node_scale[3] = {
    {10097120u, 33}, {8750235u, 32}, {10002109u, 33},
};
