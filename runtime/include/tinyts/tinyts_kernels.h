/* The kernels' parameter structs and entry points. One kernel a source file; every kernel has the signature of
 * `tinyts_kernel` (runtime.h), which explains rows and scratch. Tensors are NHWC, batch 1, int8.
 *
 * Folded bias: the compiler adds -input_zero_point * (sum of the weights) to each bias, with wrap-around, so kernels
 * multiply plain input bytes; a padded tap must then read as the input zero point.
 * Accumulators are int32 and wrap, as the reference's do: kernels add as uint32_t.
 *
 * Narrow scaling, in CONV_2D: no sum that a multiplier other than 0 applies to reaches 2^30 in magnitude, no
 * multiplier is negative, and every shift is -22 to -1. Then sums take fewer instructions to scale, to the same bytes.
 *
 * Scratch: CONV_2D has a use for it, as many bytes as its macro below says, from a multiple of 4 on. With `scratch` NULL
 * it gathers small patches on the stack, and reads others where they lie, which is slower; without DSP instructions
 * it reads those of whole words where they lie, and gathers others. All other kernels have no use for scratch. What the scratch holds before a call and
 * after it means nothing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_KERNELS_H
#define TINYTS_KERNELS_H

#include "tinyts/tinyts_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* CONV_2D. filter_channels = input_channels / groups. Output channels go in pairs; a group with an odd number of them has
 * one more in `weights` and `channel_pairs` that is all 0. A patch is what one output pixel reads: filter_height *
 * filter_width * filter_channels elements, in words of four. Where they do not fill the last word, it is padded with zero
 * weights behind them; or, for 1x1 with more than 4 channels, the last word is the last four elements, with zero weights
 * for those that are in the word before as well, so that every word can be read where it lies.
 *
 * Half words: int8 weights of a pair of channels go together, as the int16 number 256 * even + odd. Multiplied as they are,
 * they sum 256 * even + odd; their lower bytes sum the odd channel. So no weight of an even channel is -128 where that of
 * the odd one is negative, and the sum of an even channel, its bias included, is below 2^23 in magnitude, whatever the
 * input; else weights are wide. */
typedef struct {
  const uint32_t *weights;     /* [groups][pairs][patch words]{elements 0 and 2, elements 1 and 3}, as half words, see
                                  above; wide: {even channel, odd channel} elements 0 and 2 as int16, then elements 1
                                  and 3 */
  const int32_t *channel_pairs; /* [groups][pairs]{bias, folded: even (with half words 256 times it, plus the odd one), odd;
                                   multiplier, Q31: even, odd; -1 - shift, as bytes, positive shifts are left: even, odd,
                                   0, 0} */
  const int8_t *padding;       /* as many input zero points as a row of the filter has elements; NULL: never read */
  uint16_t input_width, input_channels;
  uint16_t output_width, output_channels;
  uint16_t filter_height, filter_width, filter_channels;
  uint16_t row_stride, column_stride;
  uint16_t row_dilation, column_dilation;
  uint16_t padding_left;
  int8_t output_zero_point, output_minimum, output_maximum;
  uint8_t narrow;              /* 1: the scaling is narrow, see above */
  uint8_t wide;                /* 1: weights are int16, of twice the flash, instead of half words */
  uint8_t scratch_pixels;      /* 2 or 4, without groups up to 16: how many pixels' patches the scratch is for */
} tinyts_conv_2d_parameters;
/* The patches of so many pixels, one group of them, as int16; where they are not whole words in the input, one of them
 * also as int8. */
#define TINYTS_CONV_2D_SCRATCH_BYTES(p, pixels) \
  (TINYTS_CONV_2D_PATCH_WORDS(p) * (8u * (pixels) + (TINYTS_CONV_2D_IN_WORDS(p) ? 0u : 4u)))
#define TINYTS_CONV_2D_IN_WORDS(p) ((p)->filter_channels % 4u == 0u || TINYTS_CONV_2D_OVERLAPS(p))
#define TINYTS_CONV_2D_OVERLAPS(p) \
  ((p)->filter_channels % 4u != 0u && (p)->filter_channels > 4u && (p)->filter_height == 1u && (p)->filter_width == 1u)
