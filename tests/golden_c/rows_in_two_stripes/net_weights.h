/* net: the constants that its kernels read.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
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
extern const int32_t net_conv0_node_bias[6];
extern const patchc_scale net_conv0_node_scale[6];
extern const int8_t net_conv1_node_weights[54];
extern const int32_t net_conv1_node_bias[6];
extern const patchc_scale net_conv1_node_scale[6];
extern const int8_t net_coarse_node_weights[24];
extern const int32_t net_coarse_node_bias[4];
extern const patchc_scale net_coarse_node_scale[4];
extern const int8_t net_fine_node_weights[108];
extern const int32_t net_fine_node_bias[3];
extern const patchc_scale net_fine_node_scale[3];
extern const int8_t net_edges_node_weights[54];
extern const int32_t net_edges_node_bias[6];
extern const patchc_scale net_edges_node_scale[6];
extern const int8_t net_logits_node_weights[30];
extern const int32_t net_logits_node_bias[5];
extern const patchc_scale net_logits_node_scale[5];

#endif
