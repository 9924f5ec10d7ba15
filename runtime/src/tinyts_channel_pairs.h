/* The inner loops of CONV_2D for Armv7E-M's DSP instructions: pixels' patches times packed weights, two output channels
 * at a time, from the sums' bias to the bytes that are stored.
 *
 * These are whole functions in assembly: the loops need all fourteen registers, which neither gcc nor clang gives them
 * otherwise, and so they are the same with both and at every level of optimization. Only to be included where
 * TINYTS_DSP is defined.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_CHANNEL_PAIRS_H
#define TINYTS_CHANNEL_PAIRS_H

#include <stddef.h>
#include <stdint.h>

#include "tinyts_naked.h"
#include "tinyts/tinyts_kernels.h"

/* A stretch of the patches of two pixels where they lie in input rows: whole words of int8. */
typedef struct {
  const int8_t *first, *first_end;
  uint32_t skip; /* bytes of code: of so many steps that the rest is a multiple of four */
  const int8_t *second;
} tinyts_patch_run;

/* What one call works on. Sums of a pair of channels are: those of the even channel for each pixel, then those of the
 * odd one; of half words, 256 times those of the even channel. The assembly knows this struct by heart. */
typedef struct tinyts_pair_job {
  int8_t *outputs[4];              /* where each pixel's next channel goes; they move on */
  const uint32_t *weights;         /* packed */
  const int32_t *pair, *end;       /* the next pair's constants, which move on; behind the last */
  const void *patches, *patches_end;
  int32_t offset;                  /* 2 * output zero point + 1 */
  int32_t store;                   /* 0: leave the sums of one pair in `sums`; 1: scale and store every pair */
  int32_t sums[8];
  void (*multiply)(struct tinyts_pair_job *job); /* the function for so many pixels: not for the assembly */
  uint32_t pixels;
} tinyts_pair_job;

TINYTS_STATIC_ASSERT(sizeof(void *) != 4 || offsetof(tinyts_pair_job, sums) == 44, "the assembly has these offsets");
#define TINYTS_JOB_WEIGHTS "16"
#define TINYTS_JOB_PAIR "20"
#define TINYTS_JOB_END "24"
#define TINYTS_JOB_PATCHES "28"
#define TINYTS_JOB_PATCHES_END "32"
#define TINYTS_JOB_OFFSET "36"
#define TINYTS_JOB_STORE "40"
#define TINYTS_JOB_SUMS "44"
/* And those of a pair's constants (kernels.h). */
#define TINYTS_PAIR_MULTIPLIERS "8"
#define TINYTS_PAIR_RIGHTS "16"
#define TINYTS_PAIR_BYTES "20"

/* Scaling, exact for a narrow scaling (kernels.h), as the reference's two roundings do it: `c` is
 * (2 * zero point + 1) << right. SMMLAR is the first rounding; the reference subtracts 1 from negative products before
 * the second, and here that comes from the sum's sign (where the product is 0 it makes no difference). Sums are doubled,
 * because SMMLAR takes the upper 32 bits of the product where the reference takes those from bit 31 on. */
#define TINYTS_DOUBLE(sum) "lsl " sum ", " sum ", #1\n\t"
/* What half words leave of an even channel's sum is 256 times it. */
#define TINYTS_DOUBLE_OF_256(sum) "asr " sum ", " sum ", #7\n\t"
#define TINYTS_PAIR_SCALE(sum, temporary, c, multiplier, right, doubled) \
  "add " temporary ", " c ", " sum ", asr #31\n\t"                     \
  doubled(sum)                                                         \
  "smmlar " sum ", " sum ", " multiplier ", " temporary "\n\t"         \
  "asr " sum ", " sum ", " right "\n\t"                               \
  "ssat " sum ", #8, " sum ", asr #1\n\t"
/* Two or four sums at once: no instruction waits for the one before. */
#define TINYTS_PAIR_SCALE_TWO(first, second, temporary, other, c, multiplier, right, doubled) \
  "add " temporary ", " c ", " first ", asr #31\n\t"                                        \
  "add " other ", " c ", " second ", asr #31\n\t"                                           \
  doubled(first)                                                                            \
  doubled(second)                                                                           \
  "smmlar " first ", " first ", " multiplier ", " temporary "\n\t"                          \
  "smmlar " second ", " second ", " multiplier ", " other "\n\t"                            \
  "asr " first ", " first ", " right "\n\t"                                                \
  "asr " second ", " second ", " right "\n\t"                                              \
  "ssat " first ", #8, " first ", asr #1\n\t"                                              \
  "ssat " second ", #8, " second ", asr #1\n\t"