#define TINYTS_CONV_2D_SCRATCH_PIXELS 16 /* at most */
/* Where there is no scratch, as many pixels go on the stack as have no more than this. */
#define TINYTS_CONV_2D_STACK_BYTES 256u
#define TINYTS_CONV_2D_PATCH_WORDS(p) \
  (((uint32_t)(p)->filter_height * (p)->filter_width * (p)->filter_channels + 3u) / 4u)
#define TINYTS_CONV_2D_GROUPS(p) ((uint32_t)(p)->input_channels / (p)->filter_channels)
void tinyts_conv_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                    int32_t row_count, int8_t *scratch);

/* CONV_2D but for `wide_channel_count` output channels that are made again, with weights of int16 and any scaling: the
 * other weights of these are zeros, and `narrow` is about the others. Fields are those above; so is the scratch. */
typedef struct {
  const uint32_t *weights;
  const int32_t *channel_pairs;
  const int8_t *padding;
  const int16_t *wide_weights;   /* [wide_channel_count][filter_height][filter_width][filter_channels] */
  const int32_t *wide_constants; /* [wide_channel_count]{output channel; bias, folded; multiplier, Q31; shift} */
  uint16_t input_width, input_channels;
  uint16_t output_width, output_channels;
  uint16_t filter_height, filter_width, filter_channels;
  uint16_t row_stride, column_stride;
  uint16_t row_dilation, column_dilation;
  uint16_t padding_left;
  uint16_t wide_channel_count;
  int8_t output_zero_point, output_minimum, output_maximum;
  uint8_t narrow;
  uint8_t wide;
  uint8_t scratch_pixels;
} tinyts_conv_2d_some_wide_parameters;
void tinyts_conv_2d_some_wide(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                              int32_t row_count, int8_t *scratch);

/* DEPTHWISE_CONV_2D: output channel c reads input channel c / depth_multiplier. Output channels go in blocks of four.
 * The last block is the last four channels, even if some of them are in the block before as well. Less than four
 * channels are repeated until they fill whole blocks: 0 0 0 0, 0 1 0 1, or 0 1 2 0 then 1 2 0 1 then 2 0 1 2.
 *
 * Where channels are whole blocks and depth_multiplier is 1, a plan may have output rows begin a little below input rows
 * that nothing else needs, and lie on them. So rows are made from the first to the last; in a row, a pixel's block is
 * never read behind a store to the same block of that pixel, or more than three pixels further to the left. With
 * triples, blocks of three pixels come together.
 *
 * weights: two words for each tap, [blocks][filter_height][filter_width][2]; the first has the weights of the block's
 * channels 0 and 2 in its lower and upper half, the second those of channels 1 and 3.
 * constants: [blocks][16], four biases (not folded: the kernel subtracts the input zero point), then for each channel
 * a multiplier (Q31), a shift to the right, and an offset.
 *
 * When the scaling is narrow, shifts are 0 to 22, and the byte of a sum is SSAT8((upper 32 bits of (sum * multiplier +
 * 2^31) + offset - (sum < 0)) >> shift), which nothing overflows but the sum, which may wrap around. Where output_zero_point is INT8_MIN, what is subtracted
 * for a negative sum makes no difference. For this weights and biases are doubled, and offsets (1 << (shift - 1)) +
 * (output_zero_point << shift); channels for which that does not do have other constants to the same bytes. Otherwise a
 * negative shift is to the left, and offsets mean nothing. No scratch. */
typedef struct {
  const int32_t *weights;
  const int32_t *constants;
  uint16_t input_width, input_channels;
  uint16_t output_width, output_channels;
  uint16_t filter_height, filter_width, depth_multiplier;
  uint16_t row_stride, column_stride;
  uint16_t row_dilation, column_dilation;
  uint16_t padding_left;
  int8_t input_zero_point, output_zero_point, output_minimum, output_maximum;
  uint8_t narrow;              /* 1: the scaling is narrow, see above */
} tinyts_depthwise_conv_2d_parameters;
void tinyts_depthwise_conv_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                              int32_t row_count, int8_t *scratch);

