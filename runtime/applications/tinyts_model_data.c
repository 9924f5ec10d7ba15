/* SPDX-License-Identifier: Apache-2.0 */
#include "tinyts_model_data.h"

#include <string.h>

#include "tinyts_console.h"
#include "tinyts_port.h"

float tinyts_float_from_bytes(const uint8_t *bytes) {
  const uint32_t bits =
      (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

int8_t tinyts_input_from_bytes(const uint8_t *bytes) {
#if TINYTS_INPUT_ENCODING == TINYTS_INPUT_FLOAT32
  /* To the nearest, ties away from zero; what does not fit goes to the nearest end, and what is no number to 0. */
  const float steps = tinyts_float_from_bytes(bytes) / TINYTS_MODEL_MACRO(INPUT0_SCALE);
  if (steps >= 512.0f) {
    return INT8_MAX;
  }
  if (steps <= -512.0f) {
    return INT8_MIN;
  }
  int32_t value = 0;
  if (steps == steps) {
    value = (int32_t)steps;
    const float rest = steps - (float)value;
    value += rest >= 0.5f ? 1 : rest <= -0.5f ? -1 : 0;
  }
  value += TINYTS_MODEL_MACRO(INPUT0_ZERO_POINT);
  return (int8_t)(value > INT8_MAX ? INT8_MAX : value < INT8_MIN ? INT8_MIN : value);
#elif TINYTS_INPUT_ENCODING == TINYTS_INPUT_UINT8
  return (int8_t)((int32_t)bytes[0] - 128);
#else
  return (int8_t)bytes[0];
#endif
}

float tinyts_output_value(int8_t byte) {
  return (float)(byte - TINYTS_MODEL_MACRO(OUTPUT0_ZERO_POINT)) * TINYTS_MODEL_MACRO(OUTPUT0_SCALE);
}

void tinyts_put_outputs(const int8_t *output) {
  tinyts_put_text("m-results-[");
  for (uint32_t i = 0; i < TINYTS_MODEL_MACRO(OUTPUT_BYTES); ++i) {
    if (i != 0u) {
      tinyts_port_put_character(',');
    }
    tinyts_put_decimal((double)tinyts_output_value(output[i]));
  }
  tinyts_put_line("]");
}
