/* DEPTHWISE_CONV_2D with a filter of 5 or 7 columns and as many rows and a stride of 1: three output pixels side by side and
 * four channels at a time, two after two, row by row of the filter, as tinyts_depthwise_triples.h does with 3x3. Rows of the
 * filter that lie in the padding are left out; no column may.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_DEPTHWISE_LARGE_TRIPLES_H
#define TINYTS_DEPTHWISE_LARGE_TRIPLES_H

#include <stddef.h>

#include "tinyts_naked.h"
#include "tinyts/tinyts_kernels.h"

enum { TINYTS_LARGE_ROWS = 7 };

/* Triples of pixels in one row, and so many blocks of their channels. The assembly knows this struct by heart: it has a
 * copy on its stack. */
typedef struct {
  const int8_t *rows[TINYTS_LARGE_ROWS]; /* 0: of the window, the block's channels of its first pixel; those inside the input */
  const int8_t **next;       /* 28: row; filled in by the assembly */
  ptrdiff_t row_bytes;       /* 32: of the pointers of rows; the assembly makes their end of it */
  const int32_t *constants;  /* 36: of the block */
  int8_t *output;            /* 40: of the block */
  const int8_t *end;         /* 44: of rows[0] in this triple */
  int32_t triples;           /* 48 */
  const int32_t *first_constants, *first_weights; /* 52, 56 */
  ptrdiff_t gap;             /* 60: bytes from a triple's last channel here to the next triple's first */
  ptrdiff_t triple;          /* 64: bytes of a triple with all channels */
  const int32_t *weights;    /* 68: of the block, from the first row inside the input on */
  ptrdiff_t step;            /* 72: bytes of a pixel */
  uint32_t minus_zero_point; /* 76: in both halves */
} tinyts_large_triples;

/* r0: a pixel's input, r1: the row, r2, r3, r12: weights of three taps, r4-r6 and r7-r9: sums of three pixels, of a channel
 * and the second next one, r10: weights of the row, r11: minus the zero point, lr: step. */
/* `between` is what need not wait for the load. */
#define TINYTS_LOAD(address, rotation, between) \
  "ldr      r0, [" address "]\n\t" between      \
  "sxtab16  r0, r11, r0" rotation "\n\t"
#define TINYTS_MULTIPLY(sum, second_sum, weight)  \
  "smlabb   " sum ", r0, " weight ", " sum "\n\t" \
  "smlatt   " second_sum ", r0, " weight ", " second_sum "\n\t"
/* The first five taps, which both have; what is loaded last is used by what follows. */
#define TINYTS_FIRST_TAPS(w0, w1, w2, w3, w4, rotation)                       \
  TINYTS_LOAD("r1", rotation, "ldr      r2, [r10, #" w0 "]\n\t")              \
  TINYTS_MULTIPLY("r4", "r7", "r2")                                           \
  TINYTS_LOAD("r1, lr", rotation, "ldr      r3, [r10, #" w1 "]\n\t")          \
  TINYTS_MULTIPLY("r4", "r7", "r3")                                           \
  TINYTS_MULTIPLY("r5", "r8", "r2")                                           \
  TINYTS_LOAD("r1, lr, lsl #1", rotation, "ldr      r12, [r10, #" w2 "]\n\t") \
  TINYTS_MULTIPLY("r4", "r7", "r12")                                          \
  TINYTS_MULTIPLY("r5", "r8", "r3")                                           \
  TINYTS_MULTIPLY("r6", "r9", "r2")                                           \
  "ldr      r2, [r10, #" w3 "]\n\t"                                           \
  "add      r1, r1, lr, lsl #1\n\t"                                           \
  TINYTS_LOAD("r1, lr", rotation, "")                                         \
  TINYTS_MULTIPLY("r4", "r7", "r2")                                           \
  TINYTS_MULTIPLY("r5", "r8", "r12")                                          \
  TINYTS_MULTIPLY("r6", "r9", "r3")                                           \
  TINYTS_LOAD("r1, lr, lsl #1", rotation, "ldr      r3, [r10, #" w4 "]\n\t")  \
  TINYTS_MULTIPLY("r4", "r7", "r3")                                           \
  TINYTS_MULTIPLY("r5", "r8", "r2")                                           \
  TINYTS_MULTIPLY("r6", "r9", "r12")

