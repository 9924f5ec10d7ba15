/* The kernels of int16 feature maps, with int8 weights: parameter structs and entry points, as kernels.h has them for int8.
 *
 * Rows are int16, and begin at multiples of 2. Zero points are 0, so padding adds nothing, but in QUANTIZE and DEQUANTIZE.
 * Kernels add in int64, and a layer whose `wraps` is 1 keeps the lower 32 bits of its sums, as the reference does where
 * biases are int32. Biases are [output_channels]; where `bias_high` is not NULL they have 64 bits, of which `bias` has the
 * lower. No kernel has a use for scratch.
 *
 * How sums become int16, in CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV: with `wraps` by Q31 multipliers and shifts of
 * which positive ones are left, with two roundings; without it by multipliers of 15 bits and shifts to the right, with one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_KERNELS_INT16_H
#define TINYTS_KERNELS_INT16_H

#include "tinyts/tinyts_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* CONV_2D. weights: [output_channels][filter_height][filter_width][filter_channels]. */
typedef struct {
  const int8_t *weights;
  const int32_t *bias, *bias_high;
  const int32_t *multipliers;  /* [output_channels] */
  const int8_t *shifts;        /* [output_channels] */
  uint16_t input_width, input_channels;
  uint16_t output_width, output_channels;
  uint16_t filter_height, filter_width, filter_channels;
  uint16_t column_stride, row_stride;
  uint16_t row_dilation, column_dilation;
  uint16_t padding_left;
  int16_t output_minimum, output_maximum;
  uint8_t wraps;
} tinyts_conv_2d_int16_parameters;
void tinyts_conv_2d_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                          int32_t row_count, int8_t *scratch);

/* DEPTHWISE_CONV_2D: output channel c reads input channel c / depth_multiplier.
 * weights: [filter_height][filter_width][output_channels]. */
typedef struct {
  const int8_t *weights;
  const int32_t *bias, *bias_high;
  const int32_t *multipliers;  /* [output_channels] */
  const int8_t *shifts;        /* [output_channels] */
  uint16_t input_width, input_channels;
  uint16_t output_width, output_channels;
  uint16_t filter_height, filter_width, depth_multiplier;
  uint16_t column_stride, row_stride;
  uint16_t row_dilation, column_dilation;
  uint16_t padding_left;
  int16_t output_minimum, output_maximum;
  uint8_t wraps;
} tinyts_depthwise_conv_2d_int16_parameters;
void tinyts_depthwise_conv_2d_int16(const void *parameters, const int8_t *const *input_rows,
                                    int8_t *const *output_rows, int32_t row_count, int8_t *scratch);

/* Rows of TRANSPOSE_CONV, as tinyts_transpose_conv_rows makes them of int8. */
typedef struct {
  const int8_t *weights;       /* [filter_height][filter_width][output_channels][input_channels] */
  const int32_t *bias, *bias_high;
  const int32_t *multipliers;  /* [output_channels] */
  const int8_t *shifts;        /* [output_channels] */
  uint16_t input_width, input_channels;
  uint16_t output_width, output_channels;
  uint16_t filter_height, filter_width;
  uint16_t column_stride;
  uint16_t padding_left;
  int16_t output_minimum, output_maximum;
  uint8_t wraps;
} tinyts_transpose_conv_rows_int16_parameters;
void tinyts_transpose_conv_rows_int16(const void *parameters, const int8_t *const *input_rows,
                                      int8_t *const *output_rows, int32_t row_count, int8_t *scratch);

/* FULLY_CONNECTED. weights: [output_channels][input_channels]; one row of `batches` * input_channels elements in, one of
 * `batches` * output_channels elements out. The reference scales in double precision; a scale is the double
 * (multiplier + low_multiplier / 2^32) * 2^(shift - 31), low_multiplier unsigned and of the multiplier's sign. */
typedef struct {
  const int8_t *weights;
  const int32_t *bias, *bias_high;
  const int32_t *multipliers, *low_multipliers; /* [output_channels] when per_channel, else [1] */
  const int8_t *shifts;        /* as multipliers */
  uint32_t input_channels, output_channels;
  uint16_t batches;
  int16_t output_minimum, output_maximum;
  uint8_t per_channel;
  uint8_t wraps;
} tinyts_fully_connected_int16_parameters;
void tinyts_fully_connected_int16(const void *parameters, const int8_t *const *input_rows,
                                  int8_t *const *output_rows, int32_t row_count, int8_t *scratch);

/* Functions of two elements: four loops over elements of a row, and the steps of both operands in them, in elements. An
 * operand that is a constant is there as `first` or `second`, and the rows are those of the other one. */
typedef struct {
  const int16_t *first, *second;
  uint32_t sizes[4], strides[8];
  int32_t multipliers[2];      /* Q31, of the two operands */
  int32_t output_multiplier;
  int8_t shifts[2];            /* positive is left */
  int8_t output_shift;
  uint8_t left_shift;          /* of the operands, before their multipliers */
  int16_t output_minimum, output_maximum;
} tinyts_binary_int16_parameters;
/* ADD, and SUB with the second multiplier negated. */
void tinyts_scaled_sum_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                             int32_t row_count, int8_t *scratch);
void tinyts_multiply_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                           int32_t row_count, int8_t *scratch);
void tinyts_minimum_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                          int32_t row_count, int8_t *scratch);
void tinyts_maximum_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                          int32_t row_count, int8_t *scratch);

