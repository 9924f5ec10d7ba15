/* The model's data as they come over the line, and as the model has them.
 *
 * INPUT_ENCODING says what comes:
 *   INPUT_INT8     the model's own bytes
 *   INPUT_UINT8    bytes of an image, 0 to 255: the model's are 128 less
 *   INPUT_FLOAT32  little-endian float32, quantized here with the model's scale and zero point
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_MODEL_DATA_H
#define TINYTS_MODEL_DATA_H

#include <stdint.h>

#define INPUT_INT8 0
#define INPUT_UINT8 1
#define INPUT_FLOAT32 2

#define RESULT_OUTPUTS 0
#define RESULT_MEAN_SQUARED_ERROR 1

/* Generated: MODEL(x) is NAME_x, MODEL_MACRO(X) the macro NAME_X; INPUT_ENCODING, RESULT, and what the device says of itself. */
#include "tinyts_application_model.h"

/* Bytes on the line for each byte of the model's input. */
#if INPUT_ENCODING == INPUT_FLOAT32
#define INPUT_ELEMENT_BYTES 4u
#else
#define INPUT_ELEMENT_BYTES 1u
#endif

/* The float32 at four little-endian bytes. */
float float_from_bytes(const uint8_t *bytes);

/* One byte of the model's input, from INPUT_ELEMENT_BYTES bytes of the line. */
int8_t input_from_bytes(const uint8_t *bytes);

/* What a byte of the model's output stands for. */
float output_value(int8_t byte);

/* Sends m-results-[...]: every output's value. */
void put_outputs(const int8_t *output);

#endif
