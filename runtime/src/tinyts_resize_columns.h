/* The loops of RESIZE_BILINEAR over the columns of a row for Armv7E-M: what is between two rows is worked out once for each
 * column of the input. Only to be included where __ARM_FEATURE_DSP is defined.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_RESIZE_COLUMNS_H
#define TINYTS_RESIZE_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

#include "tinyts_naked.h"
#include "tinyts/tinyts_compiler.h"

/* Four channels of all columns of a row. The assembly knows this struct by heart. */
typedef struct {
  int8_t *output;
  const int32_t *column, *end;  /* {lower, upper, distance} */
  const int8_t *lower, *upper;  /* the rows between which the result is */
  uint32_t down, up;            /* how far it is from the lower, and from the upper, in sixteenths or in 1/1024 */
  uint32_t pixel_bytes;
} tinyts_resize_job;

TINYTS_STATIC_ASSERT(sizeof(void *) != 4 || offsetof(tinyts_resize_job, pixel_bytes) == 28, "the assembly has these offsets");

/* Where positions are whole sixteenths: bytes from 0 on, two in a word: weighted sums of them fit 16 bits without a sign, so that one multiplication is for two.
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
TINYTS_NAKED static void tinyts_resize_sixteenths(const tinyts_resize_job *job __attribute__((unused))) {
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

/* Any positions. 1024 times what is between both rows at the place `offset` bytes from r8, less a 1024th of r0 to r3, for
 * four channels in r4 to r7; r11 and r12 are lost. */
#define TINYTS_EXACT_CHANNEL(number, base, difference) \
  "ldrsb r12, [r8, #" number "]\n\t"                   \
  "ldrsb lr, [r9, #" number "]\n\t"                    \
  "mul r12, r12, r11\n\t"                              \
  "mla r12, lr, r10, r12\n\t"                          \
  "sub " difference ", r12, " base ", asr #10\n\t"
#define TINYTS_EXACT_BETWEEN_ROWS(offset)                                       \
  "push {r8-r10, lr}\n\t"                                                       \
  "ldr r12, [sp, #20]\n\t"                                                      \
  "ldr lr, [r8, #" offset "]\n\t"                                               \
  "ldm r12, {r8-r11}\n\t"                                                       \
  "add r8, r8, lr\n\t"                                                          \
  "add r9, r9, lr\n\t" TINYTS_EXACT_CHANNEL("0", "r0", "r4") TINYTS_EXACT_CHANNEL("1", "r1", "r5") \
      TINYTS_EXACT_CHANNEL("2", "r2", "r6") TINYTS_EXACT_CHANNEL("3", "r3", "r7") "pop {r8-r10, lr}\n\t"

#define TINYTS_EXACT_STORE(number, base, difference) \
  "mla r11, " difference ", r12, " base "\n\t"       \
  "add r11, r11, r11, asr #31\n\t"                   \
  "add r11, r11, #0x80000\n\t"                       \
  "asr r11, r11, #20\n\t"                            \
  "strb r11, [r9, #" number "]\n\t"

/* r0 to r3: what the left column counts, 2^20 times; r4 to r7: a 1024th of how much more the right one is. r8 are the
 * columns, r9 the output, r10 the left column's place, lr the pixel's bytes; the end and where the job has its rows lie on
 * the stack. */
TINYTS_NAKED static void tinyts_resize_exactly(const tinyts_resize_job *job __attribute__((unused))) {
  __asm__ volatile(
      "push {r4-r11, lr}\n\t"
      "ldr r9, [r0]\n\t"
      "ldr r8, [r0, #4]\n\t"
      "ldr r11, [r0, #8]\n\t"
      "ldr lr, [r0, #28]\n\t"
      "add r12, r0, #12\n\t"
      "push {r11, r12}\n\t"
      "mov r10, #0x80000000\n"
      "1:\n\t"
      "ldr r11, [r8], #12\n\t"
      "cmp r11, r10\n\t"
      "bne 3f\n"
      "2:\n\t"
      "ldr r12, [r8, #-4]\n\t" TINYTS_EXACT_STORE("0", "r0", "r4") TINYTS_EXACT_STORE("1", "r1", "r5")
          TINYTS_EXACT_STORE("2", "r2", "r6") TINYTS_EXACT_STORE("3", "r3", "r7")
      "ldr r11, [sp]\n\t"
      "add r9, r9, lr\n\t"
      "cmp r8, r11\n\t"
      "bne 1b\n\t"
      "add sp, sp, #8\n\t"
      "pop {r4-r11, pc}\n"
      "3:\n\t"
      "sub r12, r11, r10\n\t"
      "mov r10, r11\n\t"
      "cmp r12, lr\n\t"
      "bne 5f\n\t"
      "add r0, r0, r4, lsl #10\n\t"
      "add r1, r1, r5, lsl #10\n\t"
      "add r2, r2, r6, lsl #10\n\t"
      "add r3, r3, r7, lsl #10\n"
      "4:\n\t" TINYTS_EXACT_BETWEEN_ROWS("-8")
      "b 2b\n"
      "5:\n\t"
      "mov r0, #0\n\t"
      "mov r1, #0\n\t"
      "mov r2, #0\n\t"
      "mov r3, #0\n\t" TINYTS_EXACT_BETWEEN_ROWS("-12")
      "lsl r0, r4, #10\n\t"
      "lsl r1, r5, #10\n\t"
      "lsl r2, r6, #10\n\t"
      "lsl r3, r7, #10\n\t"
      "b 4b\n");
}

#endif