/* LOGISTIC, TANH: between entries of a table of 1 / (1 + exp(-i / 24)), in 1/65536. An element times the multiplier,
 * shifted to the right with rounding, is i in 1/512; of TANH, whose operand counts twice, in 1/256. */
typedef struct {
  const uint16_t *table;       /* [256] */
  int32_t multiplier;
  uint32_t row_elements;
  uint8_t right_shift;
  uint8_t is_tanh;
} tinyts_sigmoid_int16_parameters;
void tinyts_sigmoid_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                          int32_t row_count, int8_t *scratch);

/* LEAKY_RELU, RELU, RELU6 and QUANTIZE of int16: elements less a zero point times a Q31 multiplier, another one for what is
 * negative, which is negated behind its rounding where `negates` is 1; then plus a zero point, and clamped. Results are
 * int8, int16 or int32. */
typedef struct {
  int32_t multiplier, negative_multiplier;
  int32_t input_zero_point, output_zero_point;
  int32_t output_minimum, output_maximum;
  uint32_t row_elements;
  int8_t shift, negative_shift; /* positive is left */
  uint8_t negates;
  uint8_t output_bytes;        /* of an element: 1, 2 or 4 */
} tinyts_requantize_int16_parameters;
void tinyts_requantize_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                             int32_t row_count, int8_t *scratch);

/* QUANTIZE of float32 to int16, DEQUANTIZE of int16 to float32: as tinyts_quantize and tinyts_dequantize of bytes. */
typedef struct {
  uint32_t row_elements;
  int32_t scale_bits;          /* a float */
  int32_t zero_point;
} tinyts_quantize_int16_parameters;
void tinyts_quantize_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                           int32_t row_count, int8_t *scratch);
typedef struct {
  uint32_t row_elements;
  int32_t scale_bits;          /* a float */
  int32_t zero_point;
} tinyts_dequantize_int16_parameters;
void tinyts_dequantize_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                             int32_t row_count, int8_t *scratch);

/* AVERAGE_POOL_2D, MAX_POOL_2D, and the minimum over windows. Padding does not count. */
typedef struct {
  uint16_t input_width, output_width, channels;
  uint16_t filter_height, filter_width;
  uint16_t row_stride, column_stride;
  uint16_t padding_left;
  int16_t output_minimum, output_maximum;
} tinyts_pool_2d_int16_parameters;
void tinyts_average_pool_2d_int16(const void *parameters, const int8_t *const *input_rows,
                                  int8_t *const *output_rows, int32_t row_count, int8_t *scratch);
void tinyts_max_pool_2d_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                              int32_t row_count, int8_t *scratch);
void tinyts_min_pool_2d_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                              int32_t row_count, int8_t *scratch);

/* Adds the pixels of window_rows rows to int32 sums of each channel. */
typedef struct {
  uint16_t width, channels, window_rows;
} tinyts_sum_rows_int16_parameters;
void tinyts_sum_rows_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                           int32_t row_count, int8_t *scratch);

/* Divides sums of `count` pixels, rounded half away from zero: AVERAGE_POOL_2D over a whole map. */
typedef struct {
  uint32_t count;
  uint16_t channels;
  int16_t output_minimum, output_maximum;
} tinyts_mean_of_sums_int16_parameters;
void tinyts_mean_of_sums_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                               int32_t row_count, int8_t *scratch);

/* Requantizes and divides sums in one: MEAN. */
typedef struct {
  int32_t multiplier;          /* Q31 */
  uint16_t channels;
  int8_t shift;                /* positive is left */
} tinyts_requantized_mean_of_sums_int16_parameters;
void tinyts_requantized_mean_of_sums_int16(const void *parameters, const int8_t *const *input_rows,
                                           int8_t *const *output_rows, int32_t row_count, int8_t *scratch);

/* SOFTMAX over the last axis. A row holds `vectors` vectors of `depth` elements. Output scale 1/32768. Differences to the
 * maximum are scaled so that -65535 is -10; tables have an entry for every 128 steps of int16. */
typedef struct {
  const int16_t *exponentials; /* [513], of -10 to 0 in 1/32768 */
  const int16_t *reciprocals;  /* [513], 1 / (1 + x) of 0 to 1, in 1/32768 */
  int32_t input_multiplier;    /* Q31 */
  uint32_t vectors, depth;
  int8_t input_shift;          /* positive is left */
} tinyts_softmax_int16_parameters;
void tinyts_softmax_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                          int32_t row_count, int8_t *scratch);

/* SOFTMAX of int8 to int16, of which the least stands for 0: as tinyts_softmax, for vectors of less than 2^12 elements. */
typedef struct {
  int32_t input_multiplier;    /* Q31, of beta * input scale */
  int32_t input_left_shift;
  int32_t difference_minimum;  /* differences to the maximum below this count as probability 0 */
  uint32_t vectors, depth;
} tinyts_softmax_to_int16_parameters;
void tinyts_softmax_to_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                             int32_t row_count, int8_t *scratch);

/* Copies a constant into a row. */
typedef struct {
  const int16_t *data;
  uint32_t row_elements;
} tinyts_load_int16_parameters;
void tinyts_load_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                       int32_t row_count, int8_t *scratch);

#ifdef __cplusplus
}
#endif

#endif