/* The same where the zero point is -128: what the sign changes saturates in any case. */
#define TINYTS_PAIR_SCALE_TWO_FROM_LOWEST(first, second, c, multiplier, right, doubled) \
  doubled(first)                                                                      \
  doubled(second)                                                                     \
  "smmlar " first ", " first ", " multiplier ", " c "\n\t"                            \
  "smmlar " second ", " second ", " multiplier ", " c "\n\t"                          \
  "asr " first ", " first ", " right "\n\t"                                          \
  "asr " second ", " second ", " right "\n\t"                                        \
  "ssat " first ", #8, " first ", asr #1\n\t"                                        \
  "ssat " second ", #8, " second ", asr #1\n\t"

#define TINYTS_MAC(sum, weights, pixel) "smlad " sum ", " weights ", " pixel ", " sum "\n\t"

/* Weights as half words (tinyts_kernels.h): 256 times the even channel's, plus the odd one's. A word of two of them goes into
 * the products as it is, which sums 256 * even + odd; what SXTB16 makes of it sums the odd channel alone. At the end
 * the difference is 256 times the even channel's sum.
 *
 * 4 pixels, from scratch. For each four elements of the patches there are eight words: the even elements of the four
 * pixels, then the odd ones. 26 instructions for 32 products: a half of a step loads what the next one begins with, so
 * that no product waits for a load. r0-r3 are the sums of both channels, r4-r7 those of the odd one, r8 and r9 are behind
 * the weights and patches of four steps; r10 is a word of weights, r11 its odd channel. */
#define TINYTS_FOUR_PRODUCTS(third, fourth, next_weights, next_pixels, next_odd)                               \
  TINYTS_MAC("r0", "r10", "r12") TINYTS_MAC("r1", "r10", "lr") TINYTS_MAC("r4", "r11", "r12")                  \
  "ldr r12, [r9, #" third "-128]\n\t" TINYTS_MAC("r5", "r11", "lr")                                            \
  "ldr lr, [r9, #" fourth "-128]\n\t" TINYTS_MAC("r2", "r10", "r12") TINYTS_MAC("r3", "r10", "lr") next_weights \
  TINYTS_MAC("r6", "r11", "r12") TINYTS_MAC("r7", "r11", "lr") next_pixels next_odd
#define TINYTS_QUAD_HALF(third, fourth, weights, pixels)                                          \
  TINYTS_FOUR_PRODUCTS(third, fourth, "ldr r10, [r8, #" weights "-32]\n\t",                       \
                       "ldrd r12, lr, [r9, #" pixels "-128]\n\t", "sxtb16 r11, r10\n\t")
#define TINYTS_QUAD_STEPS                                                                     \
  TINYTS_QUAD_HALF("8", "12", "4", "16") TINYTS_QUAD_HALF("24", "28", "8", "32")              \
  TINYTS_QUAD_HALF("40", "44", "12", "48") TINYTS_QUAD_HALF("56", "60", "16", "64")           \
  TINYTS_QUAD_HALF("72", "76", "20", "80") TINYTS_QUAD_HALF("88", "92", "24", "96")           \
  TINYTS_QUAD_HALF("104", "108", "28", "112") TINYTS_FOUR_PRODUCTS("120", "124", "", "", "")
#define TINYTS_QUAD_STEP_BYTES "104"
/* Enters the steps, with what they begin with. */
#define TINYTS_QUAD_ENTER          \
  "ldrd r9, r11, [sp, #12]\n\t"    \
  "ldr r10, [r8]\n\t"             \
  "ldrd r12, lr, [r9]\n\t"        \
  "add r8, r11\n\t"               \
  "add r9, r9, r11, lsl #2\n\t"   \
  "sxtb16 r11, r10\n\t"           \
  "ldr pc, [sp, #8]\n\t"          \
  ".balign 4\n"                   \
  "7:\n\t"                        \
  "ldr r10, [r8], #32\n\t"        \
  "ldrd r12, lr, [r9], #128\n\t"  \
  "sxtb16 r11, r10\n"             \
  "2:\n\t" TINYTS_QUAD_STEPS
