/* Functions of one byte that are affine, with other constants for each channel: ADD, SUB and MUL of a constant.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_arithmetic.h"
#include "tinyts/tinyts_kernels.h"

#if defined(__ARM_FEATURE_DSP)
#include "tinyts_dsp.h"
#include "tinyts_naked.h"
#endif

static inline int32_t tinyts_affine_byte(int32_t factor, int32_t offset, int32_t x) {
  const int32_t product = (int32_t)((int64_t)factor * x >> 8);
  return (int32_t)((uint32_t)product + (uint32_t)offset) >> 16;
}

#if defined(__ARM_FEATURE_DSP)
/* Four elements: r0 is where they lie, r1 where they go, r2 their constants, r12 0xff00ff00. SMLAW has the product's upper
 * 32 bits. Sums have 16 bits behind the point, so that one instruction takes what is before it of two; they saturate from
 * 0 on, as the offsets are 128 too high for, so that nothing of a negative one lies over its neighbour. */
#define TINYTS_AFFINE_CHANNELS_4     \
  "ldr r4, [r0], #4\n\t"             \
  "ldm r2!, {r5-r8}\n\t"             \
  "and r9, r12, r4, lsl #8\n\t"      \
  "and r4, r12, r4\n\t"              \
  "smlawb r5, r5, r9, r7\n\t"        \
  "smlawt r6, r6, r9, r8\n\t"        \
  "ldm r2!, {r7-r10}\n\t"            \
  "smlawb r7, r7, r4, r9\n\t"        \
  "smlawt r8, r8, r4, r10\n\t"       \
  "pkhtb r6, r6, r5, asr #16\n\t"    \
  "pkhtb r8, r8, r7, asr #16\n\t"    \
  "usat16 r6, #8, r6\n\t"            \
  "usat16 r8, #8, r8\n\t"            \
  "orr r6, r6, r8, lsl #8\n\t"       \
  "eor r6, r6, #0x80808080\n\t"      \
  "str r6, [r1], #4\n\t"

typedef struct {
  const int8_t *input;
  int8_t *output;
  const int32_t *constants, *end;
  uint32_t pixels;
} tinyts_affine_job;

/* So many pixels, of channels whose constants end at `end`: an even number of fours, not 0. */
TINYTS_NAKED static void tinyts_affine_vectors(const tinyts_affine_job *job __attribute__((unused))) {
  __asm__ volatile(
      "push {r4-r11, lr}\n\t"
      "ldm r0, {r0, r1, r2, r3, r11}\n\t"
      "mov lr, r2\n\t"
      "mov r12, #0xff00ff00\n"
      "1:\n\t"
      "mov r2, lr\n"
      "2:\n\t" TINYTS_AFFINE_CHANNELS_4 TINYTS_AFFINE_CHANNELS_4
      "cmp r2, r3\n\t"
      "bne 2b\n\t"
      "subs r11, r11, #1\n\t"
      "bne 1b\n\t"
      "pop {r4-r11, pc}\n");
}

/* Whole eights of channels of so many pixels, one behind the other. */
static void tinyts_affine_eights(const tinyts_affine_channels_parameters *p, const int8_t *input, int8_t *output,
                                 uint32_t channels, uint32_t pixels) {
  const tinyts_affine_job job = {input, output, p->constants, p->constants + 2u * channels, pixels};
  if (channels == 0 || pixels == 0) return;
  tinyts_affine_vectors(&job);
  tinyts_clamp_words(output, pixels * channels, p->output_minimum, p->output_maximum);
}
#endif

/* Channels from `first` on, up to `end`. Constants of four are in the order in which the assembly takes them. */
static void tinyts_affine_elements(const tinyts_affine_channels_parameters *p, const int8_t *input, int8_t *output,
                                   uint32_t first, uint32_t end) {
  const int32_t minimum = p->output_minimum, maximum = p->output_maximum;
  for (uint32_t c = first; c < end; ++c) {
    const int32_t *const constants = p->constants + c / 4u * 8u + (c & 1u) * 4u + (c >> 1 & 1u);
    output[c] = tinyts_clamp(tinyts_affine_byte(constants[0], constants[2], input[c]) - 128, minimum, maximum);
  }
}

/* Up to `channels` channels of one pixel. */
static void tinyts_affine_pixel(const tinyts_affine_channels_parameters *p, const int8_t *input, int8_t *output,
                                uint32_t channels) {
  uint32_t made = 0;
#if defined(__ARM_FEATURE_DSP)
  made = channels & ~7u;
  tinyts_affine_eights(p, input, output, made, 1);
#endif
  tinyts_affine_elements(p, input, output, made, channels);
}

void tinyts_affine_channels(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                            int32_t row_count, int8_t *scratch) {
  const tinyts_affine_channels_parameters *const p = parameters;
  const uint32_t channels = p->channels;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *const input = input_rows[r];
    int8_t *const output = output_rows[r];
    uint32_t i = 0;
#if defined(__ARM_FEATURE_DSP)
    if (channels % 8u == 0) {
      const uint32_t pixels = p->row_elements / channels;
      tinyts_affine_eights(p, input, output, channels, pixels);
      i = pixels * channels;
    }
#endif
    for (; i < p->row_elements; i += channels) {
      const uint32_t rest = p->row_elements - i;
      tinyts_affine_pixel(p, input + i, output + i, rest < channels ? rest : channels);
    }
  }
}
