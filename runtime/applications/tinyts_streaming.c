/* The streaming application. There is no buffer of the input's size: a row lives in its source until the model took it.
 *
 * For each image it sends m-results-[...] and, in m-feed-us-N, the microseconds that the model took for it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_streaming.h"

#include <stddef.h>

#include "tinyts_console.h"
#include "tinyts_model_data.h"
#include "tinyts_port.h"
#include "tinyts_source.h"

#if TINYTS_MODEL_MACRO(INPUT_EXTERNAL)
/* Mbed CLI 1 compiles every source of a folder, with those of an earlier project in it. */
#if defined(TINYTS_APPLICATION_STREAMING)
#error "rows cannot be fed to a model that reads its input in place: compile it without --input external"
#endif
#else

TINYTS_MODEL_MACRO(ARENA_ATTR) static _Alignas(32) int8_t arena[TINYTS_MODEL_MACRO(ARENA_BYTES)];
static TINYTS_MODEL(context) context;

static int tinyts_report_failure(tinyts_status status) {
  tinyts_put_text("e-[Model status ");
  tinyts_put_unsigned((uint32_t)status);
  tinyts_put_line("]");
  return 0;
}

/* One inference; returns 0 where the rows end. */
static int tinyts_run_image(void) {
  uint32_t microseconds = 0;
  for (uint32_t number = 0; number < TINYTS_MODEL_MACRO(INPUT_ROWS); ++number) {
    const int8_t *const row = tinyts_source_next_row(number);
    if (row == NULL) {
      return 0;
    }
    const uint32_t before = tinyts_port_microseconds();
    const tinyts_status status = TINYTS_MODEL(feed)(&context, row, 1u);
    microseconds += tinyts_port_microseconds() - before;
    if (status != TINYTS_OK) {
      return tinyts_report_failure(status);
    }
  }
  tinyts_put_outputs(TINYTS_MODEL(output)(&context));
  tinyts_put_text("m-feed-us-");
  tinyts_put_unsigned(microseconds);
  tinyts_put_end_of_line();
  return 1;
}

void tinyts_streaming_run(void) {
  const tinyts_status status = TINYTS_MODEL(init)(&context, arena, sizeof arena);
  if (status != TINYTS_OK) {
    (void)tinyts_report_failure(status);
    return;
  }
  tinyts_put_line("m-init-done");
  while (tinyts_run_image()) {
  }
}

#endif