#define TINYTS_QUAD_APART   \
  "sub r0, r4\n\t"          \
  "sub r1, r5\n\t"          \
  "sub r2, r6\n\t"          \
  "sub r3, r7\n\t"

/* With weights as int16: 22 instructions for 32 products. */
#define TINYTS_QUAD_STEP_WIDE                                                                     \
  "ldrd r10, r11, [r8], #16\n\t"                                                                  \
  "ldrd r12, lr, [r9], #32\n\t" TINYTS_MAC("r0", "r10", "r12") TINYTS_MAC("r1", "r10", "lr")      \
  TINYTS_MAC("r4", "r11", "r12")                                                                  \
      TINYTS_MAC("r5", "r11", "lr") "ldrd r12, lr, [r9, #-24]\n\t" TINYTS_MAC("r2", "r10", "r12") \
      TINYTS_MAC("r3", "r10", "lr")                                                               \
          TINYTS_MAC("r6", "r11", "r12") TINYTS_MAC("r7", "r11", "lr")                            \
  "ldrd r10, r11, [r8, #-8]\n\t"                                                                  \
  "ldrd r12, lr, [r9, #-16]\n\t" TINYTS_MAC("r0", "r10", "r12") TINYTS_MAC("r1", "r10", "lr")     \
  TINYTS_MAC("r4", "r11", "r12")                                                                  \
      TINYTS_MAC("r5", "r11", "lr") "ldrd r12, lr, [r9, #-8]\n\t" TINYTS_MAC("r2", "r10", "r12")  \
      TINYTS_MAC("r3", "r10", "lr")                                                               \
          TINYTS_MAC("r6", "r11", "r12") TINYTS_MAC("r7", "r11", "lr")

/* The constants of a channel: r9 is the job; c in r10, the multiplier in r11, the shift in lr. */
#define TINYTS_QUAD_CONSTANTS(channel)                             \
  "ldr r12, [r9, #" TINYTS_JOB_PAIR "]\n\t"                        \
  "ldr r11, [r12, #" TINYTS_PAIR_MULTIPLIERS "+4*" channel "]\n\t" \
  "ldrsb lr, [r12, #" TINYTS_PAIR_RIGHTS "+" channel "]\n\t"       \
  "ldr r10, [r9, #" TINYTS_JOB_OFFSET "]\n\t"                      \
  "lsl r10, r10, lr\n\t"
#define TINYTS_QUAD_SCALE(a, b, c, d, doubled)                                    \
  TINYTS_PAIR_SCALE_TWO(a, b, "r9", "r12", "r10", "r11", "lr", doubled)           \
  TINYTS_PAIR_SCALE_TWO(c, d, "r9", "r12", "r10", "r11", "lr", doubled) "ldr r9, [sp]\n\t"
#define TINYTS_QUAD_SCALE_FROM_LOWEST(a, b, c, d, doubled)                    \
  doubled(a) doubled(b) doubled(c) doubled(d)                                 \
  "smmlar " a ", " a ", r11, r10\n\t"                                         \
  "smmlar " b ", " b ", r11, r10\n\t"                                         \
  "smmlar " c ", " c ", r11, r10\n\t"                                         \
  "smmlar " d ", " d ", r11, r10\n\t"                                         \
  "asr " a ", " a ", lr\n\t"                                                  \
  "asr " b ", " b ", lr\n\t"                                                  \
  "asr " c ", " c ", lr\n\t"                                                  \
  "asr " d ", " d ", lr\n\t"                                                  \
  "ssat " a ", #8, " a ", asr #1\n\t"                                         \
  "ssat " b ", #8, " b ", asr #1\n\t"                                         \
  "ssat " c ", #8, " c ", asr #1\n\t"                                         \
  "ssat " d ", #8, " d ", asr #1\n\t"
/* Enters steps of int16 weights. */
#define TINYTS_QUAD_ENTER_WIDE                      \
  "ldr r9, [sp, #12]\n\t"                           \
  "ldr pc, [sp, #8]\n\t"                            \
  ".balign 4\n"                                     \
  "7:\n"                                            \
  "2:\n\t" TINYTS_QUAD_STEP_WIDE TINYTS_QUAD_STEP_WIDE TINYTS_QUAD_STEP_WIDE TINYTS_QUAD_STEP_WIDE

/* Steps are done four at a time; the first time round they are entered where what is left is a multiple of four. This puts
 * where that is, at label 2 or behind it, on the stack. r1 and r2 are the patches and their end; a step is 1 << shift
 * bytes of them and `step_bytes` bytes of code. */
