/* net: constants, file 1 of 1.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 */
#include "net_weights.h"

NET_WEIGHTS_SECTION
const int8_t net_a_node_weights[108] = {
    84,18,120,95,39,93,71,-44,-35,63,-51,-87,-105,104,15,-114,52,-111,-9,
    -120,-39,-127,-61,95,92,37,100,109,-41,57,122,-97,36,60,13,64,-81,80,
    -76,78,12,-26,-20,122,-109,86,-17,113,67,2,43,66,-104,-85,110,106,55,
    -69,-120,108,66,73,-112,-63,-8,38,-88,-40,76,92,-121,27,65,13,-86,-100,
    83,-12,59,-53,-79,77,-81,94,-84,-94,81,-100,42,69,-56,-94,39,63,47,
    79,48,-36,126,26,88,-104,-18,56,-115,53,-69,-34,
};

NET_WEIGHTS_SECTION
const int32_t net_a_node_bias[6] = {
    372, 5637, -1054, 6265, -987, 1341,
};

NET_WEIGHTS_SECTION
const patchc_scale net_a_node_scale[6] = {
    {15766397u, 31}, {15875412u, 31}, {8767499u, 31}, {8889858u, 30},
    {10103291u, 31}, {11856442u, 31},
};

NET_WEIGHTS_SECTION
const int8_t net_d_node_weights[54] = {
    -116,-89,122,18,-67,68,100,-33,121,-75,-1,107,79,-114,-110,-9,-84,-10,-76,
    85,50,-18,-27,-71,-3,110,102,-111,-64,-27,77,-37,16,-8,57,-77,26,-126,
    105,-69,-69,-122,44,106,-12,56,77,-43,-79,-90,-32,-47,119,-37,
};

NET_WEIGHTS_SECTION
const int32_t net_d_node_bias[6] = {
    -1083, 2366, -5379, 3686, 814, 2756,
};

NET_WEIGHTS_SECTION
const patchc_scale net_d_node_scale[6] = {
    {14192832u, 31}, {9366884u, 31}, {8665745u, 31}, {14621542u, 32},
    {12495502u, 31}, {11035508u, 31},
};

NET_WEIGHTS_SECTION
const int8_t net_p_node_weights[24] = {
    -62,34,-26,17,-23,-120,43,-115,-108,-97,-78,-102,-33,-50,82,116,125,7,-22,
    116,-58,-46,-27,-124,
};

NET_WEIGHTS_SECTION
const int32_t net_p_node_bias[4] = {
    2222, 3470, 573, 1032,
};

NET_WEIGHTS_SECTION
const patchc_scale net_p_node_scale[4] = {
    {10929111u, 32}, {11223643u, 31}, {13708852u, 31}, {9775737u, 32},
};

NET_WEIGHTS_SECTION
const int8_t net_c_node_weights[20] = {
    28,33,-26,27,-108,-43,69,-65,-112,-16,126,80,66,-50,-126,104,52,-87,-14,
    -109,
};

NET_WEIGHTS_SECTION
const int32_t net_c_node_bias[5] = {
    1395, 729, -566, -1630, 1773,
};

NET_WEIGHTS_SECTION
const patchc_scale net_c_node_scale[5] = {
    {16709564u, 32}, {14357179u, 31}, {12308494u, 31}, {14265011u, 31},
    {9961762u, 30},
};

NET_WEIGHTS_SECTION
const int8_t net_logits_node_weights[35] = {
    -120,-118,-51,-98,-3,-15,-77,-42,-115,65,93,94,86,-34,-34,28,-89,-7,17,
    104,94,3,-78,52,-26,-8,-73,-91,3,-124,-94,-126,-41,95,126,
};

NET_WEIGHTS_SECTION
const int32_t net_logits_node_bias[7] = {
    2495, 1571, 759, -1129, -623, 3130, 931,
};

NET_WEIGHTS_SECTION
const patchc_scale net_logits_node_scale[7] = {
    {8625327u, 30}, {12472697u, 32}, {10303520u, 31}, {15957831u, 31},
    {16260947u, 31}, {9894259u, 31}, {14083740u, 31},
};
