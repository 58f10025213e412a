/* Part of what patchc made. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Included before every file of the network: link.ld puts this section where weights go. */
#define NET_WEIGHTS_SECTION __attribute__((section(".weights")))
