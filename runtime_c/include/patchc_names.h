/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc runtime: what the linker calls its functions.
 *
 * The file of this name beside an emitted network has a macro for each of them, with another prefix:
 * of that network, or of this version of the runtime. Here they keep their names.
 */
#ifndef PATCHC_NAMES_H
#define PATCHC_NAMES_H

#endif
