/* DEPTHWISE_CONV_2D with a filter of 3x3 and a stride of 1 or 2 along rows, away from the padding: three output pixels side
 * by side and four channels at a time, two after two. Each input is loaded once for all pixels that read it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_DEPTHWISE_TRIPLES_H
#define TINYTS_DEPTHWISE_TRIPLES_H

#include <stddef.h>

#include "tinyts_naked.h"
#include "tinyts/tinyts_kernels.h"

/* Triples of pixels in one row, and so many blocks of their channels. The assembly knows this struct by heart: it has a
 * copy on its stack. */
typedef struct {
  const int8_t *rows[3];    /* 0: of the window, the block's channels of its first pixel */
  const int8_t *end;        /* 12: of rows[0] in this triple */
  const int32_t *constants; /* 16: of the block */
  int8_t *output;           /* 20: of the block */
  int32_t triples;          /* 24 */
  const int32_t *first_constants, *first_weights; /* 28, 32 */
  ptrdiff_t input_gap;      /* 36: bytes from a triple's last channel here to the next triple's first */
  ptrdiff_t output_gap;     /* 40: likewise */
  ptrdiff_t triple;         /* 44: bytes of input from a triple to the next */
  ptrdiff_t step;           /* 48: bytes of a pixel */
  uint32_t minus_zero_point; /* 52: in both halves */
} tinyts_triples;

/* r0: a pixel's input, r1: the row, r2, r3, r12: its weights, r4-r6 and r7-r9: sums of three pixels, of a channel and
 * the second next one, r10: weights of the block, r11: minus the zero point, lr: step. Before the first row r6 and r9 are
 * the biases, which are what the first products are added to. */
/* `between` is what need not wait for the load. */
#define TINYTS_LOAD(address, rotation, between) \
  "ldr      r0, [" address "]\n\t" between      \
  "sxtab16  r0, r11, r0" rotation "\n\t"
#define TINYTS_BEGIN(sum, second_sum, weight, bias, second_bias) \
  "smlabb   " sum ", r0, " weight ", " bias "\n\t"               \
  "smlatt   " second_sum ", r0, " weight ", " second_bias "\n\t"
#define TINYTS_MULTIPLY(sum, second_sum, weight) TINYTS_BEGIN(sum, second_sum, weight, sum, second_sum)
/* The columns under a row of the filter; `begin` is the first product of a sum in this row, of the first two pixels. */
#define TINYTS_COLUMNS_BY_1(rotation, begin)                                 \
  TINYTS_LOAD("r1", rotation, "")                                            \
  begin("r4", "r7", "r2")                                                    \
  TINYTS_LOAD("r1, lr", rotation, "")                                        \
  TINYTS_MULTIPLY("r4", "r7", "r3")                                          \
  begin("r5", "r8", "r2")                                                    \
  TINYTS_LOAD("r1, lr, lsl #1", rotation, "add      r1, r1, lr, lsl #1\n\t") \
  TINYTS_MULTIPLY("r4", "r7", "r12")                                         \
  TINYTS_MULTIPLY("r5", "r8", "r3")                                          \
  TINYTS_MULTIPLY("r6", "r9", "r2")                                          \
  TINYTS_LOAD("r1, lr", rotation, "")                                        \
  TINYTS_MULTIPLY("r5", "r8", "r12")                                         \
  TINYTS_MULTIPLY("r6", "r9", "r3")                                          \
  TINYTS_LOAD("r1, lr, lsl #1", rotation, "")                                \
  TINYTS_MULTIPLY("r6", "r9", "r12")
#define TINYTS_COLUMNS_BY_2(rotation, begin)                                 \
  TINYTS_LOAD("r1", rotation, "")                                            \
  begin("r4", "r7", "r2")                                                    \
  TINYTS_LOAD("r1, lr", rotation, "")                                        \
  TINYTS_MULTIPLY("r4", "r7", "r3")                                          \
  TINYTS_LOAD("r1, lr, lsl #1", rotation, "add      r1, r1, lr, lsl #1\n\t") \
  TINYTS_MULTIPLY("r4", "r7", "r12")                                         \
  begin("r5", "r8", "r2")                                                    \
  TINYTS_LOAD("r1, lr", rotation, "")                                        \
  TINYTS_MULTIPLY("r5", "r8", "r3")                                          \
  TINYTS_LOAD("r1, lr, lsl #1", rotation, "add      r1, r1, lr, lsl #1\n\t") \
  TINYTS_MULTIPLY("r5", "r8", "r12")                                         \
  TINYTS_MULTIPLY("r6", "r9", "r2")                                          \
  TINYTS_LOAD("r1, lr", rotation, "")                                        \
  TINYTS_MULTIPLY("r6", "r9", "r3")                                          \
  TINYTS_LOAD("r1, lr, lsl #1", rotation, "")                                \
  TINYTS_MULTIPLY("r6", "r9", "r12")
