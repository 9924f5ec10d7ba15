/* CONV_2D without DSP instructions: two pixels at a time where their patches are read where they lie, or are copied.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_CONV_PIXELS_PORTABLE_H
#define TINYTS_CONV_PIXELS_PORTABLE_H

#include "tinyts_conv_patches.h"
#include "tinyts_conv_portable.h"

/* The even channel's sum: the first one with half words is 256 times it, plus the odd channel's. */
static inline uint32_t tinyts_conv_even_sum(const tinyts_conv_2d_parameters *p, uint32_t first, uint32_t odd) {
  return p->wide ? first : (uint32_t)tinyts_even_sum(first, odd);
}

/* The weight that goes into the first (0) or second (1) sum of a pair. */
static inline int32_t tinyts_conv_weight(const tinyts_conv_2d_parameters *p, const uint32_t *weights, size_t element,
                                  uint32_t odd) {
  const size_t words = TINYTS_CONV_2D_PATCH_WORDS(p);
  if (TINYTS_CONV_2D_OVERLAPS(p) && element >= 4 * (words - 1)) element += 4 * words - p->filter_channels;
  if (p->wide) return (int16_t)(weights[element / 4 * 4 + element % 2 * 2 + odd] >> element % 4 / 2 * 16);
  const uint32_t half = weights[element / 4 * 2 + element % 2] >> element % 4 / 2 * 16;
  return odd ? (int32_t)(int8_t)half : (int32_t)(int16_t)half;
}

/* One pixel, for what no other form does. */
TINYTS_NOINLINE static void tinyts_conv_plain(const tinyts_conv_2d_parameters *p, const tinyts_conv_pixel *pixel,
                                              const tinyts_conv_group *group) {
  const uint32_t *weights = group->weights;
  const int32_t *constants = group->constants;
  int8_t *const output = pixel->output + group->first_output;
  for (uint32_t channel = 0; channel < group->channels; channel += 2) {
    uint32_t even = (uint32_t)constants[0], odd = (uint32_t)constants[1];
    size_t element = 0;
    for (tinyts_conv_runs runs = tinyts_conv_first_run(p, pixel, 1, group->first_input); tinyts_conv_has_runs(&runs);) {
      const int8_t *source;
      const size_t length = tinyts_conv_next_run(&runs, &source);
      for (size_t i = 0; i < length; ++i, ++element) {
        even += (uint32_t)(source[i] * tinyts_conv_weight(p, weights, element, 0));
        odd += (uint32_t)(source[i] * tinyts_conv_weight(p, weights, element, 1));
      }
    }
    output[channel] = tinyts_conv_scale(p, constants, 0, tinyts_conv_even_sum(p, even, odd));
    if (channel + 1 < group->channels) output[channel + 1] = tinyts_conv_scale(p, constants, 1, odd);
    weights += group->words;
    constants += TINYTS_PAIR_WORDS;
  }
}

enum {
  TINYTS_PORTABLE_RUNS = 10,        /* the most in which patches may lie to be read there */
  TINYTS_PORTABLE_STACK_BYTES = 160 /* of copied patches: one of 7x7 with three channels, two of most first layers */
};

static tinyts_portable_job tinyts_conv_portable_job(const tinyts_conv_2d_parameters *p, const tinyts_conv_runs *runs,
                                                    const tinyts_conv_group *group) {
  int8_t *const second = runs->count == 2 ? runs->pixels[1].output + group->first_output : NULL;
  const tinyts_portable_job job = {NULL, /* runs: the caller says which */
                                   NULL,
                                   group->weights,
                                   group->constants,
                                   {runs->pixels[0].output + group->first_output, second},
                                   group->channels,
                                   p->output_zero_point,
                                   p->output_minimum,
                                   p->output_maximum,
                                   p->narrow,
                                   p->wide};
  return job;
}

/* One pixel or two whose patches are read where they lie, whole words each. */
TINYTS_NOINLINE static void tinyts_conv_portable_in_place(const tinyts_conv_2d_parameters *p,
                                                          const tinyts_conv_runs *first_run,
                                                          const tinyts_conv_group *group) {
  tinyts_conv_runs runs = *first_run;
  tinyts_portable_job job = tinyts_conv_portable_job(p, &runs, group);
  tinyts_portable_run table[TINYTS_PORTABLE_RUNS];
  tinyts_portable_run *run = table;
  while (tinyts_conv_has_runs(&runs)) {
    const int8_t *sources[2] = {NULL, NULL};
    const size_t length = tinyts_conv_next_run(&runs, sources), last = length % 4;
    run->pixels[0] = sources[0];
    run->pixels[1] = sources[1];
    run->bytes = (uint32_t)(length - last);
    ++run;
    if (last != 0) {
      run->pixels[0] = sources[0] + length - 4;
      run->pixels[1] = runs.count == 2 ? sources[1] + length - 4 : NULL;
      run->bytes = 4;
      ++run;
    }
  }
  job.runs = table;
  job.runs_end = run;
  tinyts_conv_portable(&job);
}

