/* CONV_2D with DSP instructions: pixels' patches are gathered in scratch or on the stack, or read where they lie, and the loops
 * of tinyts_channel_pairs.h go through them. Only to be included where TINYTS_DSP is defined.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_CONV_PIXELS_DSP_H
#define TINYTS_CONV_PIXELS_DSP_H

#include "tinyts_channel_pairs.h"
#include "tinyts_channel_pairs_in_place.h"
#include "tinyts_conv_patches.h"
#include "tinyts_dsp.h"

enum {
  TINYTS_CONV_PART_BYTES = 64,   /* of a patch that are copied at once, where no more can be */
  TINYTS_CONV_PART_PAIRS = 5,    /* of channels that go through them together */
  TINYTS_CONV_RUNS = 10,         /* the most in which a patch, or a part of it, is read where it lies */
  TINYTS_CONV_BLOCK_BYTES = 8192 /* of weights that many pixels go through together: half a small data cache */
};

/* tinyts_conv_scale for a narrow scaling, without the clamp: the assembly's, in C. */
static int8_t tinyts_conv_scale_narrow(const tinyts_pair_job *job, uint32_t odd, int32_t sum) {
  const int32_t right = (int8_t)((uint32_t)job->pair[4] >> 8 * odd);
  int32_t result;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"((uint32_t)sum << 1), "r"(job->pair[2 + odd]), "r"(sum >> 31));
  result = (result >> right) + job->offset;
  __asm__("ssat %0, #8, %0, asr #1" : "+r"(result));
  return (int8_t)result;
}

/* The bias in a sum of the even (0) or odd (1) channel as the assembly leaves it. */
static inline uint32_t tinyts_conv_left_bias(const tinyts_conv_2d_parameters *p, const tinyts_pair_job *job,
                                             uint32_t odd) {
  return odd != 0 ? (uint32_t)job->pair[1] : (uint32_t)job->pair[0] - (p->wide ? 0 : (uint32_t)job->pair[1]);
}

/* A sum that the assembly left, as the next byte of a pixel. */
static void tinyts_conv_store(const tinyts_conv_2d_parameters *p, tinyts_pair_job *job, uint32_t odd, uint32_t pixel,
                              uint32_t left) {
  const int32_t sum = p->wide || odd ? (int32_t)left : (int32_t)left >> 8;
  *job->outputs[pixel]++ =
      p->narrow ? tinyts_conv_scale_narrow(job, odd, sum) : tinyts_conv_scale(p, job->pair, odd, (uint32_t)sum);
}

/* Narrow scalings saturate to int8; this does the rest, when all channels are made. */
static void tinyts_conv_clamp_pixels(const tinyts_conv_2d_parameters *p, const tinyts_conv_group *group,
                                     const tinyts_pair_job *job) {
  const uint32_t words = group->channels & ~3u;
  if (!p->narrow || (p->output_minimum == INT8_MIN && p->output_maximum == INT8_MAX)) return;
  for (uint32_t i = 0; i < job->pixels; ++i) {
    int8_t *const bytes = job->outputs[i] - group->channels;
    tinyts_clamp_words(bytes, words, p->output_minimum, p->output_maximum);
    for (uint32_t channel = words; channel < group->channels; ++channel) {
      bytes[channel] = tinyts_clamp(bytes[channel], p->output_minimum, p->output_maximum);
    }
  }
}

/* All channels of a group, of the pixels whose patches stand in the job. */
TINYTS_NOINLINE static void tinyts_conv_pairs(const tinyts_conv_2d_parameters *p,
                                                        const tinyts_conv_group *group, tinyts_pair_job *job) {
  const uint32_t stored = p->narrow ? group->channels / 2 : 0;
  job->weights = group->weights;
  job->pair = group->constants;
  job->offset = 2 * p->output_zero_point + 1;
  job->store = 1;
  if (stored != 0) {
    job->end = job->pair + stored * TINYTS_PAIR_WORDS;
    job->multiply(job);
    job->weights += (size_t)stored * group->words;
  }
  job->store = 0;
  for (uint32_t channel = 2 * stored; channel < group->channels; channel += 2) {
    job->end = job->pair + TINYTS_PAIR_WORDS;
    job->multiply(job);
    for (uint32_t odd = 0; odd < 2 && channel + odd < group->channels; ++odd) {
      for (uint32_t i = 0; i < job->pixels; ++i) {
        tinyts_conv_store(p, job, odd, i, (uint32_t)job->sums[odd * job->pixels + i]);
      }
    }
    job->weights += group->words;
    job->pair += TINYTS_PAIR_WORDS;
  }
  tinyts_conv_clamp_pixels(p, group, job);
}

