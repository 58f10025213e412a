/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Weights that the network reads through a pointer: WEIGHTS_FILE as it is. */
    .section .weights, "a", %progbits
    .global network_weights
    .balign 16
network_weights:
    .incbin WEIGHTS_FILE
