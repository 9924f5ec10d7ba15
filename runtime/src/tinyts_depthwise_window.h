/* DEPTHWISE_CONV_2D with DSP instructions: one output pixel after the other, four channels at a time.
 *
 * Filter taps in the padding are left out, not computed: inputs are taken less their zero point, so padding is 0. In
 * small maps that is most of the taps. Pixels whose windows have the same columns inside the input make up a run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_DEPTHWISE_WINDOW_H
#define TINYTS_DEPTHWISE_WINDOW_H

#include <stddef.h>

#include "tinyts_depthwise_large_triples.h"
#include "tinyts_depthwise_triples.h"
#include "tinyts_naked.h"
#include "tinyts/tinyts_kernels.h"
#include "tinyts_window.h"

enum { TINYTS_WINDOW_MOST_ROWS = 24, TINYTS_WINDOW_MOST_COLUMNS = 7 };

/* A row of the window, or what comes behind the last. The assembly knows this struct by heart. */
typedef struct {
  const int8_t *input;  /* the row's first pixel inside the input, channel 0, or one in front of it: see below */
  const void *code;     /* filled in by the assembly */
  ptrdiff_t skip;       /* bytes of weights between the last tap before it and its first tap */
} tinyts_window_row;

/* Pixels side by side, and so many blocks of their channels. The assembly knows this struct by heart. */
typedef struct {
  tinyts_window_row *rows;
  uint32_t code_bytes;   /* of the taps of a row */
  int32_t row_count;
  ptrdiff_t step;        /* bytes of input from one tap to the next */
  uint32_t minus_zero_point; /* in both halves */
  const int32_t *weights;
  const int32_t *constants;
  int8_t *output;
  int32_t pixels;
  ptrdiff_t channels;    /* four times the blocks */
  ptrdiff_t input_gap;   /* bytes of input between a pixel's last channel here and the next pixel's first */
  ptrdiff_t input_step;  /* bytes of input from one pixel to the next */
  ptrdiff_t output_gap;  /* as input_gap */
} tinyts_window_run;

/* r0, r1: a tap's pixels, channels 0 and 2, 1 and 3. r2, r3: its weights. r4-r7: sums. r8: input, r9: step,
 * r10: weights, r11: minus the zero point, r12: offset of the block in the input, lr: rows of the window.
 * On the stack: 0 constants behind the biases, 4 rows, 8 weights, 12 constants, 16 output, 20 pixels, 24 end of the
 * channels, 28 input gap, 32 input step, 36 output gap. Instructions of taps have 4 bytes each. */
#define TINYTS_TAP(address, advance)       \
  "ldr.w    r0, [" address "]\n\t" advance \
  "ldrd     r2, r3, [r10], #8\n\t"         \
  "sxtab16  r1, r11, r0, ror #8\n\t"       \
  "sxtab16  r0, r11, r0\n\t"               \
  "smlabb   r5, r1, r3, r5\n\t"            \
  "smlatt   r7, r1, r3, r7\n\t"            \
  "smlabb   r4, r0, r2, r4\n\t"            \
  "smlatt   r6, r0, r2, r6\n\t"
#define TINYTS_NEXT_ROW            \
  "ldm      lr!, {r0, r1, r2}\n\t" \
  "add      r8, r0, r12\n\t"       \
  "add      r10, r10, r2\n\t"      \
  "bx       r1\n\t"
/* kernels.h has the constants. `sign` adds the sum's sign to the offset, which moves ties of negative sums away from
 * zero; where the zero point is -128 all of them saturate and make no difference. */
#define TINYTS_SCALE(sum, sign)              \
  "ldm      r0!, {r1, r2, r3}\n\t" sign(sum) \
  "smmlar   " sum ", " sum ", r1, r3\n\t"    \
  "asr      " sum ", " sum ", r2\n\t"        \
  "ssat     " sum ", #8, " sum "\n\t"
#define TINYTS_SIGN(sum) "add      r3, r3, " sum ", asr #31\n\t"
#define TINYTS_NO_SIGN(sum) ""

