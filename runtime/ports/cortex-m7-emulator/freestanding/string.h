/* The part of <string.h> that the runtime uses, for a compiler that comes without a C library. Compilers know these
 * functions under their built-in names even when they compile for a freestanding target, so small copies stay inline.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_PORT_FREESTANDING_STRING_H
#define TINYTS_PORT_FREESTANDING_STRING_H

#include <stddef.h>

void *memcpy(void *restrict target, const void *restrict source, size_t bytes);
void *memmove(void *target, const void *source, size_t bytes);
void *memset(void *target, int value, size_t bytes);
int memcmp(const void *first, const void *second, size_t bytes);

#endif