#define TINYTS_ROW_FROM(row, first, second, third, columns, rotation, begin) \
  "ldr      r1, [sp, #" row "]\n\t"                                          \
  "ldr      r2, [r10, #" first "]\n\t"                                       \
  "ldr      r3, [r10, #" second "]\n\t"                                      \
  "ldr      r12, [r10, #" third "]\n\t"                                      \
  columns(rotation, begin)
#define TINYTS_FROM_BIAS(sum, second_sum, weight) TINYTS_BEGIN(sum, second_sum, weight, "r6", "r9")
#define TINYTS_FIRST_ROW(row, first, second, third, columns, rotation) \
  TINYTS_ROW_FROM(row, first, second, third, columns, rotation, TINYTS_FROM_BIAS)
#define TINYTS_FILTER_ROW(row, first, second, third, columns, rotation) \
  TINYTS_ROW_FROM(row, first, second, third, columns, rotation, TINYTS_MULTIPLY)
/* As in tinyts_depthwise_window.h. */
#define TINYTS_SCALE(sum, sign) sign(sum) \
  "asr      " sum ", " sum ", r3\n\t"     \
  "ssat     " sum ", #8, " sum "\n\t"
#define TINYTS_SIGN(sum)                   \
  "add      r1, r12, " sum ", asr #31\n\t" \
  "smmlar   " sum ", " sum ", r2, r1\n\t"
#define TINYTS_NO_SIGN(sum) "smmlar   " sum ", " sum ", r2, r12\n\t"
#define TINYTS_STORE(first, second, third) \
  "strb     " first ", [r1]\n\t"           \
  "strb     " second ", [r1, lr]\n\t"      \
  "strb     " third ", [r1, lr, lsl #1]\n\t"
/* Channel `lane` and the second next: biases, the filter, scaling. Statements of their own, as compilers need not take
 * longer strings. */
#define TINYTS_TWO_CHANNELS(bias, second_bias, scaling, lane, filter, sign) \
  __asm__ volatile(                                                         \
      "ldr      r0, [sp, #16]\n\t"                                          \
      "ldr      r6, [r0, #" bias "]\n\t"                                    \
      "ldr      r9, [r0, #" second_bias "]");                               \
  filter;                                                                   \
  __asm__ volatile(                                                         \
      "ldr      r0, [sp, #16]\n\t"                                          \
      "add      r0, r0, #" scaling "\n\t"                                   \
      "ldm      r0, {r2, r3, r12}\n\t"                                      \
      TINYTS_SCALE("r4", sign)                                              \
      TINYTS_SCALE("r5", sign)                                              \
      TINYTS_SCALE("r6", sign)                                              \
      "add      r0, r0, #24\n\t"                                            \
      "ldm      r0, {r2, r3, r12}\n\t"                                      \
      TINYTS_SCALE("r7", sign)                                              \
      TINYTS_SCALE("r8", sign)                                              \
      TINYTS_SCALE("r9", sign)                                              \
      "ldr      r1, [sp, #20]\n\t" lane                                     \
      TINYTS_STORE("r4", "r5", "r6")                                        \
      "add      r1, r1, #2\n\t"                                             \
      TINYTS_STORE("r7", "r8", "r9"))
#define TINYTS_EVEN_FILTER(columns)                                      \
  __asm__ volatile(TINYTS_FIRST_ROW("0", "0", "8", "16", columns, "")    \
                   TINYTS_FILTER_ROW("4", "24", "32", "40", columns, "") \
                   TINYTS_FILTER_ROW("8", "48", "56", "64", columns, ""))
#define TINYTS_ODD_FILTER(columns)                                               \
  __asm__ volatile(TINYTS_FIRST_ROW("0", "4", "12", "20", columns, ", ror #8")   \
                   TINYTS_FILTER_ROW("4", "28", "36", "44", columns, ", ror #8") \
                   TINYTS_FILTER_ROW("8", "52", "60", "68", columns, ", ror #8"))