/* A CONV_2D, the DEPTHWISE_CONV_2D that reads it, and a pointwise CONV_2D that reads that, where project_weights is not
 * NULL. Fields are those of these kernels, with the layer's name in front, but that stride, padding and filter without a
 * name are the depthwise one's. input_rows are those of the windows of both; of the window of the depthwise one, row j is
 * no row of the expansion where its own window begins expand_rows_behind rows, or more, behind the input's last row, or
 * further above the first one than expand_padding_top. tile_columns columns of the result are made at a time; what is
 * between the layers is in the scratch, which this kernel cannot do without. Columns of the expansion that the next tile
 * needs as well stay there, so that a call makes each only once. No stride is greater than its filter. Rows whose window
 * has up to TINYTS_FUSED_BLOCK_MOST_ROWS rows of the expansion are made together, eight at most.
 *
 * With keeps_rows, calls make rows one behind the other, and filter_height - row_stride rows of the expansion are kept
 * for the next one, so that none is made twice. The second result is the state: a word, 0 before the first rows, and
 * these rows. Behind the first rows, the input is not read where the expansion is there. */
typedef struct {
  const uint32_t *expand_weights;
  const int32_t *expand_channel_pairs;
  const int8_t *expand_padding;
  const int32_t *depthwise_weights;
  const int32_t *depthwise_constants;
  const uint32_t *project_weights;
  const int32_t *project_channel_pairs;
  uint16_t input_width, input_channels, expanded_width, expanded_channels;
  uint16_t output_width, output_channels;
  uint16_t expand_filter_height, expand_filter_width;
  uint16_t expand_row_stride, expand_column_stride;
  uint16_t expand_padding_left, expand_padding_top;
  int16_t expand_rows_behind;
  uint16_t filter_height, filter_width;
  uint16_t row_stride, column_stride;
  uint16_t padding_left;
  uint16_t tile_columns;
  uint16_t gathered_bytes; /* in front of the rest of the scratch: for CONV_2D, of four pixels that the expansion reads */
  int8_t expand_output_zero_point, expand_output_minimum, expand_output_maximum;
  int8_t depthwise_output_zero_point, depthwise_output_minimum, depthwise_output_maximum;
  int8_t project_output_zero_point, project_output_minimum, project_output_maximum;
  uint8_t expand_narrow, expand_wide;
  uint8_t depthwise_narrow;
  uint8_t project_narrow, project_wide;
  uint8_t keeps_rows;
} tinyts_fused_block_parameters;
#define TINYTS_FUSED_BLOCK_MOST_ROWS 16
/* Bytes of the expansion's columns, in a row of the scratch. */
#define TINYTS_FUSED_BLOCK_EXPANDED_BYTES(p) \
  ((((p)->tile_columns - 1u) * (p)->column_stride + (p)->filter_width) * (uint32_t)(p)->expanded_channels)
void tinyts_fused_block(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                        int32_t row_count, int8_t *scratch);

/* Rows of TRANSPOSE_CONV with stride 1 along rows: output row r reads the input rows from r on that the filter's rows lie
 * over, first to first. Filter column k of output column x lies over the input column (x + padding_left - k) /
 * column_stride, where that is whole. A tap that lies over no input adds nothing; each other adds its offset,
 * -input_zero_point * (sum of its weights). No scratch. */
typedef struct {
  const int8_t *weights;       /* [filter_height][filter_width][output_channels][input_channels] */
  const int32_t *tap_offsets;  /* [filter_height][filter_width][output_channels] */
  const int32_t *bias;         /* [output_channels] */
  const int32_t *multipliers;  /* [output_channels], Q31 */
  const int8_t *shifts;        /* [output_channels], positive is left */
  uint16_t input_width, input_channels;
  uint16_t output_width, output_channels;
  uint16_t filter_height, filter_width;
  uint16_t column_stride;
  uint16_t padding_left;
  int8_t output_zero_point, output_minimum, output_maximum;
} tinyts_transpose_conv_rows_parameters;
void tinyts_transpose_conv_rows(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                                int32_t row_count, int8_t *scratch);