#define TINYTS_WINDOW_RUN(name, sign)                                                   \
  TINYTS_NAKED static void name(const tinyts_window_run *run __attribute__((unused))) { \
    __asm__ volatile(                                                                   \
        "push     {r4-r11, lr}\n\t"                                                     \
        "ldm      r0!, {r1, r2, r3, r9, r11}\n\t"                                       \
        "adr.w    r4, 9f\n\t"                                                           \
        "sub      r4, r4, r2\n\t"                                                       \
        "orr      r4, r4, #1\n\t"                                                       \
        "mov      r5, r1\n\t"                                                           \
        "1:\n\t"                                                                        \
        "cbz      r3, 2f\n\t"                                                           \
        "str      r4, [r5, #4]\n\t"                                                     \
        "adds     r5, r5, #12\n\t"                                                      \
        "subs     r3, r3, #1\n\t"                                                       \
        "b        1b\n\t"                                                               \
        "2:\n\t"                                                                        \
        "adr.w    r4, 8f\n\t"                                                           \
        "orr      r4, r4, #1\n\t"                                                       \
        "str      r4, [r5, #4]\n\t"                                                     \
        "ldm      r0, {r3, r4, r5, r6, r7, r8, r10, r12}\n\t"                           \
        "push     {r1, r3, r4, r5, r6, r7, r8, r10, r12}\n\t"                           \
        "sub      sp, sp, #4\n\t"                                                       \
        "mov      r12, #0\n\t"                                                          \
        "3:\n\t" /* a pixel */                                                          \
        "ldr      r10, [sp, #8]\n\t"                                                    \
        "ldr      r0, [sp, #12]\n\t"                                                    \
        "4:\n\t" /* a block */                                                          \
        "ldm      r0!, {r4, r5, r6, r7}\n\t"                                            \
        "str      r0, [sp]\n\t"                                                         \
        "ldr      lr, [sp, #4]\n\t"                                                     \
        TINYTS_NEXT_ROW                                                                 \
        TINYTS_TAP("r8", "add.w    r8, r8, r9\n\t")                                     \
        TINYTS_TAP("r8", "add.w    r8, r8, r9\n\t")                                     \
        TINYTS_TAP("r8", "add.w    r8, r8, r9\n\t")                                     \
        TINYTS_TAP("r8", "add.w    r8, r8, r9\n\t")                                     \
        TINYTS_TAP("r8", "")                                                            \
        TINYTS_TAP("r8, r9", "")                                                        \
        TINYTS_TAP("r8, r9, lsl #1", "")                                                \
        "9:\n\t"                                                                        \
        TINYTS_NEXT_ROW                                                                 \
        "8:\n\t" /* behind the last row */                                              \
        "ldr      r0, [sp]\n\t"                                                         \
        TINYTS_SCALE("r4", sign)                                                        \
        TINYTS_SCALE("r5", sign)                                                        \
        TINYTS_SCALE("r6", sign)                                                        \
        TINYTS_SCALE("r7", sign)                                                        \
        "ldr      r1, [sp, #16]\n\t"                                                    \
        "bfi      r4, r5, #8, #8\n\t"                                                   \
        "bfi      r4, r6, #16, #8\n\t"                                                  \
        "bfi      r4, r7, #24, #8\n\t"                                                  \
        "ldr      r2, [sp, #24]\n\t"                                                    \
        "str      r4, [r1], #4\n\t"                                                     \
        "str      r1, [sp, #16]\n\t"                                                    \
        "add      r12, r12, #4\n\t"                                                     \
        "cmp      r12, r2\n\t"                                                          \
        "bne      4b\n\t"                                                               \
        "ldr      r3, [sp, #20]\n\t"                                                    \
        "subs     r3, r3, #1\n\t"                                                       \
        "beq      5f\n\t"                                                               \
        "str      r3, [sp, #20]\n\t"                                                    \
        "ldr      r3, [sp, #28]\n\t"                                                    \
        "add      r12, r12, r3\n\t"                                                     \
        "ldr      r3, [sp, #32]\n\t"                                                    \
        "add      r2, r2, r3\n\t"                                                       \
        "str      r2, [sp, #24]\n\t"                                                    \
        "ldr      r3, [sp, #36]\n\t"                                                    \
        "add      r1, r1, r3\n\t"                                                       \
        "str      r1, [sp, #16]\n\t"                                                    \
        "b        3b\n\t"                                                               \
        "5:\n\t"                                                                        \
        "add      sp, sp, #40\n\t"                                                      \
        "pop      {r4-r11, pc}");                                                       \
  }