/* Where the first or the last row of the filter is in the padding: two rows, of which r10 has the weights. */
#define TINYTS_EVEN_ROWS(columns)                                     \
  __asm__ volatile(TINYTS_FIRST_ROW("0", "0", "8", "16", columns, "") \
                   TINYTS_FILTER_ROW("4", "24", "32", "40", columns, ""))
#define TINYTS_ODD_ROWS(columns)                                               \
  __asm__ volatile(TINYTS_FIRST_ROW("0", "4", "12", "20", columns, ", ror #8") \
                   TINYTS_FILTER_ROW("4", "28", "36", "44", columns, ", ror #8"))

#define TINYTS_RUN_TRIPLES(name, even, odd, sign)                                        \
  TINYTS_NAKED static void name(const tinyts_triples *triples __attribute__((unused))) { \
    __asm__ volatile(                                                                    \
        "push     {r4-r11, lr}\n\t"                                                      \
        "sub      sp, sp, #52\n\t"                                                       \
        "mov      r1, sp\n\t"                                                            \
        "ldm      r0!, {r2-r9}\n\t"                                                      \
        "stm      r1!, {r2-r9}\n\t"                                                      \
        "ldm      r0, {r2-r6, r11}\n\t"                                                  \
        "stm      r1, {r2-r5}\n\t"                                                       \
        "mov      lr, r6\n\t"                                                            \
        "mov      r10, r2\n\t"                                                           \
        "1:"); /* a block */                                                             \
    TINYTS_TWO_CHANNELS("0", "8", "16", "", even, sign);                                 \
    TINYTS_TWO_CHANNELS("4", "12", "28", "add      r1, r1, #1\n\t", odd, sign);          \
    __asm__ volatile(                                                                    \
        "ldm      sp, {r0-r5}\n\t"                                                       \
        "add      r10, r10, #72\n\t"                                                     \
        "add      r0, r0, #4\n\t"                                                        \
        "add      r1, r1, #4\n\t"                                                        \
        "add      r2, r2, #4\n\t"                                                        \
        "add      r4, r4, #64\n\t"                                                       \
        "add      r5, r5, #4\n\t"                                                        \
        "stm      sp, {r0-r5}\n\t"                                                       \
        "cmp      r0, r3\n\t"                                                            \
        "bne.w    1b\n\t"                                                                \
        "ldrd     r6, r4, [sp, #24]\n\t"                                                 \
        "subs     r6, r6, #1\n\t"                                                        \
        "beq      2f\n\t"                                                                \
        "ldrd     r10, r7, [sp, #32]\n\t"                                                \
        "ldrd     r8, r9, [sp, #40]\n\t"                                                 \
        "add      r0, r0, r7\n\t"                                                        \
        "add      r1, r1, r7\n\t"                                                        \
        "add      r2, r2, r7\n\t"                                                        \
        "add      r3, r3, r9\n\t"                                                        \
        "add      r5, r5, r8\n\t"                                                        \
        "stm      sp, {r0-r6}\n\t"                                                       \
        "b.w      1b\n\t"                                                                \
        "2:\n\t"                                                                         \
        "add      sp, sp, #52\n\t"                                                       \
        "pop      {r4-r11, pc}");                                                        \
  }

TINYTS_RUN_TRIPLES(tinyts_run_triples, TINYTS_EVEN_FILTER(TINYTS_COLUMNS_BY_1),
                   TINYTS_ODD_FILTER(TINYTS_COLUMNS_BY_1), TINYTS_SIGN)
TINYTS_RUN_TRIPLES(tinyts_run_triples_from_minimum, TINYTS_EVEN_FILTER(TINYTS_COLUMNS_BY_1),
                   TINYTS_ODD_FILTER(TINYTS_COLUMNS_BY_1), TINYTS_NO_SIGN)
TINYTS_RUN_TRIPLES(tinyts_run_triples_by_2, TINYTS_EVEN_FILTER(TINYTS_COLUMNS_BY_2),
                   TINYTS_ODD_FILTER(TINYTS_COLUMNS_BY_2), TINYTS_SIGN)
TINYTS_RUN_TRIPLES(tinyts_run_triples_by_2_from_minimum, TINYTS_EVEN_FILTER(TINYTS_COLUMNS_BY_2),
                   TINYTS_ODD_FILTER(TINYTS_COLUMNS_BY_2), TINYTS_NO_SIGN)