/* The rows of whole maps in turns: row r of the result is row r / input_count of map r % input_count. No scratch. */
typedef struct {
  uint32_t row_bytes, output_rows;
  uint16_t input_count;
} tinyts_interleave_rows_parameters;
void tinyts_interleave_rows(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                            int32_t row_count, int8_t *scratch);

/* FULLY_CONNECTED. weights: [output_channels][input_channels]; one row of `batches` * input_channels bytes in, one of
 * `batches` * output_channels bytes out. The reference scales in double precision here; the compiler finds multipliers
 * with which one rounding in integers gives the same bytes. No scratch. */
typedef struct {
  const int8_t *weights;
  const int32_t *bias;         /* [output_channels], folded */
  const int32_t *multipliers;  /* [output_channels] when per_channel, else [1]; Q31 */
  const int32_t *low_multipliers; /* NULL, or multipliers are doubles: 32 more bits of each, unsigned */
  const int8_t *shifts;        /* as multipliers */
  uint32_t input_channels, output_channels;
  uint16_t batches;
  uint8_t per_channel;
  int8_t output_zero_point, output_minimum, output_maximum;
} tinyts_fully_connected_parameters;
void tinyts_fully_connected(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                            int32_t row_count, int8_t *scratch);

/* BATCH_MATMUL. An input row holds all matrices of one operand, [batches...][rows][depth] of the first and
 * [batches...][depth][columns] of the second, or with the last two the other way round where it is adjoint; `strides` are
 * the steps of both in the batches, the first's before the second's: 0 where one is broadcast. An operand that is a constant
 * is there as `first` or `second`, and the rows are those of the other one. No scratch.
 *
 * A FULLY_CONNECTED whose weights another layer makes is one as well, with a bias and one rounding. */
typedef struct {
  const int8_t *first, *second; /* NULL: rows */
  const int32_t *bias;          /* [columns]; NULL: none */
  uint32_t batches[3], strides[6];
  uint32_t rows, depth, columns;
  int32_t multiplier;
  uint32_t low_multiplier;      /* where is_double: 32 more bits */
  int8_t shift;
  uint8_t adjoint_first, adjoint_second;
  uint8_t rounds_once, is_double;
  int8_t first_zero_point, second_zero_point;
  int8_t output_zero_point, output_minimum, output_maximum;
} tinyts_batch_matmul_parameters;
void tinyts_batch_matmul(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                         int32_t row_count, int8_t *scratch);

/* ADD of two tensors of the same shape. No scratch. */
typedef struct {
  int32_t multipliers[2];  /* Q31, of the two inputs */
  int32_t output_multiplier;
  int8_t shifts[2];        /* positive is left */
  int8_t output_shift;
  uint8_t left_shift;      /* of the inputs less their zero points, before their multipliers */
  uint32_t row_elements;
  int8_t input_zero_points[2];
  int8_t output_zero_point, output_minimum, output_maximum;
} tinyts_add_parameters;
void tinyts_add(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                int32_t row_count, int8_t *scratch);

/* ADD or SUB, where the compiler has found constants with which (factors[0] * x + factors[1] * y + offset) >> right_shift,
 * clamped, is the result of any two bytes. Factors are less than 2^23 in magnitude; all but the sum of the products stays
 * within int32.
 * Fastest with a right_shift of 22 and no clamp within int8. No scratch. */
typedef struct {
  int32_t factors[2];
  int32_t offset;
  uint32_t row_elements;
  uint8_t right_shift;
  int8_t output_minimum, output_maximum;
} tinyts_affine_add_parameters;
void tinyts_affine_add(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                       int32_t row_count, int8_t *scratch);