#define TINYTS_FIRST_STEP(shift, step_bytes, slot) \
  "subs r2, r1, r2\n\t"                            \
  "ubfx r2, r2, #" shift ", #2\n\t"                \
  "movs r3, #" step_bytes "\n\t"                   \
  "mul r2, r2, r3\n\t"                             \
  "adr.w r3, 2f\n\t"                               \
  "add r2, r2, r3\n\t"                             \
  "orr r2, r2, #1\n\t"                             \
  "str r2, [sp, #" slot "]\n\t"

/* `enter` makes the sums of a pair; `apart` leaves those of each channel, which `doubled` doubles of the even one. On the
 * stack: the job, the patches' end, where steps are entered, the patches, and 32 less 8 for each step left out. */
#define TINYTS_FOUR_PIXELS(enter, step_bytes, apart, doubled)                                             \
  __asm__("push {r4-r11, lr}\n\t"                                                                         \
          "sub sp, #20\n\t"                                                                               \
          "str r0, [sp]\n\t"                                                                              \
          "ldrd r1, r2, [r0, #" TINYTS_JOB_PATCHES "]\n\t"                                                \
          "str r2, [sp, #4]\n\t"                                                                          \
          "str r1, [sp, #12]\n\t"                                                                         \
          "subs r3, r1, r2\n\t"                                                                           \
          "ubfx r3, r3, #5, #2\n\t"                                                                       \
          "rsbs r3, r3, #4\n\t"                                                                           \
          "lsls r3, r3, #3\n\t"                                                                           \
          "str r3, [sp, #16]\n\t"                                                                         \
          TINYTS_FIRST_STEP("5", step_bytes, "8")                                                         \
          "ldr r8, [r0, #" TINYTS_JOB_WEIGHTS "]\n\t"                                                     \
          "mov r9, r0\n"                                                                                  \
          "1:\n\t"                                                                                        \
          "ldr r10, [r9, #" TINYTS_JOB_PAIR "]\n\t"                                                       \
          "ldrd r0, r4, [r10]\n\t"                                                                        \
          "mov r1, r0\n\t"                                                                                \
          "mov r2, r0\n\t"                                                                                \
          "mov r3, r0\n\t"                                                                                \
          "mov r5, r4\n\t"                                                                                \
          "mov r6, r4\n\t"                                                                                \
          "mov r7, r4\n\t"                                                                                \
          enter                                                                                           \
          "ldr r12, [sp, #4]\n\t"                                                                         \
          "cmp r9, r12\n\t"                                                                               \
          "bne 7b\n\t");                                                                                  \
  __asm__("ldr r9, [sp]\n\t"                                                                              \
          apart                                                                                           \
          "ldrd r10, r12, [r9, #" TINYTS_JOB_OFFSET "]\n\t"                                               \
          "cmp r12, #0\n\t"                                                                               \
          "beq 5f\n\t"                                                                                    \
          "cmn r10, #255\n\t"                                                                             \
          "beq 3f\n\t"                                                                                    \
          TINYTS_QUAD_CONSTANTS("0") TINYTS_QUAD_SCALE("r0", "r1", "r2", "r3", doubled)                   \
          TINYTS_QUAD_CONSTANTS("1") TINYTS_QUAD_SCALE("r4", "r5", "r6", "r7", TINYTS_DOUBLE)             \
          "b 4f\n"                                                                                        \
          "3:\n\t"                                                                                        \
          TINYTS_QUAD_CONSTANTS("0") TINYTS_QUAD_SCALE_FROM_LOWEST("r0", "r1", "r2", "r3", doubled)       \
          TINYTS_QUAD_CONSTANTS("1") TINYTS_QUAD_SCALE_FROM_LOWEST("r4", "r5", "r6", "r7", TINYTS_DOUBLE) \
          "4:\n\t"                                                                                        \
          "ldm r9, {r10, r11, r12, lr}\n\t"                                                               \
          "strb r0, [r10], #2\n\t"                                                                        \
          "strb r1, [r11], #2\n\t"                                                                        \
          "strb r2, [r12], #2\n\t"                                                                        \
          "strb r3, [lr], #2\n\t"                                                                         \
          "strb r4, [r10, #-1]\n\t"                                                                       \
          "strb r5, [r11, #-1]\n\t"                                                                       \
          "strb r6, [r12, #-1]\n\t"                                                                       \
          "strb r7, [lr, #-1]\n\t"                                                                        \
          "stm r9, {r10, r11, r12, lr}\n\t"                                                               \
          "ldrd r10, r11, [r9, #" TINYTS_JOB_PAIR "]\n\t"                                                 \
          "adds r10, #" TINYTS_PAIR_BYTES "\n\t"                                                          \
          "str r10, [r9, #" TINYTS_JOB_PAIR "]\n\t"                                                       \
          "cmp r10, r11\n\t"                                                                              \
          "bne 1b\n\t"                                                                                    \
          "b 6f\n"                                                                                        \
          "5:\n\t"                                                                                        \
          "add r9, #" TINYTS_JOB_SUMS "\n\t"                                                              \
          "stm r9, {r0-r7}\n"                                                                             \
          "6:\n\t"                                                                                        \
          "add sp, #20\n\t"                                                                               \
          "pop {r4-r11, pc}")