/* Spreads whole words of int8 of 2 or 4 pixels: for each four elements the even ones of all, then the odd ones. */
TINYTS_NOINLINE static void tinyts_conv_spread_2(int32_t *words, const int8_t *const sources[2],
                                                           size_t length) {
  const int8_t *a = sources[0], *b = sources[1];
  const int8_t *const end = a + length;
  int32_t s, t, u, v;
  __asm__ volatile(
      "1:\n\t"
      "ldr    %[s], [%[a]], #4\n\t"
      "ldr    %[t], [%[b]], #4\n\t"
      "sxtb16 %[u], %[s]\n\t"
      "sxtb16 %[v], %[t]\n\t"
      "strd   %[u], %[v], [%[words]], #16\n\t"
      "sxtb16 %[s], %[s], ror #8\n\t"
      "sxtb16 %[t], %[t], ror #8\n\t"
      "strd   %[s], %[t], [%[words], #-8]\n\t"
      "cmp    %[a], %[end]\n\t"
      "bne    1b"
      : [words] "+r"(words), [a] "+r"(a), [b] "+r"(b), [s] "=&r"(s), [t] "=&r"(t), [u] "=&r"(u), [v] "=&r"(v)
      : [end] "r"(end)
      : "cc", "memory");
}

TINYTS_NOINLINE static void tinyts_conv_spread_4(int32_t *words, const int8_t *const sources[4],
                                                           size_t length) {
  const int8_t *a = sources[0], *b = sources[1], *c = sources[2], *d = sources[3];
  const int8_t *const end = a + length;
  int32_t s, t, u, v;
  __asm__ volatile(
      "1:\n\t"
      "ldr    %[s], [%[a]], #4\n\t"
      "ldr    %[t], [%[b]], #4\n\t"
      "sxtb16 %[u], %[s]\n\t"
      "sxtb16 %[v], %[t]\n\t"
      "strd   %[u], %[v], [%[words]], #32\n\t"
      "sxtb16 %[s], %[s], ror #8\n\t"
      "sxtb16 %[t], %[t], ror #8\n\t"
      "ldr    %[u], [%[c]], #4\n\t"
      "ldr    %[v], [%[d]], #4\n\t"
      "strd   %[s], %[t], [%[words], #-16]\n\t"
      "sxtb16 %[s], %[u]\n\t"
      "sxtb16 %[t], %[v]\n\t"
      "strd   %[s], %[t], [%[words], #-24]\n\t"
      "sxtb16 %[u], %[u], ror #8\n\t"
      "sxtb16 %[v], %[v], ror #8\n\t"
      "strd   %[u], %[v], [%[words], #-8]\n\t"
      "cmp    %[a], %[end]\n\t"
      "bne    1b"
      : [words] "+r"(words), [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [s] "=&r"(s), [t] "=&r"(t),
        [u] "=&r"(u), [v] "=&r"(v)
      : [end] "r"(end)
      : "cc", "memory");
}

static inline int8_t *tinyts_conv_copy_inline(int8_t *target, const int8_t *source, size_t length) {
  for (; length >= 4; length -= 4, source += 4, target += 4) tinyts_store_4(target, tinyts_load_4(source));
  for (; length > 0; --length) *target++ = *source++;
  return target;
}

TINYTS_NOINLINE static int8_t *tinyts_conv_copy_run(int8_t *target, const int8_t *source, size_t length) {
  return tinyts_conv_copy_inline(target, source, length);
}

/* Puts a pixel's patch into one piece, whole words. What stands behind the patch in its last word means nothing: its
 * weights are 0. */
TINYTS_NOINLINE static void tinyts_conv_copy_patch(const tinyts_conv_2d_parameters *p,
                                                             const tinyts_conv_pixel *pixel, uint32_t channel,
                                                             int8_t *patch) {
  const size_t column_bytes = p->filter_channels, length = p->filter_width * column_bytes;
  tinyts_conv_runs runs;
  if (!TINYTS_CONV_2D_IN_WORDS(p) && p->filter_channels == p->input_channels &&
      p->column_dilation == 1) { /* in few instructions: columns are neighbours */
    const size_t before = pixel->first * column_bytes;
    const size_t within = (size_t)(pixel->end - pixel->first) * column_bytes;
    const ptrdiff_t offset = (pixel->origin + pixel->first) * (ptrdiff_t)column_bytes;
    const int8_t *const *row = pixel->rows;
    for (int32_t y = p->filter_height; y > 0; --y, row += p->row_dilation) {
      const int8_t *source = *row != NULL ? *row + offset : p->padding;
      if (within != length && *row != NULL) {
        patch = tinyts_conv_copy_run(patch, p->padding, before);
        patch = tinyts_conv_copy_run(patch, source, within);
        patch = tinyts_conv_copy_run(patch, p->padding, length - before - within);
      } else {
        patch = tinyts_conv_copy_inline(patch, source, length); /* nearly always */
      }
    }
    return;
  }
  runs = tinyts_conv_first_run(p, pixel, 1, channel);
  while (tinyts_conv_has_runs(&runs)) {
    const int8_t *source;
    const size_t run_bytes = tinyts_conv_next_run(&runs, &source);
    const size_t last = TINYTS_CONV_2D_OVERLAPS(p) ? run_bytes % 4 : 0;
    patch = tinyts_conv_copy_run(patch, source, run_bytes - last);
    if (last != 0) patch = tinyts_conv_copy_run(patch, source + run_bytes - 4, 4);
  }
}

/* Spreads whole words of one of several pixels. */
static void tinyts_conv_spread_1(int32_t *words, const int8_t *patch, size_t length, size_t pixels) {
  for (const int8_t *const end = patch + length; patch != end; patch += 4, words += 2 * pixels) {
    const uint32_t word = tinyts_load_4(patch);
    words[0] = tinyts_even(word);
    words[pixels] = tinyts_odd(word);
  }
}

static inline int32_t *tinyts_conv_spread(int32_t *words, const int8_t *const *sources, size_t length, size_t pixels) {
  if (pixels == 4) {
    tinyts_conv_spread_4(words, sources, length);
  } else {
    tinyts_conv_spread_2(words, sources, length);
  }
  return words + length / 2 * pixels;
}

/* Gathers the patches of 2 or 4 pixels as int16. */
TINYTS_NOINLINE static void tinyts_conv_gather_words(const tinyts_conv_2d_parameters *p, const tinyts_conv_pixel *first,
                                                     uint32_t pixels, uint32_t channel, int32_t *words) {
  tinyts_conv_runs runs = tinyts_conv_first_run(p, first, pixels, channel);
  while (tinyts_conv_has_runs(&runs)) {
    const int8_t *sources[TINYTS_MOST_PIXELS];
    const size_t length = tinyts_conv_next_run(&runs, sources), last = length % 4;
    words = tinyts_conv_spread(words, sources, length - last, pixels);
    if (last != 0) {
      for (size_t i = 0; i < pixels; ++i) sources[i] += length - 4;
      words = tinyts_conv_spread(words, sources, 4, pixels);
    }
  }
}

/* The same where patches are not whole words in the input. */
TINYTS_NOINLINE static void tinyts_conv_gather_bytes(const tinyts_conv_2d_parameters *p, const tinyts_conv_pixel *first,
                                                     uint32_t pixels, uint32_t channel, int32_t *words) {
  const size_t length = 4u * TINYTS_CONV_2D_PATCH_WORDS(p);
  int8_t *const patch = (int8_t *)(words + length / 2 * pixels);
  for (size_t i = 0; i < pixels; ++i) {
    tinyts_conv_copy_patch(p, first + i, channel, patch);
    tinyts_conv_spread_1(words + i, patch, length, pixels);
  }
}

static void tinyts_conv_gather(const tinyts_conv_2d_parameters *p, const tinyts_conv_pixel *first, uint32_t pixels,
                               uint32_t channel, int32_t *words) {
  if (TINYTS_CONV_2D_IN_WORDS(p)) {
    tinyts_conv_gather_words(p, first, pixels, channel, words);
  } else {
    tinyts_conv_gather_bytes(p, first, pixels, channel, words);
  }
}

static void tinyts_conv_set_outputs(tinyts_pair_job *job, const tinyts_conv_pixel *pixels, uint32_t count,
                                    uint32_t channel) {
  for (uint32_t i = 0; i < count; ++i) job->outputs[i] = pixels[i].output + channel;
  job->pixels = count;
}

/* Patches in scratch: of 2 or 4 pixels as int16, of one as int8. */
static void tinyts_conv_set_patches(const tinyts_conv_2d_parameters *p, uint32_t count, const int32_t *words,
                                    tinyts_pair_job *job) {
  job->patches = words;
  job->patches_end = words + TINYTS_CONV_2D_PATCH_WORDS(p) * (count == 1 ? 1u : 2u * count);
  if (count == 4) {
    job->multiply = p->wide ? tinyts_four_pixels_wide : tinyts_four_pixels;
  } else if (count == 2) {
    job->multiply = p->wide ? tinyts_two_pixels_wide : tinyts_two_pixels;
  } else {
    job->multiply = p->wide ? tinyts_one_pixel_wide : tinyts_one_pixel;
  }
}

TINYTS_NOINLINE static void tinyts_conv_in_scratch(const tinyts_conv_2d_parameters *p, const tinyts_conv_pixel *pixels,
                                                   uint32_t count, const tinyts_conv_group *group, int32_t *words) {
  tinyts_pair_job job;
  tinyts_conv_gather(p, pixels, count, group->first_input, words);
  tinyts_conv_set_patches(p, count, words, &job);
  tinyts_conv_set_outputs(&job, pixels, count, group->first_output);
  tinyts_conv_pairs(p, group, &job);
}

/* Small patches need no scratch. */
TINYTS_NOINLINE static void tinyts_conv_on_stack(const tinyts_conv_2d_parameters *p, const tinyts_conv_pixel *pixels,
                                                 uint32_t count, const tinyts_conv_group *group) {
  int32_t words[TINYTS_CONV_2D_STACK_BYTES / sizeof(int32_t)];
  tinyts_conv_in_scratch(p, pixels, count, group, words);
}

static tinyts_patch_run tinyts_conv_patch_run(const int8_t *const sources[2], size_t first, size_t length,
                                       uint32_t step_bytes) {
  const uint32_t skipped = (0u - (uint32_t)length / 4u) & 3u;
  const tinyts_patch_run run = {sources[0] + first, sources[0] + first + length, skipped * step_bytes,
                                sources[1] + first};
  return run;
}

/* The next runs of two pixels, of a whole patch or as many as the table has room for; returns how many entries they are. */
static uint32_t tinyts_conv_next_part(tinyts_conv_runs *runs, tinyts_patch_run *table, uint32_t step_bytes) {
  uint32_t count = 0;
  while (tinyts_conv_has_runs(runs) && count + 2 <= TINYTS_CONV_RUNS) {
    const int8_t *sources[TINYTS_MOST_PIXELS];
    const size_t length = tinyts_conv_next_run(runs, sources), last = length % 4;
    if (length != last) table[count++] = tinyts_conv_patch_run(sources, 0, length - last, step_bytes);
    if (last != 0) table[count++] = tinyts_conv_patch_run(sources, length - 4, 4, step_bytes);
  }
  return count;
}

/* A pair of channels of 2 pixels whose patches lie in more runs than the table has room for: the parts' sums add up, but
 * that the bias is in each of them. */
static void tinyts_conv_add_parts(tinyts_conv_runs runs, tinyts_patch_run *table, uint32_t step_bytes,
                                  tinyts_pair_job *job) {
  const uint32_t *const weights = job->weights;
  const uint32_t odd_bias = tinyts_conv_left_bias(runs.parameters, job, 1);
  const uint32_t even_bias = tinyts_conv_left_bias(runs.parameters, job, 0);
  uint32_t sums[4] = {even_bias, even_bias, odd_bias, odd_bias};
  while (tinyts_conv_has_runs(&runs)) {
    const tinyts_patch_run *const end = table + tinyts_conv_next_part(&runs, table, step_bytes);
    job->patches_end = end;
    job->multiply(job);
    for (uint32_t i = 0; i < 4; ++i) sums[i] += (uint32_t)job->sums[i] - (i < 2 ? even_bias : odd_bias);
    for (const tinyts_patch_run *run = table; run != end; ++run) {
      job->weights += (size_t)(run->first_end - run->first) / 4 * (runs.parameters->wide ? 4u : 2u);
    }
  }
  job->weights = weights;
  for (uint32_t i = 0; i < 4; ++i) job->sums[i] = (int32_t)sums[i];
}

TINYTS_NOINLINE static void tinyts_conv_in_parts(const tinyts_conv_2d_parameters *p, const tinyts_conv_runs *runs,
                                 const tinyts_conv_group *group, tinyts_patch_run *table, uint32_t step_bytes,
                                 tinyts_pair_job *job) {
  job->weights = group->weights;
  job->pair = group->constants;
  job->offset = 2 * p->output_zero_point + 1;
  job->store = 0;
  for (uint32_t channel = 0; channel < group->channels; channel += 2) {
    job->end = job->pair + TINYTS_PAIR_WORDS;
    tinyts_conv_add_parts(*runs, table, step_bytes, job);
    for (uint32_t i = 0; i < 4 && channel + i / 2 < group->channels; ++i) {
      tinyts_conv_store(p, job, i / 2, i % 2, (uint32_t)job->sums[i]);
    }
    job->weights += group->words;
    job->pair += TINYTS_PAIR_WORDS;
  }
  tinyts_conv_clamp_pixels(p, group, job);
}

/* 2 pixels without scratch whose patches are whole words where they lie. Returns 1. */
TINYTS_NOINLINE static int tinyts_conv_in_place(const tinyts_conv_2d_parameters *p, const tinyts_conv_pixel *pixels,
                                                const tinyts_conv_group *group) {
  tinyts_conv_runs runs = tinyts_conv_first_run(p, pixels, 2, group->first_input);
  const uint32_t step_bytes = p->wide ? TINYTS_RUN_STEP_WIDE_BYTES : TINYTS_RUN_STEP_BYTES;
  tinyts_patch_run table[TINYTS_CONV_RUNS];
  tinyts_pair_job job;
  job.patches = table;
  job.patches_end = table + tinyts_conv_next_part(&runs, table, step_bytes);
  tinyts_conv_set_outputs(&job, pixels, 2, group->first_output);
  job.multiply = p->wide ? tinyts_two_pixels_in_place_wide : tinyts_two_pixels_in_place;
  if (tinyts_conv_has_runs(&runs)) {
    runs = tinyts_conv_first_run(p, pixels, 2, group->first_input);
    tinyts_conv_in_parts(p, &runs, group, table, step_bytes, &job);
  } else {
    tinyts_conv_pairs(p, group, &job);
  }
  return 1;
}

TINYTS_NOINLINE static void tinyts_conv_one_pixel(const tinyts_conv_2d_parameters *p,
                                                            const tinyts_conv_pixel *pixel,
                                                            const tinyts_conv_group *group,
                                                            const int8_t *patch) {
  tinyts_pair_job job;
  job.patches = patch;
  job.patches_end = patch + 4u * TINYTS_CONV_2D_PATCH_WORDS(p);
  tinyts_conv_set_outputs(&job, pixel, 1, group->first_output);
  job.multiply = p->wide ? tinyts_one_pixel_wide : tinyts_one_pixel;
  tinyts_conv_pairs(p, group, &job);
}

TINYTS_NOINLINE static void tinyts_conv_one_copied(const tinyts_conv_2d_parameters *p,
                                                             const tinyts_conv_pixel *pixel,
                                                             const tinyts_conv_group *group, int8_t *patch) {
  tinyts_conv_copy_patch(p, pixel, group->first_input, patch);
  tinyts_conv_one_pixel(p, pixel, group, patch);
}

TINYTS_NOINLINE static void tinyts_conv_one_on_stack(const tinyts_conv_2d_parameters *p,
                                                               const tinyts_conv_pixel *pixel,
                                                               const tinyts_conv_group *group) {
  int8_t patch[TINYTS_CONV_2D_STACK_BYTES];
  tinyts_store_4(patch + 4u * (TINYTS_CONV_2D_PATCH_WORDS(p) - 1u), 0); /* all of it has a value */
  tinyts_conv_one_copied(p, pixel, group, patch);
}

/* One pixel whose patch is a run of whole words; returns whether it is. */
TINYTS_NOINLINE static int tinyts_conv_one_in_place(const tinyts_conv_2d_parameters *p, const tinyts_conv_pixel *pixel,
                                                    const tinyts_conv_group *group) {
  tinyts_conv_runs runs = tinyts_conv_first_run(p, pixel, 1, group->first_input);
  const int8_t *source;
  if (p->filter_channels % 4 != 0 || p->filter_height * p->filter_width != runs.columns) return 0;
  tinyts_conv_next_run(&runs, &source);
  tinyts_conv_one_pixel(p, pixel, group, source);
  return 1;
}

/* The bytes of the patches of two pixels, run after run. */
typedef struct {
  tinyts_conv_runs runs;
  const int8_t *sources[TINYTS_MOST_PIXELS]; /* of the run that comes next, or what is left of it */
  size_t left;
} tinyts_conv_patch_bytes;

/* The next bytes of both patches, as many as there is room for, in whole words; returns how many bytes. */
TINYTS_NOINLINE static size_t tinyts_conv_next_bytes(tinyts_conv_patch_bytes *bytes, int8_t *first, int8_t *second) {
  size_t room = TINYTS_CONV_PART_BYTES;
  while (room != 0) {
    if (bytes->left == 0) {
      if (!tinyts_conv_has_runs(&bytes->runs)) break;
      bytes->left = tinyts_conv_next_run(&bytes->runs, bytes->sources);
    }
    const size_t length = bytes->left < room ? bytes->left : room;
    first = tinyts_conv_copy_run(first, bytes->sources[0], length);
    second = tinyts_conv_copy_run(second, bytes->sources[1], length);
    bytes->sources[0] += length;
    bytes->sources[1] += length;
    bytes->left -= length;
    room -= length;
  }
  for (; room % 4 != 0; --room) *first++ = *second++ = 0; /* the weights of these are 0 */
  return TINYTS_CONV_PART_BYTES - room;
}

/* The sums, less their biases, of some pairs of channels from `pair` on; `run` is what the job's patches are. */
TINYTS_NOINLINE static void tinyts_conv_sum_copied(const tinyts_conv_2d_parameters *p, const tinyts_conv_pixel *pixels,
                                                   const tinyts_conv_group *group, uint32_t pair, uint32_t pairs,
                                                   tinyts_pair_job *job, tinyts_patch_run *run, uint32_t *sums) {
  int32_t parts[2][TINYTS_CONV_PART_BYTES / sizeof(int32_t)];
  tinyts_conv_patch_bytes bytes = {tinyts_conv_first_run(p, pixels, 2, group->first_input), {NULL}, 0};
  const uint32_t *weights = group->weights + (size_t)pair * group->words;
  size_t length;
  for (uint32_t i = 0; i < 4 * pairs; ++i) sums[i] = 0;
  while ((length = tinyts_conv_next_bytes(&bytes, (int8_t *)parts[0], (int8_t *)parts[1])) != 0) {
    const int8_t *const sources[2] = {(const int8_t *)parts[0], (const int8_t *)parts[1]};
    *run = tinyts_conv_patch_run(sources, 0, length, p->wide ? TINYTS_RUN_STEP_WIDE_BYTES : TINYTS_RUN_STEP_BYTES);
    for (uint32_t i = 0; i < pairs; ++i) {
      job->weights = weights + (size_t)i * group->words;
      job->pair = group->constants + (size_t)(pair + i) * TINYTS_PAIR_WORDS;
      job->end = job->pair + TINYTS_PAIR_WORDS;
      job->multiply(job);
      for (uint32_t j = 0; j < 4; ++j) sums[4 * i + j] += (uint32_t)job->sums[j] - tinyts_conv_left_bias(p, job, j / 2);
    }
    weights += length / 4 * (p->wide ? 4u : 2u);
  }
}

/* 2 pixels without scratch whose patches are neither small nor whole words where they lie: a part of them at a time is
 * copied to the stack, for some channels whose sums add up. Returns 1. */
TINYTS_NOINLINE static int tinyts_conv_copied_parts(const tinyts_conv_2d_parameters *p, const tinyts_conv_pixel *pixels,
                                                     const tinyts_conv_group *group) {
  const uint32_t all = (group->channels + 1) / 2;
  uint32_t sums[4 * TINYTS_CONV_PART_PAIRS];
  tinyts_patch_run run;
  tinyts_pair_job job;
  tinyts_conv_set_outputs(&job, pixels, 2, group->first_output);
  job.patches = &run;
  job.patches_end = &run + 1;
  job.multiply = p->wide ? tinyts_two_pixels_in_place_wide : tinyts_two_pixels_in_place;
  job.offset = 2 * p->output_zero_point + 1;
  job.store = 0;
  for (uint32_t pair = 0; pair < all; pair += TINYTS_CONV_PART_PAIRS) {
    const uint32_t left = all - pair, most = TINYTS_CONV_PART_PAIRS, pairs = left < most ? left : most;
    tinyts_conv_sum_copied(p, pixels, group, pair, pairs, &job, &run, sums);
    for (uint32_t i = 0; i < pairs; ++i) {
      job.pair = group->constants + (size_t)(pair + i) * TINYTS_PAIR_WORDS;
      for (uint32_t j = 0; j < 4 && 2 * (pair + i) + j / 2 < group->channels; ++j) {
        tinyts_conv_store(p, &job, j / 2, j % 2, sums[4 * i + j] + tinyts_conv_left_bias(p, &job, j / 2));
      }
    }
  }
  tinyts_conv_clamp_pixels(p, group, &job);
  return 1;
}

/* 2 pixels without scratch; returns whether there is a way. Calls nothing but at its end, so that it has no frame. */
TINYTS_NOINLINE static int tinyts_conv_without_scratch(const tinyts_conv_2d_parameters *p,
                                                       const tinyts_conv_pixel *pixels,
                                                       const tinyts_conv_group *group) {
  if (TINYTS_CONV_2D_IN_WORDS(p)) return tinyts_conv_in_place(p, pixels, group);
  if (4u * TINYTS_CONV_2D_PATCH_WORDS(p) <= TINYTS_CONV_2D_STACK_BYTES) return 0;
  return tinyts_conv_copied_parts(p, pixels, group);
}

/* One pixel, whose patch lies in one piece, or is small, or there is scratch for it. */
TINYTS_NOINLINE static void tinyts_conv_single(const tinyts_conv_2d_parameters *p,
                                                         const tinyts_conv_pixel *pixel, const tinyts_conv_group *group,
                                                         int8_t *scratch) {
  if (tinyts_conv_one_in_place(p, pixel, group)) {
    return;
  } else if (scratch != NULL) {
    tinyts_conv_one_copied(p, pixel, group, scratch);
  } else {
    tinyts_conv_one_on_stack(p, pixel, group);
  }
}

/* Whether a pixel alone is quick without scratch: its patch is one piece of whole words, or small. */
static int tinyts_conv_has_way_for_one(const tinyts_conv_2d_parameters *p) {
  return 4u * TINYTS_CONV_2D_PATCH_WORDS(p) <= TINYTS_CONV_2D_STACK_BYTES ||
         (p->filter_channels % 4u == 0 && p->filter_height * p->filter_width == 1);
}

/* The patches of so many pixels, at most four, next to each other in scratch; of three the first goes twice. Where each
 * pixel goes is written to `outputs`. Returns how many lie there. */
TINYTS_NOINLINE static uint32_t tinyts_conv_gather_next(const tinyts_conv_2d_parameters *p,
                                                        const int8_t *const *input_rows, int8_t *const *output_rows,
                                                        tinyts_conv_position *position, uint32_t count, int32_t *words,
                                                        int8_t **outputs) {
  tinyts_conv_pixel pixels[TINYTS_MOST_PIXELS];
  for (uint32_t i = 0; i < count; ++i) {
    tinyts_conv_next_pixel(p, input_rows, output_rows, position, &pixels[i]);
    outputs[i] = pixels[i].output;
  }
  if (count == 3) {
    pixels[count] = pixels[0];
    outputs[count++] = outputs[0];
  }
  if (count == 1) {
    tinyts_conv_copy_patch(p, pixels, 0, (int8_t *)words);
  } else {
    tinyts_conv_gather(p, pixels, count, 0, words);
  }
  return count;
}

/* Where there is scratch for more than four pixels, because weights do not fit a cache: the patches of all of them, and
 * then some channels at a time, whose weights come from flash once for all of these pixels. Not for groups of channels. */
TINYTS_NOINLINE static void tinyts_conv_in_blocks(const tinyts_conv_2d_parameters *p, const int8_t *const *input_rows,
                                                  int8_t *const *output_rows, uint32_t pixel_count, int32_t *scratch) {
  const tinyts_conv_group all = tinyts_conv_find_group(p, 0);
  const uint32_t four_words = TINYTS_CONV_2D_PATCH_WORDS(p) * 8u;
  const uint32_t fitting = TINYTS_CONV_BLOCK_BYTES / (4u * all.words) * 2u & ~3u;
  const uint32_t block_channels = fitting != 0 ? fitting : 4u;
  tinyts_conv_position position = {0, 0};
  int8_t *outputs[TINYTS_CONV_2D_SCRATCH_PIXELS];
  for (uint32_t left = pixel_count; left > 0;) {
    const uint32_t count = left < p->scratch_pixels ? left : p->scratch_pixels;
    uint32_t last = 0; /* how many the last four are */
    for (uint32_t i = 0; i < count; i += TINYTS_MOST_PIXELS) {
      const uint32_t together = count - i < TINYTS_MOST_PIXELS ? count - i : (uint32_t)TINYTS_MOST_PIXELS;
      last = tinyts_conv_gather_next(p, input_rows, output_rows, &position, together, scratch + i / 4 * four_words,
                                     outputs + i);
    }
    for (uint32_t first = 0; first < all.channels; first += block_channels) {
      const uint32_t channels = all.channels - first < block_channels ? all.channels - first : block_channels;
      const tinyts_conv_group block = {all.weights + first / 2 * all.words,
                                       all.constants + first / 2 * TINYTS_PAIR_WORDS,
                                       all.words,
                                       channels,
                                       first,
                                       0};
      for (uint32_t i = 0; i < count; i += TINYTS_MOST_PIXELS) {
        tinyts_pair_job job;
        job.pixels = count - i > TINYTS_MOST_PIXELS ? (uint32_t)TINYTS_MOST_PIXELS : last;
        tinyts_conv_set_patches(p, job.pixels, scratch + i / 4 * four_words, &job);
        for (uint32_t j = 0; j < job.pixels; ++j) job.outputs[j] = outputs[i + j] + block.first_output;
        tinyts_conv_pairs(p, &block, &job);
      }
    }
    left -= count;
  }
}

/* How many pixels at once are made in scratch, or on the stack; 0: none. */
static int32_t tinyts_conv_pixels_at_once(const tinyts_conv_2d_parameters *p, const int8_t *scratch) {
  if (scratch != NULL) return p->scratch_pixels;
  if (TINYTS_CONV_2D_SCRATCH_BYTES(p, 4u) <= TINYTS_CONV_2D_STACK_BYTES) return 4;
  return TINYTS_CONV_2D_SCRATCH_BYTES(p, 2u) <= TINYTS_CONV_2D_STACK_BYTES ? 2 : 0;
}

#endif