/* AVERAGE_POOL_2D, MAX_POOL_2D, and the minimum over windows. Padding does not count. No scratch. */
typedef struct {
  uint16_t input_width, output_width, channels;
  uint16_t filter_height, filter_width;
  uint16_t row_stride, column_stride;
  uint16_t padding_left;
  int8_t output_minimum, output_maximum;
} tinyts_pool_2d_parameters;
void tinyts_average_pool_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                            int32_t row_count, int8_t *scratch);
/* The same with ties rounded up. */
void tinyts_average_pool_2d_ties_up(const void *parameters, const int8_t *const *input_rows,
                                    int8_t *const *output_rows, int32_t row_count, int8_t *scratch);
void tinyts_max_pool_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                        int32_t row_count, int8_t *scratch);
void tinyts_min_pool_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                        int32_t row_count, int8_t *scratch);

/* SOFTMAX over the last axis. A row holds `vectors` vectors of `depth` elements. Output scale 1/256, zero point -128.
 * No scratch. */
typedef struct {
  int32_t input_multiplier;  /* Q31, of beta * input scale */
  int32_t input_left_shift;
  int32_t difference_minimum; /* differences to the maximum below this count as probability 0 */
  uint32_t vectors, depth;
} tinyts_softmax_parameters;
void tinyts_softmax(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                    int32_t row_count, int8_t *scratch);

/* LOG_SOFTMAX over the last axis. A row holds `vectors` vectors of `depth` elements, less than 2^12. Output scale 1/16,
 * zero point 127. No scratch. */
typedef struct {
  int32_t input_multiplier;  /* Q31, of the input scale */
  int32_t input_left_shift;
  int32_t difference_minimum; /* differences to the maximum below this count as probability 0 */
  int32_t reverse_multiplier; /* Q31, of 1 / input scale */
  int32_t reverse_shift;      /* 0 or less */
  uint32_t vectors, depth;
} tinyts_log_softmax_parameters;
void tinyts_log_softmax(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                        int32_t row_count, int8_t *scratch);

/* L2_NORMALIZATION over the last axis. A row holds `vectors` vectors of `depth` elements, less than 2^15. Output scale
 * 1/128, zero point 0. No scratch. */
typedef struct {
  uint32_t vectors, depth;
  int8_t input_zero_point;
} tinyts_l2_normalization_parameters;
void tinyts_l2_normalization(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                             int32_t row_count, int8_t *scratch);

/* PAD of columns and channels; padding above and below arrives as NULL rows. No scratch. */
typedef struct {
  uint16_t input_width, input_channels;
  uint16_t columns_before, columns_after, channels_before, channels_after;
  int8_t value;
} tinyts_pad_parameters;
void tinyts_pad(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                int32_t row_count, int8_t *scratch);

/* CONCATENATION: an output row is `outer` times [block_bytes[0] of input 0, block_bytes[1] of input 1, ...].
 * No scratch. */
typedef struct {
  const uint32_t *block_bytes; /* [input_count] */
  uint32_t outer;
  uint16_t input_count;
} tinyts_concatenation_parameters;
void tinyts_concatenation(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                          int32_t row_count, int8_t *scratch);

/* SPLIT into equal parts: an input row is `outer` times [block_bytes of output 0, block_bytes of output 1, ...].
 * No scratch. */
typedef struct {
  uint32_t outer, block_bytes;
  uint16_t output_count;
} tinyts_split_parameters;
void tinyts_split(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                  int32_t row_count, int8_t *scratch);

/* Elements of rows in other places. An output row is what four loops around a block of block_bytes read: the block at
 * first[i] + second[j] + third[k] + fourth[l] of an input row. Output row r reads input row r * row_stride, or, with
 * selects_rows, row r * row_stride + rows[i]: several rows of a map that are made together are one here. No scratch. */
typedef struct {
  const uint32_t *offsets;     /* sizes[0] for the outermost loop, those of the others; with selects_rows sizes[0] rows */
  uint32_t sizes[4];
  uint32_t block_bytes;
  uint16_t row_stride;
  uint8_t selects_rows;
} tinyts_rearrange_parameters;
void tinyts_rearrange(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                      int32_t row_count, int8_t *scratch);

