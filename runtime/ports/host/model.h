/* One model as the host program sees it. tinyts_mlir.toolchain generates the file that defines these.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_PORT_HOST_MODEL_H
#define TINYTS_PORT_HOST_MODEL_H

#include "tinyts/tinyts_runtime.h"

typedef struct {
  size_t arena_bytes;
  size_t context_bytes;
  size_t row_bytes;           /* of the input, where feed is not NULL */
  size_t input_count;
  size_t output_count;
  const size_t *input_bytes;  /* [input_count] */
  const size_t *output_bytes; /* [output_count] */
  tinyts_status (*init)(void *context, void *arena, size_t arena_bytes);
  tinyts_status (*invoke)(void *context, const int8_t *const *inputs, int8_t *const *outputs);
  /* NULL for a model with several inputs, or with one that is read in place. */
  tinyts_status (*feed)(void *context, const int8_t *rows, size_t row_count);
  const int8_t *(*output)(const void *context, size_t number);
} port_model;

extern const port_model port_the_model;

#endif