TINYTS_NAKED static void tinyts_four_pixels(tinyts_pair_job *job __attribute__((unused))) {
  TINYTS_FOUR_PIXELS(TINYTS_QUAD_ENTER, TINYTS_QUAD_STEP_BYTES, TINYTS_QUAD_APART, TINYTS_DOUBLE_OF_256);
}

TINYTS_NAKED static void tinyts_four_pixels_wide(tinyts_pair_job *job __attribute__((unused))) {
  TINYTS_FOUR_PIXELS(TINYTS_QUAD_ENTER_WIDE, "88", "", TINYTS_DOUBLE);
}

/* The multipliers of the pair at r12 in r4 and r5, its shifts in r6 and r7. */
#define TINYTS_PAIR_SCALES                               \
  "ldrd r4, r5, [r12, #" TINYTS_PAIR_MULTIPLIERS "]\n\t" \
  "ldrsb r6, [r12, #" TINYTS_PAIR_RIGHTS "]\n\t"         \
  "ldrsb r7, [r12, #" TINYTS_PAIR_RIGHTS "+1]\n\t"

/* Scales four sums, two of each channel of a pair, and stores them; lr is the job, and goes on with label 1 for the next
 * pair. r0 and r1 are the even channel's. */
#define TINYTS_PAIR_FINISH(apart, doubled)                                                                            \
  apart                                                                                               \
  "ldrd r10, r12, [lr, #" TINYTS_JOB_OFFSET "]\n\t"                                                   \
  "cmp r12, #0\n\t"                                                                                   \
  "beq 8f\n\t"                                                                                        \
  "ldr r12, [lr, #" TINYTS_JOB_PAIR "]\n\t"                                                           \
  TINYTS_PAIR_SCALES                                                                                  \
  "lsl r9, r10, r6\n\t"                                                                               \
  "lsl r11, r10, r7\n\t"                                                                              \
  "cmn r10, #255\n\t"                                                                                 \
  "beq 6f\n\t"                                                                                        \
  TINYTS_PAIR_SCALE_TWO("r0", "r1", "r10", "r12", "r9", "r4", "r6", doubled)                          \
  TINYTS_PAIR_SCALE_TWO("r2", "r3", "r10", "r12", "r11", "r5", "r7", TINYTS_DOUBLE)                   \
  "b 7f\n"                                                                                            \
  "6:\n\t"                                                                                            \
  TINYTS_PAIR_SCALE_TWO_FROM_LOWEST("r0", "r1", "r9", "r4", "r6", doubled)                            \
  TINYTS_PAIR_SCALE_TWO_FROM_LOWEST("r2", "r3", "r11", "r5", "r7", TINYTS_DOUBLE)                     \
  "7:\n\t"                                                                                            \
  "ldrd r4, r5, [lr]\n\t"                                                                             \
  "strb r0, [r4], #2\n\t"                                                                             \
  "strb r1, [r5], #2\n\t"                                                                             \
  "strb r2, [r4, #-1]\n\t"                                                                            \
  "strb r3, [r5, #-1]\n\t"                                                                            \
  "strd r4, r5, [lr]\n\t"                                                                             \
  "ldrd r12, r10, [lr, #" TINYTS_JOB_PAIR "]\n\t"                                                     \
  "adds r12, #" TINYTS_PAIR_BYTES "\n\t"                                                              \
  "str r12, [lr, #" TINYTS_JOB_PAIR "]\n\t"                                                           \
  "cmp r12, r10\n\t"                                                                                  \
  "bne 1b\n\t"                                                                                        \
  "b 9f\n"                                                                                            \
  "8:\n\t"                                                                                            \
  "add lr, #" TINYTS_JOB_SUMS "\n\t"                                                                  \
  "stm lr, {r0-r3}\n"                                                                                 \
  "9:\n\t"