/* RESIZE_BILINEAR, in blocks of block_rows rows; one is a row here. A position is between two pixels, `distance` 1/1024 of
 * the way from the lower to the upper. Block r reads input rows from r * row_stride on; one that is NULL is beyond the
 * edge, and stands for the row next to it. With row_bytes, the map is whole, and one row. Distances of columns are 0 to
 * 1024. No scratch. */
typedef struct {
  const int32_t *rows;         /* [block_rows]{lower, upper: which row of the window; distance} */
  const int32_t *columns;      /* [output_width]{lower, upper: the bytes of a row at which these pixels begin; distance} */
  uint32_t row_bytes;          /* of the input, where its rows are not given one by one; otherwise 0 */
  uint16_t block_rows, row_stride, output_width, channels;
  uint8_t sixteenths;          /* every distance of a column is so many of them */
} tinyts_resize_bilinear_parameters;
void tinyts_resize_bilinear(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                            int32_t row_count, int8_t *scratch);

/* Any function of one int8: LEAKY_RELU. table[x + 128]. No scratch. */
typedef struct {
  const int8_t *table;  /* [256] */
  uint32_t row_elements;
} tinyts_lookup_parameters;
void tinyts_lookup(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                   int32_t row_count, int8_t *scratch);

/* QUANTIZE of float rows to int8, or to uint8. An output row may lie where its input row begins. No scratch. */
typedef struct {
  uint32_t row_elements;
  int32_t scale_bits;  /* of the float that values are divided by */
  int16_t zero_point;
  uint8_t is_unsigned; /* the output is uint8 */
} tinyts_quantize_parameters;
void tinyts_quantize(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                     int32_t row_count, int8_t *scratch);

/* DEQUANTIZE: float rows of int8, or of uint8. No scratch. */
typedef struct {
  uint32_t row_elements;
  int32_t scale_bits;  /* of the float that values are multiplied with */
  int16_t zero_point;
  uint8_t is_unsigned; /* the input is uint8 */
} tinyts_dequantize_parameters;
void tinyts_dequantize(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                       int32_t row_count, int8_t *scratch);

/* ARG_MAX and ARG_MIN of rows of [outer][extent][inner] elements: the first index along `extent` of the greatest or the
 * least, as int32 or int64. No scratch. */
typedef struct {
  uint32_t outer, extent, inner;
  int8_t flip;         /* 0: of the greatest; -1, all bits: of the least, which is the greatest with its bits flipped */
  uint8_t index_bytes; /* 4 or 8 */
} tinyts_arg_extreme_parameters;
void tinyts_arg_extreme(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                        int32_t row_count, int8_t *scratch);

/* Functions of two operands, element by element. A row's result has four dimensions; `strides` are the steps of both
 * operands in it, the first's before the second's: 0 where one is broadcast. The last are 0 or 1. An operand that is a
 * constant is there as `first` or `second`, and the rows are those of the other one. No scratch. */
typedef struct {
  const int8_t *first, *second; /* NULL: rows */
  uint32_t sizes[4], strides[8];
  int32_t multipliers[2], output_multiplier;
  int8_t shifts[2], output_shift;
  uint8_t left_shift;
  int8_t input_zero_points[2];
  int8_t output_zero_point, output_minimum, output_maximum;
} tinyts_binary_parameters;
void tinyts_scaled_sum(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                       int32_t row_count, int8_t *scratch);
/* ADD and SUB as tinyts_affine_add has them: `multipliers` are the factors, `output_multiplier` is the offset, and
 * `output_shift` the right shift. */
void tinyts_broadcast_affine_add(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                                 int32_t row_count, int8_t *scratch);
void tinyts_multiply(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                     int32_t row_count, int8_t *scratch);
void tinyts_divide(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                   int32_t row_count, int8_t *scratch);
void tinyts_prelu(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                  int32_t row_count, int8_t *scratch);
void tinyts_squared_difference(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                               int32_t row_count, int8_t *scratch);
void tinyts_minimum(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                    int32_t row_count, int8_t *scratch);
void tinyts_maximum(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                    int32_t row_count, int8_t *scratch);

