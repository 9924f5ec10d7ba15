/* BATCH_MATMUL: dot products of rows of one matrix with columns of another.
 *
 * Both are read where they lie if their elements lie together there. Others are gathered on the stack: of four columns at
 * a time, as many elements as a tile has, once for all rows if these are all.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_arithmetic.h"
#include "tinyts_dot_product.h"
#include "tinyts/tinyts_kernels.h"

enum { TINYTS_MATRIX_COLUMNS = 4, TINYTS_TILE_DEPTH = 64 };

/* A row of the first matrix, or a column of the second: its elements lie so many bytes apart. */
typedef struct {
  const int8_t *first;
  size_t step;
} tinyts_matrix_line;

static inline tinyts_matrix_line tinyts_matrix_row(const tinyts_batch_matmul_parameters *p, const int8_t *matrix,
                                                   uint32_t row) {
  const tinyts_matrix_line across = {matrix + row, p->rows}, along = {matrix + (size_t)row * p->depth, 1};
  return p->adjoint_first ? across : along;
}

static inline tinyts_matrix_line tinyts_matrix_column(const tinyts_batch_matmul_parameters *p, const int8_t *matrix,
                                                      uint32_t column) {
  const tinyts_matrix_line along = {matrix + (size_t)column * p->depth, 1}, across = {matrix + column, p->columns};
  return p->adjoint_second ? along : across;
}

static uint32_t tinyts_matrix_sum(tinyts_matrix_line line, size_t length) {
  int32_t sum = 0;
  for (size_t i = 0; i < length; ++i, line.first += line.step) sum += *line.first;
  return (uint32_t)sum;
}

TINYTS_NOINLINE static void tinyts_matrix_gather(tinyts_matrix_line line, size_t from, size_t length, int8_t *target) {
  const int8_t *source = line.first + from * line.step;
  for (size_t i = 0; i < length; ++i, source += line.step) target[i] = *source;
}

/* Elements `from` to `from + length` of some columns, one behind the other. */
static void tinyts_matrix_gather_columns(const tinyts_batch_matmul_parameters *p, const int8_t *matrix, uint32_t column,
                                         uint32_t count, size_t from, size_t length, int8_t *tile) {
  for (uint32_t i = 0; i < count; ++i) {
    tinyts_matrix_gather(tinyts_matrix_column(p, matrix, column + i), from, length, tile + i * length);
  }
}

/* A sum as a byte. This and the gathering are not inlined: with Helium, compilers make vectors of them, whose spills would
 * lie in the frame of the caller. */
TINYTS_NOINLINE static int8_t tinyts_matrix_byte(const tinyts_batch_matmul_parameters *p, int32_t sum) {
  const int32_t scaled = p->is_double ? tinyts_requantize_by_double(sum, p->multiplier, p->low_multiplier, p->shift)
                         : p->rounds_once ? tinyts_requantize_once(sum, p->multiplier, p->shift)
                                          : tinyts_requantize(sum, p->multiplier, p->shift);
  return tinyts_clamp(tinyts_wrapping_add(scaled, p->output_zero_point), p->output_minimum, p->output_maximum);
}

/* `count` columns of a product. */
static void tinyts_matrix_columns(const tinyts_batch_matmul_parameters *p, const int8_t *first, const int8_t *second,
                                  uint32_t column, uint32_t count, int8_t *output) {
  int8_t tile[TINYTS_MATRIX_COLUMNS * TINYTS_TILE_DEPTH], vector[TINYTS_TILE_DEPTH];
  const int in_place = p->adjoint_second && !p->adjoint_first;
  const int is_one_tile = p->depth <= TINYTS_TILE_DEPTH;
  const uint32_t first_zero = (uint32_t)p->first_zero_point, second_zero = (uint32_t)p->second_zero_point;
  uint32_t starts[TINYTS_MATRIX_COLUMNS], sums[TINYTS_MATRIX_COLUMNS];
  for (uint32_t i = 0; i < count; ++i) {
    starts[i] = p->depth * first_zero * second_zero;
    if (p->bias != NULL) starts[i] += (uint32_t)p->bias[column + i];
    if (first_zero != 0) {
      starts[i] -= first_zero * tinyts_matrix_sum(tinyts_matrix_column(p, second, column + i), p->depth);
    }
  }
  if (is_one_tile && !in_place) tinyts_matrix_gather_columns(p, second, column, count, 0, p->depth, tile);
  for (uint32_t row = 0; row < p->rows; ++row, output += p->columns) {
    const tinyts_matrix_line line = tinyts_matrix_row(p, first, row);
    const uint32_t share = second_zero != 0 ? second_zero * tinyts_matrix_sum(line, p->depth) : 0;
    for (uint32_t i = 0; i < count; ++i) sums[i] = starts[i] - share;
    if (in_place) {
      const int8_t *const columns = second + (size_t)column * p->depth;
      tinyts_dot_products(line.first, columns, p->depth, (const int32_t *)sums, sums, count);
    } else {
      for (size_t from = 0; from < p->depth; from += TINYTS_TILE_DEPTH) {
        const size_t length = p->depth - from < TINYTS_TILE_DEPTH ? p->depth - from : TINYTS_TILE_DEPTH;
        const int8_t *elements = line.first + from;
        if (!is_one_tile) tinyts_matrix_gather_columns(p, second, column, count, from, length, tile);
        if (p->adjoint_first) {
          tinyts_matrix_gather(line, from, length, vector);
          elements = vector;
        }
        tinyts_dot_products(elements, tile, length, (const int32_t *)sums, sums, count);
      }
    }
    for (uint32_t i = 0; i < count; ++i) output[column + i] = tinyts_matrix_byte(p, (int32_t)sums[i]);
  }
}

void tinyts_batch_matmul(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                         int32_t row_count, int8_t *scratch) {
  const tinyts_batch_matmul_parameters *const p = (const tinyts_batch_matmul_parameters *)parameters;
  const int8_t *const *const second_rows = p->first == NULL ? input_rows + row_count : input_rows;
  const uint32_t *const first_strides = p->strides, *const second_strides = p->strides + 3;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *const first = p->first == NULL ? input_rows[r] : p->first;
    const int8_t *const second = p->second == NULL ? second_rows[r] : p->second;
    int8_t *output = output_rows[r];
    for (uint32_t i = 0; i < p->batches[0]; ++i) {
      for (uint32_t j = 0; j < p->batches[1]; ++j) {
        for (uint32_t k = 0; k < p->batches[2]; ++k, output += (size_t)p->rows * p->columns) {
          const int8_t *const x = first + i * first_strides[0] + j * first_strides[1] + k * first_strides[2];
          const int8_t *const y = second + i * second_strides[0] + j * second_strides[1] + k * second_strides[2];
          for (uint32_t column = 0; column < p->columns; column += TINYTS_MATRIX_COLUMNS) {
            const uint32_t left = p->columns - column;
            const uint32_t count = left < TINYTS_MATRIX_COLUMNS ? left : TINYTS_MATRIX_COLUMNS;
            tinyts_matrix_columns(p, x, y, column, count, output);
          }
        }
      }
    }
  }
}
