/* The inner loops of CONV_2D for patches that are read where they lie, of two pixels or one; what tinyts_channel_pairs.h says
 * of those in scratch holds for them, too. Only to be included where TINYTS_DSP is defined.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_CHANNEL_PAIRS_IN_PLACE_H
#define TINYTS_CHANNEL_PAIRS_IN_PLACE_H

#include "tinyts_channel_pairs.h"

enum { TINYTS_RUN_STEP_BYTES = 68, TINYTS_RUN_STEP_WIDE_BYTES = 64 };

/* 2 pixels, where their patches lie in the input rows: `patches` are tinyts_patch_run. 17 instructions for 16 products;
 * r9 and lr are the pixels. */
#define TINYTS_RUN_STEP \
  "ldrd r4, r5, [r8], #8\n\t" \
  "ldr r6, [r9], #4\n\t" \
  "sxtb16 r11, r6\n\t" \
  "ldr r7, [lr], #4\n\t" \
  "sxtb16 r12, r7\n\t" \
  "smlad r0, r4, r11, r0\n\t" \
  "sxtb16 r10, r4\n\t" \
  "smlad r1, r4, r12, r1\n\t" \
  "sxtb16 r6, r6, ror #8\n\t" \
  "smlad r3, r10, r12, r3\n\t" \
  "sxtb16 r7, r7, ror #8\n\t" \
  "smlad r2, r10, r11, r2\n\t" \
  "sxtb16 r10, r5\n\t" \
  "smlad r0, r5, r6, r0\n\t" \
  "smlad r2, r10, r6, r2\n\t" \
  "smlad r3, r10, r7, r3\n\t" \
  "smlad r1, r5, r7, r1\n\t"

/* With weights as int16: 16 instructions. */
#define TINYTS_RUN_STEP_WIDE                                                                                         \
  "ldr r6, [r9], #4\n\t"                                                                                             \
  "ldr r7, [lr], #4\n\t"                                                                                             \
  "ldrd r4, r5, [r8], #16\n\t"                                                                                       \
  "sxtb16 r10, r6\n\t"                                                                                               \
  "sxtb16 r11, r7\n\t" TINYTS_MAC("r0", "r4", "r10") TINYTS_MAC("r2", "r5", "r10") TINYTS_MAC("r1", "r4", "r11")     \
      TINYTS_MAC("r3", "r5", "r11")                                                                                  \
  "ldrd r4, r5, [r8, #-8]\n\t"                                                                                       \
  "sxtb16 r6, r6, ror #8\n\t"                                                                                        \
  "sxtb16 r7, r7, ror #8\n\t" TINYTS_MAC("r0", "r4", "r6") TINYTS_MAC("r2", "r5", "r6") TINYTS_MAC("r1", "r4", "r7") \
      TINYTS_MAC("r3", "r5", "r7")

#define TINYTS_TWO_PIXELS_IN_PLACE(step, apart, doubled)                    \
  __asm__("push {r4-r11, lr}\n\t"                                           \
          "sub sp, #12\n\t"                                                 \
          "str r0, [sp]\n\t"                                                \
          "mov lr, r0\n\t"                                                  \
          "ldr r8, [lr, #" TINYTS_JOB_WEIGHTS "]\n"                         \
          "1:\n\t"                                                          \
          "ldr r10, [lr, #" TINYTS_JOB_PAIR "]\n\t"                         \
          "ldrd r0, r2, [r10]\n\t"                                          \
          "mov r1, r0\n\t"                                                  \
          "mov r3, r2\n\t"                                                  \
          "ldr r12, [lr, #" TINYTS_JOB_PATCHES "]\n"                        \
          "2:\n\t"                                                          \
          "ldm r12!, {r9, r10, r11, lr}\n\t"                                \
          "strd r12, r10, [sp, #4]\n\t"                                     \
          "add pc, r11\n\t" /* in front of it, pc is two instructions on */ \
          "nop.n\n"                                                         \
          "3:\n\t" step step step step                                      \
          "ldr r12, [sp, #8]\n\t"                                           \
          "cmp r9, r12\n\t"                                                 \
          "bne 3b\n\t"                                                      \
          "ldrd lr, r12, [sp]\n\t"                                          \
          "ldr r10, [lr, #" TINYTS_JOB_PATCHES_END "]\n\t"                  \
          "cmp r12, r10\n\t"                                                \
          "bne 2b\n\t");                                                    \
  __asm__(TINYTS_PAIR_FINISH(apart, doubled)                                \
          "add sp, #12\n\t"                                                 \
          "pop {r4-r11, pc}")