/* A function of one byte, clamped, for each channel: ((factor * x >> 8) + offset) >> 16 is the byte plus 128. A row's
 * elements are those of one vector of channels after the other; the last may be cut. Fastest where `channels` is a multiple
 * of 8. No scratch. */
typedef struct {
  const int32_t *constants;    /* for each four channels: factors of 0 and 2, offsets of 0 and 2, then those of 1 and 3 */
  uint32_t row_elements, channels;
  int8_t output_minimum, output_maximum;
} tinyts_affine_channels_parameters;
void tinyts_affine_channels(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                            int32_t row_count, int8_t *scratch);

/* Copies rows: bands that must become one tensor in one place. No scratch. */
typedef struct {
  uint32_t row_bytes;
} tinyts_copy_parameters;
void tinyts_copy(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                 int32_t row_count, int8_t *scratch);

/* Shifts a state: the last `kept_bytes` of an output row move to its start, the input row comes behind them. The output
 * row is read, and has kept_bytes + new_bytes bytes. No scratch. */
typedef struct {
  uint32_t kept_bytes, new_bytes;
} tinyts_shift_parameters;
void tinyts_shift(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                  int32_t row_count, int8_t *scratch);

/* A constant that is read as a feature map is: every output row is a copy of it. No input, no scratch. */
typedef struct {
  const int8_t *data;          /* [row_bytes] */
  uint32_t row_bytes;
} tinyts_load_parameters;
void tinyts_load(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                 int32_t row_count, int8_t *scratch);

/* --- Streamed reductions -------------------------------------------------------------------------------------------
 *
 * A reduction over rows takes them as they come: tinyts_clear starts it, an accumulating kernel adds rows to int32 state,
 * a finishing kernel makes the result. The state is the accumulating kernel's output row: read, added to, written back;
 * it starts on a multiple of 4 bytes. Its input rows may be NULL below the end of the map; they count for nothing. */

/* Zeroes rows. No input, no scratch. */
typedef struct {
  uint32_t row_bytes;
} tinyts_clear_parameters;
void tinyts_clear(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                  int32_t row_count, int8_t *scratch);

/* Adds the pixels of rows to int32 sums[channels]. Makes one output row from `window_rows` input rows. No scratch. */
typedef struct {
  uint16_t width, channels, window_rows;
} tinyts_sum_rows_parameters;
void tinyts_sum_rows(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                     int32_t row_count, int8_t *scratch);
/* The same of pixels of 0 to 255. */
void tinyts_sum_unsigned_rows(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                              int32_t row_count, int8_t *scratch);

/* The mean of int32 sums[channels] over `count` pixels, rounded half away from zero. No scratch. */
typedef struct {
  uint32_t count;
  uint16_t channels;
  int8_t output_minimum, output_maximum;
} tinyts_mean_of_sums_parameters;
void tinyts_mean_of_sums(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                         int32_t row_count, int8_t *scratch);
/* The same with ties rounded up; `count` is less than 2^24. */
void tinyts_mean_of_sums_ties_up(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                                 int32_t row_count, int8_t *scratch);

/* The mean of int32 sums[channels] of quantized pixels, as MEAN has it: one requantization that divides as well. No
 * scratch. */
typedef struct {
  int32_t multiplier;  /* Q31, of input scale / (output scale * pixels) */
  int32_t offset;      /* -input zero point * pixels */
  uint16_t channels;
  int8_t shift;        /* positive is left */
  int8_t output_zero_point;
} tinyts_requantized_mean_of_sums_parameters;
void tinyts_requantized_mean_of_sums(const void *parameters, const int8_t *const *input_rows,
                                     int8_t *const *output_rows, int32_t row_count, int8_t *scratch);
