/* net: constants, file 1 of 1.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 */
#include "net_weights.h"

NET_WEIGHTS_SECTION
const int32_t net_e_node_bias[12] = {
    -3676, -1716, 3845, -3191, 582, -1050, -2333, -2911,
    1277, -1769, -1634, -1848,
};

NET_WEIGHTS_SECTION
const patchc_scale net_e_node_scale[12] = {
    {11777331u, 30}, {8831567u, 30}, {15068090u, 30}, {8729297u, 29},
    {12255047u, 30}, {14601468u, 30}, {8809155u, 29}, {12513661u, 31},
    {12970684u, 30}, {8658877u, 29}, {14572231u, 31}, {8534406u, 30},
};

NET_WEIGHTS_SECTION
const int32_t net_d_node_bias[12] = {
    2056, -2647, -3842, -2918, 1026, 1600, 744, 1346,
    671, -96, -533, -5169,
};

NET_WEIGHTS_SECTION
const patchc_scale net_d_node_scale[12] = {
    {11191938u, 31}, {13881917u, 31}, {15661667u, 31}, {9318680u, 31},
    {14793460u, 31}, {11500635u, 31}, {12113272u, 31}, {11299425u, 31},
    {10246041u, 31}, {14665629u, 31}, {10445016u, 31}, {15957892u, 32},
};

NET_WEIGHTS_SECTION
const int32_t net_p_node_bias[3] = {
    1188, 1808, 499,
};

NET_WEIGHTS_SECTION
const patchc_scale net_p_node_scale[3] = {
    {9076934u, 31}, {14680328u, 31}, {10787165u, 32},
};