TINYTS_NAKED static void tinyts_two_pixels_in_place(tinyts_pair_job *job __attribute__((unused))) {
  TINYTS_TWO_PIXELS_IN_PLACE(TINYTS_RUN_STEP, TINYTS_TWO_APART, TINYTS_DOUBLE_OF_256);
}

TINYTS_NAKED static void tinyts_two_pixels_in_place_wide(tinyts_pair_job *job __attribute__((unused))) {
  TINYTS_TWO_PIXELS_IN_PLACE(TINYTS_RUN_STEP_WIDE, "", TINYTS_DOUBLE);
}

/* 1 pixel whose patch lies in one piece, whole words of int8, two pairs of channels at a time: 17 instructions for 16
 * products. Sums are those of the first pair, then of the second. Of an odd number of pairs the last goes twice. lr is
 * the pixel, r8 and r9 the pairs' weights. */
#define TINYTS_ONE_STEP \
  "ldrd r10, r11, [r9], #8\n\t" \
  "ldrd r4, r5, [r8], #8\n\t" \
  "ldr r7, [lr], #4\n\t" \
  "sxtb16 r6, r7\n\t" \
  "sxtb16 r12, r4\n\t" \
  "smlad r0, r4, r6, r0\n\t" \
  "sxtb16 r7, r7, ror #8\n\t" \
  "smlad r1, r12, r6, r1\n\t" \
  "sxtb16 r12, r10\n\t" \
  "smlad r2, r10, r6, r2\n\t" \
  "smlad r0, r5, r7, r0\n\t" \
  "sxtb16 r10, r11\n\t" \
  "smlad r2, r11, r7, r2\n\t" \
  "sxtb16 r4, r5\n\t" \
  "smlad r3, r12, r6, r3\n\t" \
  "smlad r1, r4, r7, r1\n\t" \
  "smlad r3, r10, r7, r3\n\t"
#define TINYTS_ONE_APART  \
  "subs r0, r1\n\t"       \
  "subs r2, r3\n\t"
/* r12 is the pair, lr the job. */
#define TINYTS_ONE_SCALE(even, odd, doubled)                                                \
  TINYTS_PAIR_SCALES                                                                        \
  "ldr r10, [lr, #" TINYTS_JOB_OFFSET "]\n\t"                                               \
  "lsl r9, r10, r6\n\t"                                                                     \
  "lsl r11, r10, r7\n\t" TINYTS_PAIR_SCALE(even, "r10", "r9", "r4", "r6", doubled)           \
  TINYTS_PAIR_SCALE(odd, "r10", "r11", "r5", "r7", TINYTS_DOUBLE)

/* With weights as int16: 15 instructions. */
#define TINYTS_ONE_STEP_WIDE                                                                                          \
  "ldr r7, [lr], #4\n\t"                                                                                              \
  "ldrd r4, r5, [r8], #16\n\t"                                                                                        \
  "ldrd r10, r11, [r9], #16\n\t"                                                                                      \
  "sxtb16 r6, r7\n\t" TINYTS_MAC("r0", "r4", "r6") TINYTS_MAC("r1", "r5", "r6") TINYTS_MAC("r2", "r10", "r6")         \
      TINYTS_MAC("r3", "r11", "r6")                                                                                   \
  "ldrd r4, r5, [r8, #-8]\n\t"                                                                                        \
  "ldrd r10, r11, [r9, #-8]\n\t"                                                                                      \
  "sxtb16 r7, r7, ror #8\n\t" TINYTS_MAC("r0", "r4", "r7") TINYTS_MAC("r1", "r5", "r7") TINYTS_MAC("r2", "r10", "r7") \
      TINYTS_MAC("r3", "r11", "r7")

