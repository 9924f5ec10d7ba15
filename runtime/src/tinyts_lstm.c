/* UNIDIRECTIONAL_SEQUENCE_LSTM: all steps of a sequence, one after the other. The gates of four units are live at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <string.h>

#include "tinyts_arithmetic.h"
#include "tinyts_dot_quad.h"
#include "tinyts_fixed_point_16.h"
#include "tinyts/tinyts_kernels.h"

enum { TINYTS_FORGET, TINYTS_CELL, TINYTS_OUTPUT, TINYTS_INPUT, TINYTS_GATES };

typedef struct {
  int16_t of[TINYTS_GATES][TINYTS_QUAD_ROWS];
} tinyts_gates;

/* Sums times a multiplier, with the reference's two roundings. Where DSP instructions do both, exactly for a narrow
 * scaling: SMMLAR is the first rounding of a sum that is doubled, and the sign takes 1 from negative ones before the
 * second. */
static inline int32_t tinyts_scaled_gate(int32_t sum, int32_t multiplier, int32_t shift, uint32_t is_narrow) {
#if defined(TINYTS_DSP)
  if (is_narrow) {
    const int32_t half = (int32_t)1 << (-1 - shift);
    return tinyts_multiply_high(tinyts_wrapping_shift_left(sum, 1), multiplier, half - (sum < 0)) >> -shift;
  }
#else
  (void)is_narrow;
#endif
  return tinyts_requantize(sum, multiplier, shift);
}

/* The sums of four units for every gate: scaled products of the input and of the hidden state with their weights. */
static void tinyts_make_gates(const tinyts_lstm_parameters *p, const int8_t *input, const int8_t *hidden, uint32_t unit,
                              tinyts_gates *gates) {
  const size_t quads = ((size_t)p->units + TINYTS_QUAD_ROWS - 1) / TINYTS_QUAD_ROWS;
  for (uint32_t gate = 0; gate < p->gates; ++gate) {
    const size_t quad = gate * quads + unit / TINYTS_QUAD_ROWS;
    const int32_t *const multiplier = p->gate_multipliers + gate;
    const int8_t *const shift = p->gate_shifts + gate;
    uint32_t of_input[TINYTS_QUAD_ROWS], of_hidden[TINYTS_QUAD_ROWS];
    memcpy(of_input, p->input_bias + quad * TINYTS_QUAD_ROWS, sizeof of_input);
    memcpy(of_hidden, p->hidden_bias + quad * TINYTS_QUAD_ROWS, sizeof of_hidden);
    tinyts_add_dot_quad(input, p->inputs, p->input_weights + quad * tinyts_quad_size(p->inputs), of_input);
    tinyts_add_dot_quad(hidden, p->units, p->hidden_weights + quad * tinyts_quad_size(p->units), of_hidden);
    for (uint32_t i = 0; i < TINYTS_QUAD_ROWS; ++i) {
      const int32_t first = tinyts_scaled_gate((int32_t)of_input[i], multiplier[0], shift[0], p->is_narrow);
      const int32_t second =
          tinyts_scaled_gate((int32_t)of_hidden[i], multiplier[p->gates], shift[p->gates], p->is_narrow);
      gates->of[gate][i] = (int16_t)tinyts_saturate_16(tinyts_wrapping_add(second, tinyts_saturate_16(first)));
    }
  }
}

/* The cell behind a step, and what the unit makes. */
static int8_t tinyts_lstm_unit(const tinyts_lstm_parameters *p, const tinyts_gates *gates, uint32_t i, int16_t *cell) {
  const int32_t cell_bits = p->cell_integer_bits;
  const int32_t forget = tinyts_sigmoid_16(gates->of[TINYTS_FORGET][i]);
  const int32_t modulation = tinyts_tangent_16(gates->of[TINYTS_CELL][i], TINYTS_GATE_INTEGER_BITS);
  const int32_t taken =
      p->gates > (uint32_t)TINYTS_INPUT ? tinyts_sigmoid_16(gates->of[TINYTS_INPUT][i]) : INT16_MAX - forget;
  int32_t value = tinyts_divide_16(forget * *cell, 15) + tinyts_divide_16(taken * modulation, 15 + cell_bits);
  value = tinyts_saturate_16(value);
  if (p->cell_clip > 0) {
    if (value > p->cell_clip) value = p->cell_clip;
    if (value < -p->cell_clip) value = -p->cell_clip;
  }
  *cell = (int16_t)value;
  const int32_t made = tinyts_sigmoid_16(gates->of[TINYTS_OUTPUT][i]) * tinyts_tangent_16(value, cell_bits);
  const int32_t scaled = tinyts_requantize(made, p->output_multiplier, p->output_shift);
  return tinyts_clamp(tinyts_wrapping_add(scaled, p->output_zero_point), INT8_MIN, INT8_MAX);
}

void tinyts_lstm(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                 int32_t row_count, int8_t *scratch) {
  const tinyts_lstm_parameters *const p = (const tinyts_lstm_parameters *)parameters;
  const int8_t *input = input_rows[0], *hidden = input_rows[1];
  int8_t *output = output_rows[0], *const cells = output_rows[2];
  (void)row_count; /* a sequence is one row */
  (void)scratch;
  memcpy(cells, input_rows[2], (size_t)p->units * sizeof(int16_t));
  for (uint32_t step = 0; step < p->steps; ++step) {
    for (uint32_t unit = 0; unit < p->units; unit += TINYTS_QUAD_ROWS) {
      const uint32_t left = p->units - unit, count = left < TINYTS_QUAD_ROWS ? left : TINYTS_QUAD_ROWS;
      tinyts_gates gates;
      tinyts_make_gates(p, input, hidden, unit, &gates);
      for (uint32_t i = 0; i < count; ++i) {
        int8_t *const place = cells + (size_t)(unit + i) * sizeof(int16_t);
        int16_t cell;
        memcpy(&cell, place, sizeof cell);
        output[unit + i] = tinyts_lstm_unit(p, &gates, i, &cell);
        memcpy(place, &cell, sizeof cell);
      }
    }
    hidden = output;
    output += p->units;
    input += p->inputs;
  }
  memcpy(output_rows[1], hidden, p->units);
}