/* Sums of quantized pixels, as SUM has them: the multiplier is of input scale / output scale, results are 0 to 255. */
void tinyts_requantized_unsigned_sums(const void *parameters, const int8_t *const *input_rows,
                                      int8_t *const *output_rows, int32_t row_count, int8_t *scratch);

/* Adds the dot products of rows to int32 sums[output_channels]; sums[output_channels] counts the rows taken.
 * weights: [rows][output_channels][row_bytes]. Makes one output row from `window_rows` input rows. No scratch. */
typedef struct {
  const int8_t *weights;
  uint32_t row_bytes, output_channels;
  uint16_t window_rows;
} tinyts_dot_rows_parameters;
void tinyts_dot_rows(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                     int32_t row_count, int8_t *scratch);

/* From int32 sums[output_channels] to the bytes that FULLY_CONNECTED makes of them. No scratch. */
typedef struct {
  const int32_t *bias;         /* [output_channels], folded */
  const int32_t *multipliers;  /* [output_channels] when per_channel, else [1]; Q31 */
  const int32_t *low_multipliers; /* NULL, or multipliers are doubles: 32 more bits of each, unsigned */
  const int8_t *shifts;        /* as multipliers */
  uint32_t output_channels;
  uint8_t per_channel;
  int8_t output_zero_point, output_minimum, output_maximum;
} tinyts_fully_connected_of_sums_parameters;
void tinyts_fully_connected_of_sums(const void *parameters, const int8_t *const *input_rows,
                                    int8_t *const *output_rows, int32_t row_count, int8_t *scratch);

/* All steps of a sequence of [steps][inputs] through an LSTM: outputs [steps][units]. Rows read: the sequence, the hidden
 * state [units], the cell state, int16 [units]. Rows made: outputs, hidden state, cell state. Gates are in the order
 * forget, cell, output, input; without the last, it is one less the first. One row at a time, no scratch. */
typedef struct {
  const uint32_t *input_weights; /* [gates][units / 4, up][inputs / 4, up][4 units], words of 4 inputs (dot_quad.h) */
  const uint32_t *hidden_weights; /* [gates][units / 4, up][units / 4, up][4 units] */
  const int32_t *input_bias;    /* [gates][units, up to a multiple of 4], folded */
  const int32_t *hidden_bias;   /* the same */
  int32_t gate_multipliers[8];  /* Q31: of the gates for inputs, then of those for hidden state */
  int32_t output_multiplier;    /* Q31, of 2^-30 / output scale */
  uint32_t steps, inputs;
  uint16_t units;
  int16_t cell_clip;            /* 0: none */
  int8_t gate_shifts[8];        /* positive is left */
  int8_t output_shift, output_zero_point;
  uint8_t gates, cell_integer_bits;
  uint8_t is_narrow;            /* gates' multipliers >= 0, shifts -22 to -1, sums below 2^30 */
} tinyts_lstm_parameters;
void tinyts_lstm(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                 int32_t row_count, int8_t *scratch);

/* What an SVDF layer keeps of a step: products of a vector with filters, int16 [filters]. No scratch. */
typedef struct {
  const int8_t *weights; /* [filters][inputs] */
  const int32_t *bias;   /* [filters]: the input's zero point, folded */
  int32_t multiplier;    /* Q31 */
  uint32_t inputs;
  uint16_t filters;
  int8_t shift;          /* positive is left */
} tinyts_svdf_features_parameters;
void tinyts_svdf_features(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                          int32_t row_count, int8_t *scratch);

/* What an SVDF layer makes of what it has kept, int16 [steps][units * rank]: for each unit the sum of the products with
 * the weights. No scratch. */
typedef struct {
  const int16_t *weights; /* [steps][units * rank] */
  const int32_t *bias;    /* [units] */
  int32_t multiplier;     /* Q31 */
  uint32_t steps;
  uint16_t units, rank;
  int8_t shift;           /* positive is left */
  int8_t output_zero_point;
} tinyts_svdf_sums_parameters;
void tinyts_svdf_sums(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                      int32_t row_count, int8_t *scratch);

#ifdef __cplusplus
}
#endif

#endif