/* A pair's weights have 1 << weights_shift times the bytes of the patch. */
#define TINYTS_ONE_PIXEL(step, step_bytes, weights_shift, apart, doubled)        \
  __asm__("push {r4-r11, lr}\n\t"                                                \
          "sub sp, #20\n\t"                                                      \
          "str r0, [sp]\n\t"                                                     \
          "mov lr, r0\n\t"                                                       \
          "ldrd r1, r2, [lr, #" TINYTS_JOB_PATCHES "]\n\t"                       \
          TINYTS_FIRST_STEP("2", step_bytes, "12")                               \
          "ldr r9, [lr, #" TINYTS_JOB_WEIGHTS "]\n"                              \
          "1:\n\t"                                                               \
          "mov r8, r9\n\t"                                                       \
          "ldrd r10, r11, [lr, #" TINYTS_JOB_PAIR "]\n\t"                        \
          "ldrd r0, r1, [r10], #" TINYTS_PAIR_BYTES "\n\t"                       \
          "mov r2, r0\n\t"                                                       \
          "mov r3, r1\n\t"                                                       \
          "ldrd r4, r5, [lr, #" TINYTS_JOB_PATCHES "]\n\t"                       \
          "cmp r10, r11\n\t"                                                     \
          "beq 3f\n\t"                                                           \
          "ldrd r2, r3, [r10], #" TINYTS_PAIR_BYTES "\n\t"                       \
          "subs r6, r5, r4\n\t"                                                  \
          "add r9, r9, r6, lsl #" weights_shift "\n"                             \
          "3:\n\t"                                                               \
          "str r10, [sp, #8]\n\t"                                                \
          "str r5, [sp, #4]\n\t"                                                 \
          "mov lr, r4\n\t"                                                       \
          "ldr pc, [sp, #12]\n\t"                                                \
          ".balign 4\n"                                                          \
          "2:\n\t" step step step step                                           \
          "ldr r12, [sp, #4]\n\t"                                                \
          "cmp lr, r12\n\t"                                                      \
          "bne 2b\n\t");                                                         \
  __asm__("ldr lr, [sp]\n\t"                                                     \
          apart                                                                  \
          "ldr r12, [lr, #" TINYTS_JOB_STORE "]\n\t"                             \
          "cmp r12, #0\n\t"                                                      \
          "beq 8f\n\t"                                                           \
          "mov r8, r9\n\t"                                                       \
          "ldr r12, [lr, #" TINYTS_JOB_PAIR "]\n\t" TINYTS_ONE_SCALE("r0", "r1", doubled) \
          "add r10, r12, #" TINYTS_PAIR_BYTES "\n\t"                             \
          "ldr r11, [sp, #8]\n\t"                                                \
          "cmp r10, r11\n\t"                                                     \
          "beq 6f\n\t"                                                           \
          "mov r12, r10\n\t" TINYTS_ONE_SCALE("r2", "r3", doubled)                        \
          "ldr r4, [lr]\n\t"                                                     \
          "strb r0, [r4], #4\n\t"                                                \
          "strb r1, [r4, #-3]\n\t"                                               \
          "strb r2, [r4, #-2]\n\t"                                               \
          "strb r3, [r4, #-1]\n\t"                                               \
          "b 7f\n"                                                               \
          "6:\n\t"                                                               \
          "ldr r4, [lr]\n\t"                                                     \
          "strb r0, [r4], #1\n\t"                                                \
          "strb r1, [r4], #1\n"                                                  \
          "7:\n\t"                                                               \
          "str r4, [lr]\n\t"                                                     \
          "mov r9, r8\n\t"                                                       \
          "ldr r10, [sp, #8]\n\t"                                                \
          "str r10, [lr, #" TINYTS_JOB_PAIR "]\n\t"                              \
          "ldr r11, [lr, #" TINYTS_JOB_END "]\n\t"                               \
          "cmp r10, r11\n\t"                                                     \
          "bne 1b\n\t"                                                           \
          "b 9f\n"                                                               \
          "8:\n\t"                                                               \
          "add lr, #" TINYTS_JOB_SUMS "\n\t"                                     \
          "stm lr, {r0-r3}\n"                                                    \
          "9:\n\t"                                                               \
          "add sp, #20\n\t"                                                      \
          "pop {r4-r11, pc}")

TINYTS_NAKED static void tinyts_one_pixel(tinyts_pair_job *job __attribute__((unused))) {
  TINYTS_ONE_PIXEL(TINYTS_ONE_STEP, "68", "1", TINYTS_ONE_APART, TINYTS_DOUBLE_OF_256);
}

TINYTS_NAKED static void tinyts_one_pixel_wide(tinyts_pair_job *job __attribute__((unused))) {
  TINYTS_ONE_PIXEL(TINYTS_ONE_STEP_WIDE, "60", "2", "", TINYTS_DOUBLE);
}

#endif
