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

extern const int8_t net_conv0_node_weights[162];
extern const patchc_form net_conv0_node_form[6];
extern const int8_t net_conv1_node_weights[54];
extern const patchc_form net_conv1_node_form[6];
extern const int8_t net_conv2_node_weights[600];
extern const patchc_form net_conv2_node_form[4];
extern const int32_t net_branches_node_starts[3];
extern const int32_t net_branches_node_tables_at[3];
extern const int8_t net_branches_node_tables[768];
extern const int8_t net_difference_node_constant[16];
extern const int32_t net_widened_node_starts[1];
extern const int32_t net_widened_node_tables_at[1];
extern const int8_t net_widened_node_tables[256];
extern const int8_t net_widened_node_background[16];
extern const int8_t net_conv6_node_weights[144];
extern const patchc_form net_conv6_node_form[16];

#endif
