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
const patchc_form net_e_node_form[12] = {
    {188437305, -719330}, {141305060, -143613}, {241088684, 1157623},
    {279337462, -667323}, {196080790, 362075}, {233623428, -89959},
    {281892918, -449031}, {100109306, -327858}, {207531012, 528238},
    {277062046, -302063}, {116578017, -59906}, {136550552, -167110},
};

NET_WEIGHTS_SECTION
const patchc_form net_d_node_form[12] = {
    {89535481, 354413}, {111055370, -816240}, {125293331, -1106409},
    {74549461, -953491}, {118347688, 132588}, {92004812, 242291},
    {96906213, 31618}, {90395324, 174289}, {81968330, -16018},
    {117325042, -155777}, {83560291, -320665}, {63831529, -1564417},
};

NET_WEIGHTS_SECTION
const patchc_form net_p_node_form[3] = {
    {72615454, 92146}, {117442676, 331778}, {43148666, -229003},
};