#define TINYTS_ROW_OF_5(w0, w1, w2, w3, w4, rotation)                         \
  TINYTS_FIRST_TAPS(w0, w1, w2, w3, w4, rotation)                             \
  "add      r1, r1, lr, lsl #1\n\t"                                           \
  TINYTS_LOAD("r1, lr", rotation, "")                                         \
  TINYTS_MULTIPLY("r5", "r8", "r3")                                           \
  TINYTS_MULTIPLY("r6", "r9", "r2")                                           \
  TINYTS_LOAD("r1, lr, lsl #1", rotation, "")                                 \
  TINYTS_MULTIPLY("r6", "r9", "r3")

#define TINYTS_ROW_OF_7(w0, w1, w2, w3, w4, w5, w6, rotation)                 \
  TINYTS_FIRST_TAPS(w0, w1, w2, w3, w4, rotation)                             \
  "ldr      r12, [r10, #" w5 "]\n\t"                                          \
  "add      r1, r1, lr, lsl #1\n\t"                                           \
  TINYTS_LOAD("r1, lr", rotation, "")                                         \
  TINYTS_MULTIPLY("r4", "r7", "r12")                                          \
  TINYTS_MULTIPLY("r5", "r8", "r3")                                           \
  TINYTS_MULTIPLY("r6", "r9", "r2")                                           \
  TINYTS_LOAD("r1, lr, lsl #1", rotation, "ldr      r2, [r10, #" w6 "]\n\t")  \
  TINYTS_MULTIPLY("r4", "r7", "r2")                                           \
  TINYTS_MULTIPLY("r5", "r8", "r12")                                          \
  TINYTS_MULTIPLY("r6", "r9", "r3")                                           \
  "add      r1, r1, lr, lsl #1\n\t"                                           \
  TINYTS_LOAD("r1, lr", rotation, "")                                         \
  TINYTS_MULTIPLY("r5", "r8", "r2")                                           \
  TINYTS_MULTIPLY("r6", "r9", "r12")                                          \
  TINYTS_LOAD("r1, lr, lsl #1", rotation, "")                                 \
  TINYTS_MULTIPLY("r6", "r9", "r2")

/* As in tinyts_depthwise_triples.h; the sign is added whether or not it makes a difference: it is little beside the sums. */
#define TINYTS_SCALE(sum)                  \
  "add      r1, r12, " sum ", asr #31\n\t" \
  "smmlar   " sum ", " sum ", r2, r1\n\t"  \
  "asr      " sum ", " sum ", r3\n\t"      \
  "ssat     " sum ", #8, " sum "\n\t"
#define TINYTS_STORE(first, second, third) \
  "strb     " first ", [r1]\n\t"           \
  "strb     " second ", [r1, lr]\n\t"      \
  "strb     " third ", [r1, lr, lsl #1]\n\t"
#define TINYTS_TWO_CHANNELS(bias, second_bias, scaling, lane, row, row_bytes) \
  __asm__ volatile(                                                           \
      "ldr      r0, [sp, #36]\n\t"                                            \
      "ldr      r4, [r0, #" bias "]\n\t"                                      \
      "ldr      r7, [r0, #" second_bias "]\n\t"                               \
      "ldr      r10, [sp, #68]\n\t"                                           \
      "mov      r5, r4\n\t"                                                   \
      "mov      r6, r4\n\t"                                                   \
      "mov      r8, r7\n\t"                                                   \
      "mov      r9, r7\n\t"                                                   \
      "mov      r0, sp\n\t"                                                   \
      "3:\n\t" /* a row of the filter */                                      \
      "ldr      r1, [r0], #4\n\t"                                             \
      "str      r0, [sp, #28]");                                              \
  __asm__ volatile(row);                                                      \
  __asm__ volatile(                                                           \
      "ldrd     r0, r2, [sp, #28]\n\t"                                        \
      "add      r10, r10, #" row_bytes "\n\t"                                 \
      "cmp      r0, r2\n\t"                                                   \
      "bne.w    3b\n\t"                                                       \
      "ldr      r0, [sp, #36]\n\t"                                            \
      "add      r0, r0, #" scaling "\n\t"                                     \
      "ldm      r0, {r2, r3, r12}\n\t"                                        \
      TINYTS_SCALE("r4")                                                      \
      TINYTS_SCALE("r5")                                                      \
      TINYTS_SCALE("r6")                                                      \
      "add      r0, r0, #24\n\t"                                              \
      "ldm      r0, {r2, r3, r12}\n\t"                                        \
      TINYTS_SCALE("r7")                                                      \
      TINYTS_SCALE("r8")                                                      \
      TINYTS_SCALE("r9")                                                      \
      "ldr      r1, [sp, #40]\n\t" lane                                       \
      TINYTS_STORE("r4", "r5", "r6")                                          \
      "add      r1, r1, #2\n\t"                                               \
      TINYTS_STORE("r7", "r8", "r9"))
