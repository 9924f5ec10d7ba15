/* MUL.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_arithmetic.h"
#include "tinyts_binary.h"
#include "tinyts/tinyts_kernels.h"

#if defined(__ARM_FEATURE_DSP)
#include "tinyts_dsp.h"
#endif

static int8_t tinyts_multiply_element(const tinyts_binary_parameters *p, int32_t x, int32_t y) {
  const int32_t product = (x - p->input_zero_points[0]) * (y - p->input_zero_points[1]);
  const int32_t scaled = tinyts_requantize(product, p->output_multiplier, p->output_shift);
  return tinyts_clamp(tinyts_wrapping_add(scaled, p->output_zero_point), p->output_minimum, p->output_maximum);
}

#if defined(__ARM_FEATURE_DSP)
/* What is the same for all elements. The second operand counts twice: SMMLAR takes the upper 32 bits of a product where the
 * reference takes those from bit 31 on. */
typedef struct {
  uint32_t first_base, second_base; /* minus the zero points, and minus twice, for both halves of a word */
  int32_t multiplier;
  int32_t offset; /* the output's zero point, what tinyts_bytes_of takes off, and half a step; as products are */
  int32_t right;
} tinyts_product_constants;

static tinyts_product_constants tinyts_product_constants_of(const tinyts_binary_parameters *p, uint32_t doubled) {
  const tinyts_product_constants constants = {
      .first_base = tinyts_repeat_2(-p->input_zero_points[1 - doubled]),
      .second_base = tinyts_repeat_2(-2 * p->input_zero_points[doubled]),
      .multiplier = p->output_multiplier,
      .offset = (2 * (p->output_zero_point + 128) + 1) << (-p->output_shift - 1),
      .right = -p->output_shift,
  };
  return constants;
}

/* Whether what is scaled is less than 2^15, and no shift too far. */
static uint8_t tinyts_products_are_narrow(const tinyts_binary_parameters *p) {
  return p->output_multiplier >= 0 && p->output_shift <= -2 && p->output_shift >= -20;
}

static inline tinyts_pairs tinyts_spread_twice(uint32_t word, uint32_t base) {
  tinyts_pairs pairs = tinyts_spread_from(word, base);
  __asm__("sxtab16 %0, %0, %1" : "+r"(pairs.even) : "r"(word));
  __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(pairs.odd) : "r"(word));
  return pairs;
}

/* The reference's two roundings, as convolutions have them (tinyts_channel_pairs.h): SMMLAR is the first; before the second, 1 is
 * subtracted from negative products. */
static inline int32_t tinyts_scaled(tinyts_product_constants c, int32_t product) {
  return tinyts_multiply_high(product, c.multiplier, c.offset - (product < 0)) >> c.right;
}

static inline uint32_t tinyts_products(tinyts_product_constants c, tinyts_pairs x, tinyts_pairs y) {
  return tinyts_bytes_of(tinyts_scaled(c, tinyts_multiply_bottoms(x.even, y.even)),
                         tinyts_scaled(c, tinyts_multiply_bottoms(x.odd, y.odd)),
                         tinyts_scaled(c, tinyts_multiply_tops(x.even, y.even)),
                         tinyts_scaled(c, tinyts_multiply_tops(x.odd, y.odd)));
}

static inline uint32_t tinyts_next_products(tinyts_product_constants c, const int8_t **x, const int8_t **y) {
  const tinyts_pairs first = tinyts_spread_from(tinyts_take_4(x), c.first_base);
  return tinyts_products(c, first, tinyts_spread_twice(tinyts_take_4(y), c.second_base));
}

/* Words of a run; returns how many elements. */
static __attribute__((noinline)) uint32_t tinyts_product_run(const tinyts_binary_parameters *p, const int8_t *x,
                                                             const int8_t *y, int8_t *output, uint32_t count) {
  const tinyts_product_constants c = tinyts_product_constants_of(p, 1);
  const uint32_t whole = count & ~3u;
  int8_t *const begin = output, *const end = output + whole;
  if (!tinyts_products_are_narrow(p)) return 0;
  if ((whole & 4u) != 0) tinyts_put_4(&output, tinyts_next_products(c, &x, &y));
  while (output != end) {
    tinyts_put_4(&output, tinyts_next_products(c, &x, &y));
    tinyts_put_4(&output, tinyts_next_products(c, &x, &y));
  }
  tinyts_clamp_words(begin, whole, p->output_minimum, p->output_maximum);
  return whole;
}

/* Two pixels at a time, four channels of all pixels and then the next four: vectors times one vector. */
static __attribute__((noinline)) void tinyts_products_of_vectors(const tinyts_product_constants c, const int8_t *map,
                                                                const int8_t *vector, int8_t *output, uint32_t pixels,
                                                                uint32_t channels) {
  for (const int8_t *const end = vector + channels; vector != end; vector += 4, map += 4, output += 4) {
    const tinyts_pairs factors = tinyts_spread_twice(tinyts_load_4(vector), c.second_base);
    uint32_t offset = 0;
    if ((pixels & 1u) != 0) {
      tinyts_store_4(output, tinyts_products(c, tinyts_spread_from(tinyts_load_4(map), c.first_base), factors));
      offset = channels;
    }
    for (uint32_t pairs = pixels / 2u; pairs != 0; --pairs, offset += channels) {
      tinyts_store_4(output + offset,
                     tinyts_products(c, tinyts_spread_from(tinyts_load_4(map + offset), c.first_base), factors));
      offset += channels;
      tinyts_store_4(output + offset,
                     tinyts_products(c, tinyts_spread_from(tinyts_load_4(map + offset), c.first_base), factors));
    }
  }
}

/* Rows that are vectors of whole words times one vector, as those of a squeeze-and-excite are; says whether they are. */
static uint8_t tinyts_products_by_channel(const tinyts_binary_parameters *p, const int8_t *const *input_rows,
                                          int8_t *const *output_rows, int32_t row_count) {
  const uint32_t *const first_strides = p->strides, *const second_strides = p->strides + 4;
  const uint32_t pixels = p->sizes[2], channels = p->sizes[3];
  const uint8_t swapped = first_strides[2] == 0;
  const tinyts_product_constants c = tinyts_product_constants_of(p, swapped ? 0 : 1);
  if (!tinyts_products_are_narrow(p) || p->sizes[0] != 1 || p->sizes[1] != 1 || pixels < 4 || channels % 4u != 0 || first_strides[3] == 0 ||
      second_strides[3] == 0 || (!swapped && second_strides[2] != 0) || (swapped && second_strides[2] == 0)) {
    return 0;
  }
  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *const first = tinyts_binary_first(p, input_rows, r);
    const int8_t *const second = tinyts_binary_second(p, input_rows, row_count, r);
    tinyts_products_of_vectors(c, swapped ? second : first, swapped ? first : second, output_rows[r], pixels, channels);
    tinyts_clamp_words(output_rows[r], pixels * channels, p->output_minimum, p->output_maximum);
  }
  return 1;
}
#endif

void tinyts_multiply(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                           int32_t row_count, int8_t *scratch) {
  (void)scratch;
#if defined(__ARM_FEATURE_DSP)
  if (tinyts_products_by_channel(parameters, input_rows, output_rows, row_count)) return;
  tinyts_binary_rows(parameters, tinyts_multiply_element, tinyts_product_run, input_rows, output_rows, row_count);
#else
  tinyts_binary_rows(parameters, tinyts_multiply_element, NULL, input_rows, output_rows, row_count);
#endif
}
