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

extern const int8_t net_a_node_weights[108];
extern const patchc_form net_a_node_form[6];
extern const int8_t net_d_node_weights[54];
extern const patchc_form net_d_node_form[6];
extern const int8_t net_p_node_weights[24];
extern const patchc_form net_p_node_form[4];
extern const int8_t net_c_node_weights[20];
extern const patchc_form net_c_node_form[5];
extern const int8_t net_logits_node_weights[35];
extern const patchc_form net_logits_node_form[7];

#endif