#define TINYTS_RUN_LARGE(name, even_row, odd_row, row_bytes, block_bytes)                      \
  TINYTS_NAKED static void name(const tinyts_large_triples *triples __attribute__((unused))) { \
    __asm__ volatile(                                                                          \
        "push     {r4-r11, lr}\n\t"                                                            \
        "sub      sp, sp, #76\n\t"                                                             \
        "mov      r1, sp\n\t"                                                                  \
        "ldm      r0!, {r2-r9}\n\t"                                                            \
        "stm      r1!, {r2-r9}\n\t"                                                            \
        "ldm      r0!, {r2-r9}\n\t"                                                            \
        "add      r2, r2, sp\n\t"                                                              \
        "stm      r1!, {r2-r9}\n\t"                                                            \
        "ldm      r0, {r2-r4, r11}\n\t"                                                        \
        "stm      r1, {r2-r3}\n\t"                                                             \
        "mov      lr, r4\n\t"                                                                  \
        "1:"); /* a block */                                                                   \
    TINYTS_TWO_CHANNELS("0", "8", "16", "", even_row, row_bytes);                              \
    TINYTS_TWO_CHANNELS("4", "12", "28", "add      r1, r1, #1\n\t", odd_row, row_bytes);       \
    __asm__ volatile(                                                                          \
        "ldm      sp, {r0-r6}\n\t"                                                             \
        "mov      r7, #4\n\t"                                                                  \
        "4:\n\t" /* all rows go on by r7 bytes */                                              \
        "add      r0, r0, r7\n\t"                                                              \
        "add      r1, r1, r7\n\t"                                                              \
        "add      r2, r2, r7\n\t"                                                              \
        "add      r3, r3, r7\n\t"                                                              \
        "add      r4, r4, r7\n\t"                                                              \
        "add      r5, r5, r7\n\t"                                                              \
        "add      r6, r6, r7\n\t"                                                              \
        "cmp      r7, #4\n\t"                                                                  \
        "bne      5f\n\t"                                                                      \
        "ldrd     r8, r9, [sp, #36]\n\t"                                                       \
        "ldr      r10, [sp, #68]\n\t"                                                          \
        "ldr      r12, [sp, #44]\n\t"                                                          \
        "add      r8, r8, #64\n\t"                                                             \
        "add      r9, r9, #4\n\t"                                                              \
        "add      r10, r10, #" block_bytes "\n\t"                                              \
        "cmp      r0, r12\n\t"                                                                 \
        "beq      6f\n\t"                                                                      \
        "7:\n\t"                                                                               \
        "stm      sp, {r0-r6}\n\t"                                                             \
        "strd     r8, r9, [sp, #36]\n\t"                                                       \
        "str      r10, [sp, #68]\n\t"                                                          \
        "b.w      1b\n\t"                                                                      \
        "6:\n\t" /* the next triple */                                                         \
        "ldr      r7, [sp, #48]\n\t"                                                           \
        "subs     r7, r7, #1\n\t"                                                              \
        "beq      2f\n\t"                                                                      \
        "str      r7, [sp, #48]\n\t"                                                           \
        "ldrd     r7, r8, [sp, #60]\n\t"                                                       \
        "add      r12, r12, r8\n\t"                                                            \
        "str      r12, [sp, #44]\n\t"                                                          \
        "b        4b\n\t"                                                                      \
        "5:\n\t"                                                                               \
        "add      r9, r9, r7\n\t"                                                              \
        "ldrd     r8, r10, [sp, #52]\n\t"                                                      \
        "b        7b\n\t"                                                                      \
        "2:\n\t"                                                                               \
        "add      sp, sp, #76\n\t"                                                             \
        "pop      {r4-r11, pc}");                                                              \
  }