/* 2 pixels, from scratch. For each four elements of the patches there are four words: the even elements of both pixels,
 * then the odd ones. 14 instructions for 16 products. r0 and r1 are the sums of both channels, r2 and r3 of the odd one. */
#define TINYTS_TWO_STEP                                                    \
  "ldrd r4, r5, [r8], #8\n\t"                                              \
  "ldrd r6, r7, [r9], #16\n\t"                                             \
  "sxtb16 r10, r4\n\t" TINYTS_MAC("r0", "r4", "r6") "sxtb16 r11, r5\n\t"   \
  TINYTS_MAC("r1", "r4", "r7") "ldr r4, [r9, #-8]\n\t"                     \
  TINYTS_MAC("r2", "r10", "r6") "ldr r6, [r9, #-4]\n\t"                    \
  TINYTS_MAC("r3", "r10", "r7") TINYTS_MAC("r0", "r5", "r4")               \
  TINYTS_MAC("r1", "r5", "r6") TINYTS_MAC("r2", "r11", "r4") TINYTS_MAC("r3", "r11", "r6")
#define TINYTS_TWO_APART  \
  "subs r0, r2\n\t"       \
  "subs r1, r3\n\t"

/* With weights as int16: 12 instructions. */
#define TINYTS_TWO_STEP_WIDE                                                                                          \
  "ldrd r4, r5, [r8], #16\n\t"                                                                                        \
  "ldrd r6, r7, [r9], #16\n\t" TINYTS_MAC("r0", "r4", "r6") TINYTS_MAC("r1", "r4", "r7") TINYTS_MAC("r2", "r5", "r6") \
      TINYTS_MAC("r3", "r5", "r7")                                                                                    \
  "ldrd r4, r5, [r8, #-8]\n\t"                                                                                        \
  "ldrd r6, r7, [r9, #-8]\n\t" TINYTS_MAC("r0", "r4", "r6") TINYTS_MAC("r1", "r4", "r7") TINYTS_MAC("r2", "r5", "r6") \
      TINYTS_MAC("r3", "r5", "r7")

#define TINYTS_TWO_PIXELS(step, step_bytes, apart, doubled) \
  __asm__("push {r4-r11, lr}\n\t"                           \
          "sub sp, #4\n\t"                                  \
          "mov lr, r0\n\t"                                  \
          "ldrd r1, r2, [lr, #" TINYTS_JOB_PATCHES "]\n\t"  \
          TINYTS_FIRST_STEP("4", step_bytes, "0")           \
          "ldr r8, [lr, #" TINYTS_JOB_WEIGHTS "]\n"         \
          "1:\n\t"                                          \
          "ldr r10, [lr, #" TINYTS_JOB_PAIR "]\n\t"         \
          "ldrd r0, r2, [r10]\n\t"                          \
          "mov r1, r0\n\t"                                  \
          "mov r3, r2\n\t"                                  \
          "ldrd r9, r12, [lr, #" TINYTS_JOB_PATCHES "]\n\t" \
          "ldr pc, [sp]\n\t"                                \
          ".balign 4\n"                                     \
          "2:\n\t" step step step step                      \
          "cmp r9, r12\n\t"                                 \
          "bne 2b\n\t");                                    \
  __asm__(TINYTS_PAIR_FINISH(apart, doubled)                \
          "add sp, #4\n\t"                                  \
          "pop {r4-r11, pc}")

TINYTS_NAKED static void tinyts_two_pixels(tinyts_pair_job *job __attribute__((unused))) {
  TINYTS_TWO_PIXELS(TINYTS_TWO_STEP, "56", TINYTS_TWO_APART, TINYTS_DOUBLE_OF_256);
}

TINYTS_NAKED static void tinyts_two_pixels_wide(tinyts_pair_job *job __attribute__((unused))) {
  TINYTS_TWO_PIXELS(TINYTS_TWO_STEP_WIDE, "48", "", TINYTS_DOUBLE);
}

#endif