TINYTS_WINDOW_RUN(tinyts_run_window, TINYTS_SIGN)
TINYTS_WINDOW_RUN(tinyts_run_window_from_minimum, TINYTS_NO_SIGN)

#undef TINYTS_TAP
#undef TINYTS_NEXT_ROW
#undef TINYTS_SCALE
#undef TINYTS_SIGN
#undef TINYTS_NO_SIGN
#undef TINYTS_WINDOW_RUN

/* What the window of a row of outputs is like. */
typedef struct {
  const int8_t *const *rows; /* those inside the input, `row_step` apart */
  ptrdiff_t row_step;
  int32_t first, count;      /* of the filter's rows inside the input */
} tinyts_window_rows;

static inline tinyts_window_rows tinyts_find_window_rows(const tinyts_depthwise_conv_2d_parameters *p,
                                                         const int8_t *const *rows) {
  tinyts_window_rows w = {rows, p->row_dilation, 0, 0};
  for (; w.first < p->filter_height && *w.rows == NULL; ++w.first) w.rows += w.row_step;
  while (w.first + w.count < p->filter_height && w.rows[w.count * w.row_step] != NULL) ++w.count;
  return w;
}

/* How many pixels from column x on have the same columns of their windows inside the input as this one. */
static inline int32_t tinyts_pixels_alike(const tinyts_depthwise_conv_2d_parameters *p, int32_t x,
                                          tinyts_filter_columns columns) {
  if (columns.end - columns.first != p->filter_width) return 1;
  const int32_t origin = x * p->column_stride - p->padding_left;
  const int32_t room = p->input_width - 1 - (p->filter_width - 1) * p->column_dilation - origin;
  const int32_t whole = room / p->column_stride + 1, left = p->output_width - x;
  return whole < left ? whole : left;
}

/* Pixels side by side whose windows have the same columns inside the input. */
typedef struct {
  tinyts_filter_columns columns;
  int32_t x, pixels;
  ptrdiff_t channels;                /* of each; the last block may have channels of the one before */
  ptrdiff_t input_step, output_step; /* bytes from one to the next */
  ptrdiff_t shift;                   /* bytes of input from pixel x to the first channel */
  int32_t block;                     /* of weights and constants, for the first channels */
} tinyts_pixel_run;

