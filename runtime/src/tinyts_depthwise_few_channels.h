/* DEPTHWISE_CONV_2D of one to three channels with DSP instructions, by the assembly for blocks of four channels.
 *
 * With a stride of 1, pixels side by side are one pixel of four or twelve channels to it, whose taps are still as far
 * apart as pixels are: the weights are packed so. Elsewhere it makes four bytes of which only some are wanted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_DEPTHWISE_FEW_CHANNELS_H
#define TINYTS_DEPTHWISE_FEW_CHANNELS_H

#include "tinyts_depthwise_window.h"

enum { TINYTS_FOUR_CHANNELS = 4 };

/* How many pixels next to one hold the bytes that four have beyond its channels. */
static inline int32_t tinyts_pixels_beyond(int32_t channels) { return (TINYTS_FOUR_CHANNELS - 1) / channels; }

/* Whether each window leaves room in its row for that, on one side at least. */
static inline int tinyts_has_few_channels(const tinyts_depthwise_conv_2d_parameters *p) {
  const int32_t channels = p->output_channels, reach = (p->filter_width - 1) * p->column_dilation;
  return channels < TINYTS_FOUR_CHANNELS && reach + 2 * tinyts_pixels_beyond(channels) <= p->input_width;
}

/* The outputs of one row. */
__attribute__((noinline)) static void tinyts_convolve_few_channels(
    const tinyts_depthwise_conv_2d_parameters *p, const int8_t *const *input_rows, int8_t *output) {
  enum { TINYTS_LANES = TINYTS_FOUR_CHANNELS };
  const tinyts_window_rows rows = tinyts_find_window_rows(p, input_rows);
  const int32_t channels = p->output_channels, beyond = tinyts_pixels_beyond(channels);
  const int32_t all_lanes = channels == 3 ? 3 * TINYTS_LANES : TINYTS_LANES, together = all_lanes / channels;
  tinyts_pixel_run run;
  for (int32_t x = 0, made; x < p->output_width; x += made) {
    const int32_t origin = x * p->column_stride - p->padding_left;
    run.columns = tinyts_columns_inside(origin, p->input_width, p->filter_width, p->column_dilation);
    made = tinyts_pixels_alike(p, x, run.columns);
    run.shift = run.block = 0;
    run.x = x;
    if (p->column_stride == 1 && made >= together) {
      run.channels = run.input_step = run.output_step = all_lanes;
      run.pixels = made / together;
      tinyts_convolve_run(p, &rows, &run, output + x * channels);
      /* Pixels that are left go together with some that are made again. */
      run.x = x + made - together;
      run.pixels = 1;
      if (made % together != 0) tinyts_convolve_run(p, &rows, &run, output + run.x * channels);
      continue;
    }
    run.channels = TINYTS_LANES;
    run.input_step = p->column_stride * channels;
    run.output_step = channels;
    if (made > beyond) {
      /* What a pixel makes too much of, those to its right overwrite. */
      run.pixels = made -= beyond;
      tinyts_convolve_run(p, &rows, &run, output + x * channels);
      continue;
    }
    /* One pixel. The four bytes begin with it, or end with it where the row ends. */
    const int32_t last_tap = origin + (run.columns.end - 1) * p->column_dilation;
    if (last_tap + beyond >= p->input_width) {
      run.shift = channels - TINYTS_LANES;
      run.block = all_lanes / TINYTS_LANES - 1;
    }
    int8_t four[TINYTS_LANES];
    run.pixels = made = 1;
    tinyts_convolve_run(p, &rows, &run, four);
    const int8_t *const pixel = four - run.shift;
    output[x * channels] = pixel[0];
    if (channels > 1) output[x * channels + 1] = pixel[1];
    if (channels > 2) output[x * channels + 2] = pixel[2];
  }
}

#endif