/* Puts a pixel's patch into whole words. What is behind it in the last word means nothing: its weights are 0. */
static void tinyts_conv_copy_portable(tinyts_conv_runs runs, int8_t *patch, int8_t *end) {
  while (tinyts_conv_has_runs(&runs)) {
    const int8_t *source;
    for (size_t left = tinyts_conv_next_run(&runs, &source); left > 0; --left) *patch++ = *source++;
  }
  while (patch != end) *patch++ = 0;
}

/* The patches, one or two, are copied to so many bytes. */
TINYTS_NOINLINE static void tinyts_conv_portable_copied(const tinyts_conv_2d_parameters *p,
                                                        const tinyts_conv_runs *runs, const tinyts_conv_group *group,
                                                        int8_t *patches) {
  const uint32_t patch_bytes = 4u * TINYTS_CONV_2D_PATCH_WORDS(p);
  const tinyts_portable_run run = {{patches, patches + patch_bytes}, patch_bytes};
  tinyts_portable_job job = tinyts_conv_portable_job(p, runs, group);
  for (uint32_t i = 0; i < runs->count; ++i, patches += patch_bytes) {
    tinyts_conv_copy_portable(tinyts_conv_first_run(p, runs->pixels + i, 1, runs->channel), patches,
                              patches + patch_bytes);
  }
  job.runs = &run;
  job.runs_end = &run + 1;
  tinyts_conv_portable(&job);
}

TINYTS_NOINLINE static void tinyts_conv_portable_on_stack(const tinyts_conv_2d_parameters *p,
                                                          const tinyts_conv_runs *runs, const tinyts_conv_group *group) {
  int8_t patches[TINYTS_PORTABLE_STACK_BYTES];
  tinyts_conv_portable_copied(p, runs, group, patches);
}

/* In how many runs patches lie. */
static int32_t tinyts_conv_count_runs(tinyts_conv_runs runs) {
  const int32_t width = runs.parameters->filter_width;
  int32_t in_row = 0;
  if (runs.columns != 0) return runs.parameters->filter_height * (width / runs.columns);
  for (; runs.x < width; runs.x += tinyts_conv_columns_together(&runs)) ++in_row;
  return runs.parameters->filter_height * in_row;
}

/* One pixel or two; returns whether there is a way for so many. */
static int tinyts_conv_portable_pixels(const tinyts_conv_2d_parameters *p, const tinyts_conv_runs *runs,
                                       const tinyts_conv_group *group, int8_t *scratch) {
  const uint32_t patch_bytes = 4u * TINYTS_CONV_2D_PATCH_WORDS(p);
  if (!tinyts_conv_is_little_endian()) return 0;
  if (TINYTS_CONV_2D_IN_WORDS(p) && tinyts_conv_count_runs(*runs) <= TINYTS_PORTABLE_RUNS) {
    tinyts_conv_portable_in_place(p, runs, group);
  } else if (scratch != NULL) {
    tinyts_conv_portable_copied(p, runs, group, scratch);
  } else if (patch_bytes * runs->count <= TINYTS_PORTABLE_STACK_BYTES) {
    tinyts_conv_portable_on_stack(p, runs, group);
  } else {
    return 0;
  }
  return 1;
}

/* Two pixels together where there is a way. */
static void tinyts_conv_portable_group(const tinyts_conv_2d_parameters *p, const tinyts_conv_pixel *pixels,
                                       uint32_t count, const tinyts_conv_group *group, int8_t *scratch) {
  for (uint32_t done = 0, together = count; done < count;) {
    const tinyts_conv_runs runs = tinyts_conv_first_run(p, pixels + done, together, group->first_input);
    if (tinyts_conv_portable_pixels(p, &runs, group, scratch)) {
      done += together;
    } else if (together == 2) {
      together = 1;
    } else {
      tinyts_conv_plain(p, pixels + done, group);
      ++done;
    }
  }
}

#endif