/* For few rows: for the sake of flash it adds the sign whether or not it makes a difference. */
TINYTS_RUN_TRIPLES(tinyts_run_triples_of_two_rows, TINYTS_EVEN_ROWS(TINYTS_COLUMNS_BY_1),
                   TINYTS_ODD_ROWS(TINYTS_COLUMNS_BY_1), TINYTS_SIGN)

#undef TINYTS_LOAD
#undef TINYTS_BEGIN
#undef TINYTS_MULTIPLY
#undef TINYTS_COLUMNS_BY_1
#undef TINYTS_COLUMNS_BY_2
#undef TINYTS_ROW_FROM
#undef TINYTS_FROM_BIAS
#undef TINYTS_FIRST_ROW
#undef TINYTS_FILTER_ROW
#undef TINYTS_SCALE
#undef TINYTS_SIGN
#undef TINYTS_NO_SIGN
#undef TINYTS_STORE
#undef TINYTS_TWO_CHANNELS
#undef TINYTS_EVEN_FILTER
#undef TINYTS_ODD_FILTER
#undef TINYTS_EVEN_ROWS
#undef TINYTS_ODD_ROWS
#undef TINYTS_RUN_TRIPLES

static inline int tinyts_has_triples(const tinyts_depthwise_conv_2d_parameters *p) {
  return p->filter_height == 3 && p->filter_width == 3 && p->column_stride <= 2 && p->column_dilation == 1;
}

/* Whether there are triples of windows with so many rows inside the input. */
static inline int tinyts_has_triples_of_rows(const tinyts_depthwise_conv_2d_parameters *p, int32_t count) {
  return tinyts_has_triples(p) && (count == 3 || (count == 2 && p->column_stride == 1));
}

/* Outputs from column x on; the columns of their windows are all inside the input. Of the windows' rows, `count` from number
 * `first` on are, `row_step` apart. */
TINYTS_NOINLINE static void tinyts_convolve_triples(const tinyts_depthwise_conv_2d_parameters *p,
                                                              const int8_t *const *rows, ptrdiff_t row_step,
                                                              int32_t first, int32_t count, int32_t x,
                                                              int32_t triples, int8_t *output) {
  enum { TINYTS_BLOCK = 4, TINYTS_ROW_WEIGHTS = 6, TINYTS_BLOCK_WEIGHTS = 18, TINYTS_BLOCK_CONSTANTS = 16 };
  const ptrdiff_t channels = p->output_channels, whole = channels / TINYTS_BLOCK * TINYTS_BLOCK,
                  last = channels - TINYTS_BLOCK;
  const int from_minimum = p->output_zero_point == INT8_MIN;
  void (*convolve)(const tinyts_triples *) = from_minimum ? tinyts_run_triples_from_minimum : tinyts_run_triples;
  if (count == 2) {
    convolve = tinyts_run_triples_of_two_rows;
  } else if (p->column_stride == 2) {
    convolve = from_minimum ? tinyts_run_triples_by_2_from_minimum : tinyts_run_triples_by_2;
  }
  const ptrdiff_t origin = x * p->column_stride - p->padding_left;
  tinyts_triples t;
  for (int32_t y = 0; y < 3; ++y) t.rows[y] = rows[(y < count ? y : 0) * row_step] + origin * channels;
  t.first_weights = p->weights + first * TINYTS_ROW_WEIGHTS;
  t.constants = t.first_constants = p->constants;
  t.output = output;
  t.end = t.rows[0] + whole;
  t.triples = triples;
  t.triple = 3 * p->column_stride * channels;
  t.input_gap = t.triple - whole;
  t.output_gap = 3 * channels - whole;
  t.step = channels;
  t.minus_zero_point = (uint32_t)(-p->input_zero_point & 0xffff) * 0x10001u;
  convolve(&t);
  if (whole == channels) return;
  t.first_weights += whole / TINYTS_BLOCK * TINYTS_BLOCK_WEIGHTS;
  t.constants = t.first_constants += whole / TINYTS_BLOCK * TINYTS_BLOCK_CONSTANTS;
  t.output = output + last;
  t.end = t.rows[0] + channels;
  for (int32_t y = 0; y < 3; ++y) t.rows[y] += last;
  t.input_gap = t.triple - TINYTS_BLOCK;
  t.output_gap = 3 * channels - TINYTS_BLOCK;
  convolve(&t);
}

#endif
