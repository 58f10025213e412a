/* net: the constants that its kernels read.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * Define NET_WEIGHTS_SECTION to move them, for example
 * -D'NET_WEIGHTS_SECTION=__attribute__((section(".qspi")))'.
 */
#ifndef NET_WEIGHTS_H
#define NET_WEIGHTS_H

#include <stdint.h>

#include "patchc_kernels.h"

#ifndef NET_WEIGHTS_SECTION
#define NET_WEIGHTS_SECTION
#endif

extern const int8_t net_conv0_node_weights[216];
extern const patchc_form net_conv0_node_form[8];
extern const int8_t net_conv1_node_weights[48];
extern const patchc_form net_conv1_node_form[6];
extern const int32_t net_permute2_node_rows[2];
extern const int32_t net_permute2_node_cols[2];
extern const int32_t net_permute2_node_channels[2];
extern const int8_t net_conv3_node_weights[48];
extern const patchc_form net_conv3_node_form[6];
extern const uint32_t net_softmax8_node_exponentials[256];
extern const int8_t net_conv5_node_weights[48];
extern const patchc_form net_conv5_node_form[6];
extern const patchc_rare net_matmul9_node_out_rare[1];
extern const int32_t net_permute10_node_rows[2];
extern const int32_t net_permute10_node_cols[2];
extern const int32_t net_permute10_node_channels[4];
extern const int8_t net_conv11_node_weights[48];
extern const patchc_form net_conv11_node_form[8];
extern const patchc_rare net_globalaveragepool13_node_rare[1];
extern const int8_t net_conv14_node_weights[24];
extern const patchc_form net_conv14_node_form[3];

#endif