TINYTS_NOINLINE static void tinyts_convolve_run(const tinyts_depthwise_conv_2d_parameters *p,
                                                          const tinyts_window_rows *w, const tinyts_pixel_run *s,
                                                          int8_t *output) {
  enum {
    TINYTS_TAP_BYTES = 8,
    TINYTS_BLOCK = 4,
    TINYTS_SHORT_TAPS = 3,
    TINYTS_SHORT_TAP_CODE = 32,
    TINYTS_TAP_CODE = 36
  };
  const ptrdiff_t channels = s->channels, whole = channels / TINYTS_BLOCK * TINYTS_BLOCK;
  const int32_t filter_columns = p->filter_width, first = s->columns.first, inside = s->columns.end - first;
  const int32_t taps = filter_columns * p->filter_height;
  tinyts_window_row rows[TINYTS_WINDOW_MOST_ROWS + 1];
  tinyts_window_run run;
  run.rows = rows;
  run.row_count = inside > 0 ? w->count : 0;
  run.step = (ptrdiff_t)p->column_dilation * p->input_channels;
  run.minus_zero_point = (uint32_t)(-p->input_zero_point & 0xffff) * 0x10001u;
  run.pixels = s->pixels;
  run.input_step = s->input_step;
  run.code_bytes =
      (uint32_t)(inside <= TINYTS_SHORT_TAPS
                     ? inside * TINYTS_SHORT_TAP_CODE
                     : inside * TINYTS_TAP_CODE - TINYTS_SHORT_TAPS * (TINYTS_TAP_CODE - TINYTS_SHORT_TAP_CODE));

  /* The last three taps of a row are at fixed distances from one pixel; with fewer it lies in front of the row's. */
  const int32_t missing = inside < TINYTS_SHORT_TAPS ? TINYTS_SHORT_TAPS - inside : 0;
  const ptrdiff_t origin = s->x * p->column_stride - p->padding_left;
  const ptrdiff_t offset = origin * p->input_channels + s->shift + (first - missing) * run.step;
  ptrdiff_t skip = (w->first * filter_columns + first) * TINYTS_TAP_BYTES;
  ptrdiff_t left = taps * TINYTS_TAP_BYTES;
  tinyts_window_row *row = rows;
  for (const int8_t *const *input = w->rows; row != rows + run.row_count; ++row, input += w->row_step) {
    row->input = *input + offset;
    row->skip = skip;
    left -= skip + inside * TINYTS_TAP_BYTES;
    skip = (filter_columns - inside) * TINYTS_TAP_BYTES;
  }
  row->input = NULL;
  row->skip = left;

  void (*const convolve)(const tinyts_window_run *) =
      p->output_zero_point == INT8_MIN ? tinyts_run_window_from_minimum : tinyts_run_window;
  run.weights = p->weights + s->block * taps * 2;
  run.constants = p->constants + s->block * 16;
  run.output = output;
  run.channels = whole;
  run.input_gap = run.input_step - whole;
  run.output_gap = s->output_step - whole;
  convolve(&run);
  if (whole != channels) {
    const ptrdiff_t last = channels - TINYTS_BLOCK;
    for (row = rows; row != rows + run.row_count; ++row) row->input += last;
    run.weights += whole / TINYTS_BLOCK * taps * 2;
    run.constants += whole / TINYTS_BLOCK * 16;
    run.output = output + last;
    run.channels = TINYTS_BLOCK;
    run.input_gap = run.input_step - TINYTS_BLOCK;
    run.output_gap = s->output_step - TINYTS_BLOCK;
    convolve(&run);
  }
}

/* The outputs of one row: whole windows in triples where there are such. */
static void tinyts_convolve_windows(const tinyts_depthwise_conv_2d_parameters *p, const int8_t *const *input_rows,
                                    int8_t *output) {
  const tinyts_window_rows rows = tinyts_find_window_rows(p, input_rows);
  const int in_triples = tinyts_has_triples_of_rows(p, rows.count);
  const int in_large_triples = tinyts_has_large_triples(p) && rows.count != 0;
  tinyts_pixel_run run;
  run.channels = run.output_step = p->output_channels;
  run.input_step = p->column_stride * run.channels;
  run.shift = run.block = 0;
  for (run.x = 0; run.x < p->output_width; run.x += run.pixels) {
    run.columns = tinyts_columns_inside(run.x * p->column_stride - p->padding_left, p->input_width, p->filter_width,
                                        p->column_dilation);
    run.pixels = tinyts_pixels_alike(p, run.x, run.columns);
    int8_t *const first_output = output + run.x * run.channels;
    if (in_triples && run.pixels >= 3) {
      tinyts_convolve_triples(p, rows.rows, rows.row_step, rows.first, rows.count, run.x, run.pixels / 3, first_output);
      run.pixels = run.pixels / 3 * 3;
    } else if (in_large_triples && run.pixels >= 3) {
      tinyts_convolve_large_triples(p, rows.rows, rows.row_step, rows.first, rows.count, run.x, run.pixels / 3,
                                    first_output);
      run.pixels = run.pixels / 3 * 3;
    } else {
      tinyts_convolve_run(p, &rows, &run, first_output);
    }
  }
}

#endif
