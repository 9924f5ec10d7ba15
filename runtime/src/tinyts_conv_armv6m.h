/* The inner loop of CONV_2D on Armv6-M, in assembly: two pixels times two output channels need eight registers besides
 * the sums, and there are eight that all instructions take. Compilers keep half of what they need on the stack.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_CONV_ARMV6M_H
#define TINYTS_CONV_ARMV6M_H

#include <stdint.h>

#include "tinyts_conv_portable_types.h"
#include "tinyts_naked.h"

/* An element of both pixels: 13 instructions for 4 products. r0 and r1 are the pixels, r2 is what the half word's place
 * is more than the element's, r3 the element's; r8 to r11 are the sums. */
#define TINYTS_ARMV6M_ELEMENT \
  "ldrsb r4, [r0, r3]\n\t"    \
  "ldrsb r5, [r1, r3]\n\t"    \
  "ldrsh r6, [r2, r3]\n\t"    \
  "mov r7, r6\n\t"            \
  "muls r7, r4, r7\n\t"       \
  "add r8, r7\n\t"            \
  "muls r6, r5, r6\n\t"       \
  "add r10, r6\n\t"           \
  "ldrsb r6, [r2, r3]\n\t"    \
  "muls r4, r6, r4\n\t"       \
  "add r9, r4\n\t"            \
  "muls r5, r6, r5\n\t"       \
  "add r11, r5\n\t"

/* Adds the products of a run to the sums, even and odd of the first pixel and then of the second; returns the half
 * words behind it. The run is not empty. */
TINYTS_NAKED static const int16_t *tinyts_conv_add_two_armv6m(tinyts_conv_sums *sums __attribute__((unused)),
                                                             const tinyts_portable_run *run __attribute__((unused)),
                                                             const int16_t *weights __attribute__((unused))) {
  __asm__ volatile(
      ".syntax unified\n\t" /* GCC goes back to the other by itself */
      "push {r0, r4, r5, r6, r7, lr}\n\t"
      "mov r4, r8\n\t"
      "mov r5, r9\n\t"
      "mov r6, r10\n\t"
      "mov r7, r11\n\t"
      "push {r4, r5, r6, r7}\n\t"
      "ldm r0!, {r4, r5, r6, r7}\n\t"
      "mov r8, r4\n\t"
      "mov r9, r5\n\t"
      "mov r10, r6\n\t"
      "mov r11, r7\n\t"
      "ldr r0, [r1, #0]\n\t"
      "ldr r3, [r1, #8]\n\t"
      "ldr r1, [r1, #4]\n\t"
      "mov r12, r3\n\t"
      "movs r3, #0\n"
      /* Half words are those of elements 0, 2, 1 and 3: the first two lie as far behind the block's as the elements do,
       * the others three bytes further. */
      "1:\n\t" TINYTS_ARMV6M_ELEMENT
      "adds r3, #2\n\t" TINYTS_ARMV6M_ELEMENT
      "adds r2, #3\n\t"
      "subs r3, #1\n\t" TINYTS_ARMV6M_ELEMENT
      "adds r3, #2\n\t" TINYTS_ARMV6M_ELEMENT
      "adds r3, #1\n\t"
      "adds r2, #1\n\t"
      "cmp r3, r12\n\t"
      "bne 1b\n\t"
      "mov r0, r2\n\t"
      "add r0, r3\n\t"
      "ldr r1, [sp, #16]\n\t"
      "mov r4, r8\n\t"
      "mov r5, r9\n\t"
      "mov r6, r10\n\t"
      "mov r7, r11\n\t"
      "stm r1!, {r4, r5, r6, r7}\n\t"
      "pop {r4, r5, r6, r7}\n\t"
      "mov r8, r4\n\t"
      "mov r9, r5\n\t"
      "mov r10, r6\n\t"
      "mov r11, r7\n\t"
      "pop {r1, r4, r5, r6, r7, pc}");
}

#undef TINYTS_ARMV6M_ELEMENT

#endif
