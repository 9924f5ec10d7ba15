/* The loop of RESIZE_BILINEAR between columns where positions are whole sixteenths, for Armv7E-M's DSP instructions. Only
 * to be included where __ARM_FEATURE_DSP is defined.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_RESIZE_SIXTEENTHS_H
#define TINYTS_RESIZE_SIXTEENTHS_H

#include <stddef.h>
#include <stdint.h>

#include "naked.h"

/* Four channels of all columns of a row. The assembly knows this struct by heart. */
typedef struct {
  int8_t *output;
  const int32_t *column, *end;  /* {lower, upper, distance} */
  const int8_t *lower, *upper;  /* the rows between which the result is */
  uint32_t down, up;            /* how far it is from the lower, and from the upper, in sixteenths */
  uint32_t pixel_bytes;
} tinyts_sixteenths_job;

_Static_assert(sizeof(void *) != 4 || offsetof(tinyts_sixteenths_job, pixel_bytes) == 28, "the assembly has these offsets");

/* Bytes from 0 on, two in a word: weighted sums of them fit 16 bits without a sign, so that one multiplication is for two.
 * What is between both rows at the place in r11, 16 times, in r2 and r3; lr is the job, r12 is lost. */
#define TINYTS_BETWEEN_ROWS      \
  "ldr r12, [lr, #12]\n\t"       \
  "ldr r3, [lr, #16]\n\t"        \
  "ldr r12, [r12, r11]\n\t"      \
  "ldr r11, [r3, r11]\n\t"       \
  "eor r12, r12, #0x80808080\n\t" \
  "eor r11, r11, #0x80808080\n\t" \
  "uxtb16 r2, r12\n\t"           \
  "uxtb16 r3, r12, ror #8\n\t"   \
  "ldr r12, [lr, #24]\n\t"       \
  "mul r2, r2, r12\n\t"          \
  "mul r3, r3, r12\n\t"          \
  "uxtb16 r12, r11\n\t"          \
  "uxtb16 r11, r11, ror #8\n\t"  \
  "ldr lr, [lr, #20]\n\t"        \
  "mla r2, r12, lr, r2\n\t"      \
  "mla r3, r11, lr, r3\n\t"

/* r0 and r1: what the left column counts, 256 times, and nearly half of that; r2 and r3: a sixteenth of how much more the
 * right one is; both of even and of odd channels. r4 and r5 are the columns, r6 the output, r7 the pixel's bytes, r10 the
 * left column's place. Halves are rounded away from 0, which is 128 here. */
TINYTS_NAKED static void tinyts_resize_columns(const tinyts_sixteenths_job *job __attribute__((unused))) {
  __asm__ volatile(
      "push {r0, r4-r11, lr}\n\t"
      "ldr r6, [r0]\n\t"
      "ldrd r4, r5, [r0, #4]\n\t"
      "ldr r7, [r0, #28]\n\t"
      "mov r8, #0x00010001\n\t"
      "mov r9, #0x00ff00ff\n\t"
      "mov r10, #0x80000000\n"
      "1:\n\t"
      "ldr r11, [r4], #12\n\t"
      "cmp r11, r10\n\t"
      "bne 3f\n"
      "2:\n\t"
      "ldr r12, [r4, #-4]\n\t"
      "lsr r12, r12, #6\n\t"
      "mla r11, r2, r12, r0\n\t"
      "mla r12, r3, r12, r1\n\t"
      "and lr, r8, r11, lsr #15\n\t"
      "add r11, r11, lr\n\t"
      "and lr, r8, r12, lsr #15\n\t"
      "add r12, r12, lr\n\t"
      "and r11, r9, r11, lsr #8\n\t"
      "bic r12, r12, #0x00ff00ff\n\t"
      "orr r11, r11, r12\n\t"
      "eor r11, r11, #0x80808080\n\t"
      "str r11, [r6]\n\t"
      "add r6, r6, r7\n\t"
      "cmp r4, r5\n\t"
      "bne 1b\n\t"
      "pop {r0, r4-r11, pc}\n"
      "3:\n\t" /* to another pair of columns; nearly always the right one becomes the left one */
      "ldr lr, [sp]\n\t"
      "sub r12, r11, r10\n\t"
      "mov r10, r11\n\t"
      "cmp r12, r7\n\t"
      "bne 5f\n\t"
      "add r0, r0, r2, lsl #4\n\t"
      "add r1, r1, r3, lsl #4\n"
      "4:\n\t"
      "ldr r11, [r4, #-8]\n\t" TINYTS_BETWEEN_ROWS
      "sub r11, r0, #0x007f007f\n\t"
      "sub r12, r1, #0x007f007f\n\t"
      "sub r2, r2, r11, lsr #4\n\t"
      "sub r3, r3, r12, lsr #4\n\t"
      "b 2b\n"
      "5:\n\t" TINYTS_BETWEEN_ROWS
      "ldr lr, [sp]\n\t"
      "mov r0, #0x007f007f\n\t"
      "add r1, r0, r3, lsl #4\n\t"
      "add r0, r0, r2, lsl #4\n\t"
      "b 4b\n");
}

#endif
