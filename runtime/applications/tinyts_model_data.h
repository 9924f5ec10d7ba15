/* The model's data as they come over the line, and as the model has them.
 *
 * TINYTS_INPUT_ENCODING says what comes:
 *   TINYTS_INPUT_INT8     the model's own bytes
 *   TINYTS_INPUT_UINT8    bytes of an image, 0 to 255: the model's are 128 less
 *   TINYTS_INPUT_FLOAT32  little-endian float32, quantized here with the model's scale and zero point
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_MODEL_DATA_H
#define TINYTS_MODEL_DATA_H

#include <stdint.h>

#define TINYTS_INPUT_INT8 0
#define TINYTS_INPUT_UINT8 1
#define TINYTS_INPUT_FLOAT32 2

#define TINYTS_RESULT_OUTPUTS 0
#define TINYTS_RESULT_MEAN_SQUARED_ERROR 1

/* Generated: TINYTS_MODEL(x) is NAME_x, TINYTS_MODEL_MACRO(X) the macro NAME_X; TINYTS_INPUT_ENCODING,
 * TINYTS_RESULT, and what the device says of itself. */
#include "tinyts_application_model.h"

/* Bytes on the line for each byte of the model's input. */
#if TINYTS_INPUT_ENCODING == TINYTS_INPUT_FLOAT32
#define TINYTS_INPUT_ELEMENT_BYTES 4u
#else
#define TINYTS_INPUT_ELEMENT_BYTES 1u
#endif

/* The float32 at four little-endian bytes. */
float tinyts_float_from_bytes(const uint8_t *bytes);

/* One byte of the model's input, from TINYTS_INPUT_ELEMENT_BYTES bytes of the line. */
int8_t tinyts_input_from_bytes(const uint8_t *bytes);

/* What a byte of the model's output stands for. */
float tinyts_output_value(int8_t byte);

/* Sends m-results-[...]: every output's value. */
void tinyts_put_outputs(const int8_t *output);

#endif