#define TINYTS_EVEN_5 TINYTS_ROW_OF_5("0", "8", "16", "24", "32", "")
#define TINYTS_ODD_5 TINYTS_ROW_OF_5("4", "12", "20", "28", "36", ", ror #8")
#define TINYTS_EVEN_7 TINYTS_ROW_OF_7("0", "8", "16", "24", "32", "40", "48", "")
#define TINYTS_ODD_7 TINYTS_ROW_OF_7("4", "12", "20", "28", "36", "44", "52", ", ror #8")

TINYTS_RUN_LARGE(tinyts_run_triples_5, TINYTS_EVEN_5, TINYTS_ODD_5, "40", "200")
TINYTS_RUN_LARGE(tinyts_run_triples_7, TINYTS_EVEN_7, TINYTS_ODD_7, "56", "392")

#undef TINYTS_LOAD
#undef TINYTS_MULTIPLY
#undef TINYTS_FIRST_TAPS
#undef TINYTS_ROW_OF_5
#undef TINYTS_ROW_OF_7
#undef TINYTS_SCALE
#undef TINYTS_STORE
#undef TINYTS_TWO_CHANNELS
#undef TINYTS_RUN_LARGE
#undef TINYTS_EVEN_5
#undef TINYTS_ODD_5
#undef TINYTS_EVEN_7
#undef TINYTS_ODD_7

static inline int tinyts_has_large_triples(const tinyts_depthwise_conv_2d_parameters *p) {
  return p->filter_height == p->filter_width && (p->filter_width == 5 || p->filter_width == 7) &&
         p->column_stride == 1 && p->column_dilation == 1;
}

/* Outputs from column x on; the columns of their windows are all inside the input. Of the windows' rows, `count` from number
 * `first` on are, `row_step` apart. */
TINYTS_NOINLINE static void tinyts_convolve_large_triples(const tinyts_depthwise_conv_2d_parameters *p,
                                                                    const int8_t *const *rows, ptrdiff_t row_step,
                                                                    int32_t first, int32_t count, int32_t x,
                                                                    int32_t triples, int8_t *output) {
  enum { TINYTS_BLOCK = 4, TINYTS_TAP_WORDS = 2, TINYTS_BLOCK_CONSTANTS = 16 };
  const ptrdiff_t channels = p->output_channels, whole = channels / TINYTS_BLOCK * TINYTS_BLOCK;
  const int32_t size = p->filter_width, block_weights = size * size * TINYTS_TAP_WORDS;
  void (*const convolve)(const tinyts_large_triples *) = size == 5 ? tinyts_run_triples_5 : tinyts_run_triples_7;
  tinyts_large_triples t;
  for (int32_t y = 0; y < TINYTS_LARGE_ROWS; ++y) {
    t.rows[y] = rows[(y < count ? y : 0) * row_step] + (x - p->padding_left) * channels;
  }
  t.next = NULL;
  t.row_bytes = count * (ptrdiff_t)sizeof t.rows[0];
  t.constants = t.first_constants = p->constants;
  t.weights = t.first_weights = p->weights + first * size * TINYTS_TAP_WORDS;
  t.output = output;
  t.end = t.rows[0] + whole;
  t.triples = triples;
  t.triple = 3 * channels;
  t.gap = t.triple - whole;
  t.step = channels;
  t.minus_zero_point = (uint32_t)(-p->input_zero_point & 0xffff) * 0x10001u;
  convolve(&t);
  if (whole == channels) return;
  const ptrdiff_t last = channels - TINYTS_BLOCK;
  t.weights = t.first_weights += whole / TINYTS_BLOCK * block_weights;
  t.constants = t.first_constants += whole / TINYTS_BLOCK * TINYTS_BLOCK_CONSTANTS;
  t.output = output + last;
  t.end = t.rows[0] + channels;
  for (int32_t y = 0; y < TINYTS_LARGE_ROWS; ++y) t.rows[y] += last;
  t.gap = t.triple - TINYTS_BLOCK;
  convolve(&t);
}

#endif
