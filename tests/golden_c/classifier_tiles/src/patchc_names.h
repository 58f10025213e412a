/* Part of what patchc made. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* What the linker calls the functions of the patchc_* files of this folder:
 * those of net alone. */
#ifndef PATCHC_NAMES_H
#define PATCHC_NAMES_H

#define NET_RUNTIME 1

#define patchc_channels net_patchc_channels
#define patchc_conv2d net_patchc_conv2d
#define patchc_dense net_patchc_dense
#define patchc_dot_4x2 net_patchc_dot_4x2
#define patchc_dot_8 net_patchc_dot_8
#define patchc_global_average_pool net_patchc_global_average_pool
#define patchc_rare_value net_patchc_rare_value

#endif
