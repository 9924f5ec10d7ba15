/* The MLPerf Tiny device.
 *
 * What comes over the line goes into one buffer, which the model reads in place (compiled with --input external) or
 * takes rows from. Nothing else has the input's size, and nothing is written outside of the buffer whatever comes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_device.h"

#include <stddef.h>
#include <string.h>

#include "tinyts_console.h"
#include "tinyts_model_data.h"
#include "tinyts_port.h"

#ifndef TINYTS_DEVICE_VENDOR
#define TINYTS_DEVICE_VENDOR "tinyts-mlir"
#endif
#ifndef TINYTS_DEVICE_PROFILE
#define TINYTS_DEVICE_PROFILE "tinyts-mlir MLPerf Tiny device 1"
#endif
/* 1: a timestamp is an edge on a pin, for an energy monitor; 0: a line with microseconds. */
#ifndef TINYTS_DEVICE_ENERGY_MODE
#define TINYTS_DEVICE_ENERGY_MODE 0
#endif
/* An inference cannot be interrupted: more than this many of them are taken for a mistake. */
#ifndef TINYTS_DEVICE_MOST_INFERENCES
#define TINYTS_DEVICE_MOST_INFERENCES 1000000u
#endif
/* Where the input lies, for example __attribute__((section(".bss.dtcm"))). */
#ifndef TINYTS_DEVICE_BUFFER_ATTR
#define TINYTS_DEVICE_BUFFER_ATTR
#endif

#if TINYTS_RESULT == TINYTS_RESULT_MEAN_SQUARED_ERROR
_Static_assert(TINYTS_INPUT_ENCODING == TINYTS_INPUT_FLOAT32, "the output is compared with a float input");
_Static_assert(TINYTS_MODEL_MACRO(OUTPUT_BYTES) == TINYTS_MODEL_MACRO(INPUT_BYTES),
               "an output is compared that has the input's size");
#endif

#define TINYTS_LINE_CHARACTERS 80u
#define TINYTS_WORDS 4u
#define TINYTS_BUFFER_BYTES (TINYTS_MODEL_MACRO(INPUT_BYTES) * TINYTS_INPUT_ELEMENT_BYTES)
#define TINYTS_BYTES_PER_PRINTED_LINE 8u
#define TINYTS_DEFAULT_WARMUP 10u

/* Aligned to a cache line, as a buffer must be that a DMA controller fills. */
TINYTS_DEVICE_BUFFER_ATTR static _Alignas(32) uint8_t buffer[TINYTS_BUFFER_BYTES];
TINYTS_MODEL_MACRO(ARENA_ATTR) static _Alignas(32) int8_t arena[TINYTS_MODEL_MACRO(ARENA_BYTES)];
static TINYTS_MODEL(context) context;
static int8_t output[TINYTS_MODEL_MACRO(OUTPUT_BYTES)];
#if TINYTS_INPUT_ENCODING == TINYTS_INPUT_FLOAT32
/* The floats stay: a result may be the distance of the model's output from them. */
static int8_t quantized[TINYTS_MODEL_MACRO(INPUT_BYTES)];
#endif

static struct {
  uint32_t expected_bytes; /* as `db load` said; at most TINYTS_BUFFER_BYTES */
  uint32_t loaded_bytes;   /* of the expected ones */
  int has_result;
} device;

/* A command under way. */
typedef struct {
  char text[TINYTS_LINE_CHARACTERS + 1u];
  uint32_t length; /* counts characters that did not fit, too */
} tinyts_command_line;

static void tinyts_put_error(const char *text) {
  tinyts_put_text("e-[");
  tinyts_put_text(text);
  tinyts_put_line("]");
}

static void tinyts_put_model_error(tinyts_status status) {
  tinyts_put_text("e-[Model status ");
  tinyts_put_unsigned((uint32_t)status);
  tinyts_put_line("]");
}

static void tinyts_put_value(const char *name, uint32_t value) {
  tinyts_put_text(name);
  tinyts_put_unsigned(value);
  tinyts_put_end_of_line();
}

static void tinyts_put_timestamp(void) {
#if TINYTS_DEVICE_ENERGY_MODE
  tinyts_port_timestamp_pin();
#else
  tinyts_put_value("m-lap-us-", tinyts_port_microseconds());
#endif
}

/* A decimal number that fits 32 bits; returns 0 for anything else. */
static int tinyts_parse_unsigned(const char *word, uint32_t *value) {
  uint32_t sum = 0;
  if (word == NULL) {
    return 0;
  }
  const char *character = word;
  for (; *character >= '0' && *character <= '9'; ++character) {
    const uint32_t digit = (uint32_t)(*character - '0');
    if (sum > (UINT32_MAX - digit) / 10u) {
      return 0;
    }
    sum = sum * 10u + digit;
  }
  *value = sum;
  return character != word && *character == '\0';
}

/* --- db: the input ------------------------------------------------------------------------------------------------ */

static void tinyts_load(const char *count) {
  uint32_t bytes = 0;
  if (!tinyts_parse_unsigned(count, &bytes) || bytes == 0u || bytes > TINYTS_BUFFER_BYTES) {
    tinyts_put_text("e-[Expected db load N, N from 1 to ");
    tinyts_put_unsigned(TINYTS_BUFFER_BYTES);
    tinyts_put_line("]");
    return;
  }
  device.expected_bytes = bytes;
  device.loaded_bytes = 0;
  tinyts_put_text("m-[Expecting ");
  tinyts_put_unsigned(bytes);
  tinyts_put_line(" bytes]");
}

/* The byte at two characters, or -1. */
static int tinyts_byte_of_digits(const char *digits) {
  const int high = tinyts_hex_digit_value(digits[0]);
  const int low = tinyts_hex_digit_value(digits[1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static void tinyts_store(uint8_t byte) {
#if TINYTS_INPUT_ENCODING == TINYTS_INPUT_UINT8
  byte = (uint8_t)tinyts_input_from_bytes(&byte);
#endif
  buffer[device.loaded_bytes++] = byte;
}

static uint8_t tinyts_stored(uint32_t number) {
#if TINYTS_INPUT_ENCODING == TINYTS_INPUT_UINT8
  return (uint8_t)(buffer[number] ^ 0x80u);
#else
  return buffer[number];
#endif
}

/* A line of digits is taken whole or not at all. */
static void tinyts_take_digits(const char *digits) {
  const size_t length = strlen(digits);
  if (length % 2u != 0u) {
    tinyts_put_error("Insufficent number of hex digits");
    return;
  }
  for (size_t i = 0; i < length; i += 2u) {
    if (tinyts_byte_of_digits(digits + i) < 0) {
      tinyts_put_text("e-[Invalid hex digit '");
      tinyts_port_put_character(digits[i]);
      tinyts_port_put_character(digits[i + 1u]);
      tinyts_put_line("']");
      return;
    }
  }
  if (length / 2u > device.expected_bytes - device.loaded_bytes) {
    tinyts_put_error("More bytes than db load announced");
    return;
  }
  for (size_t i = 0; i < length; i += 2u) {
    tinyts_store((uint8_t)tinyts_byte_of_digits(digits + i));
  }
  if (device.loaded_bytes == device.expected_bytes) {
    tinyts_put_line("m-load-done");
  }
}

static void tinyts_print_buffer(void) {
  for (uint32_t i = 0; i < device.loaded_bytes; ++i) {
    if (i % TINYTS_BYTES_PER_PRINTED_LINE == 0u) {
      tinyts_put_text("m-buffer");
    }
    tinyts_port_put_character('-');
    tinyts_put_hex_byte(tinyts_stored(i));
    if (i % TINYTS_BYTES_PER_PRINTED_LINE == TINYTS_BYTES_PER_PRINTED_LINE - 1u || i + 1u == device.loaded_bytes) {
      tinyts_put_end_of_line();
    }
  }
}

static void tinyts_run_db(const char *word, const char *count) {
  if (word == NULL) {
    tinyts_put_error("Expected db load, db print or db and hex digits");
  } else if (strcmp(word, "load") == 0) {
    tinyts_load(count);
  } else if (strcmp(word, "print") == 0) {
    tinyts_print_buffer();
  } else {
    tinyts_take_digits(word);
  }
}

/* --- infer -------------------------------------------------------------------------------------------------------- */

static int tinyts_infer_times(uint32_t count) {
#if TINYTS_INPUT_ENCODING == TINYTS_INPUT_FLOAT32
  const int8_t *const input = quantized;
#else
  const int8_t *const input = (const int8_t *)buffer;
#endif
  for (uint32_t i = 0; i < count; ++i) {
    const tinyts_status status = TINYTS_MODEL(invoke)(&context, input, output);
    if (status != TINYTS_OK) {
      tinyts_put_model_error(status);
      return 0;
    }
  }
  return 1;
}

static void tinyts_put_results(void) {
  if (!device.has_result) {
    tinyts_put_error("No inference yet");
    return;
  }
#if TINYTS_RESULT == TINYTS_RESULT_MEAN_SQUARED_ERROR
  double sum = 0.0;
  for (uint32_t i = 0; i < TINYTS_MODEL_MACRO(INPUT_BYTES); ++i) {
    const double difference = (double)tinyts_output_value(output[i]) - (double)tinyts_float_from_bytes(buffer + 4u * i);
    sum += difference * difference;
  }
  tinyts_put_text("m-results-[");
  tinyts_put_decimal(sum / (double)TINYTS_MODEL_MACRO(INPUT_BYTES));
  tinyts_put_line("]");
#else
  tinyts_put_outputs(output);
#endif
}

static void tinyts_infer(const char *count_word, const char *warmup_word) {
  uint32_t count = 0;
  uint32_t warmup = TINYTS_DEFAULT_WARMUP;
  if (!tinyts_parse_unsigned(count_word, &count) || count == 0u) {
    tinyts_put_error("Inference iterations must be >0");
    return;
  }
  if (warmup_word != NULL && !tinyts_parse_unsigned(warmup_word, &warmup)) {
    tinyts_put_error("Warmup iterations must be a number");
    return;
  }
  if (count > TINYTS_DEVICE_MOST_INFERENCES || warmup > TINYTS_DEVICE_MOST_INFERENCES) {
    tinyts_put_error("Too many inferences");
    return;
  }
  if (device.loaded_bytes != TINYTS_BUFFER_BYTES) {
    tinyts_put_error("The input is not loaded");
    return;
  }
#if TINYTS_INPUT_ENCODING == TINYTS_INPUT_FLOAT32
  for (uint32_t i = 0; i < TINYTS_MODEL_MACRO(INPUT_BYTES); ++i) {
    quantized[i] = tinyts_input_from_bytes(buffer + 4u * i);
  }
#endif
  tinyts_put_value("m-warmup-start-", warmup);
  if (!tinyts_infer_times(warmup)) {
    return;
  }
  tinyts_put_line("m-warmup-done");
  tinyts_put_value("m-infer-start-", count);
  tinyts_put_timestamp();
  device.has_result = tinyts_infer_times(count);
  tinyts_put_timestamp();
  tinyts_put_line("m-infer-done");
  tinyts_put_results();
}

/* --- commands ----------------------------------------------------------------------------------------------------- */

static void tinyts_start(void) {
  memset(&device, 0, sizeof device);
  memset(buffer, 0, sizeof buffer);
  const tinyts_status status = TINYTS_MODEL(init)(&context, arena, sizeof arena);
  tinyts_put_line(TINYTS_DEVICE_ENERGY_MODE ? "m-timestamp-mode-energy" : "m-timestamp-mode-performance");
  if (status != TINYTS_OK) {
    tinyts_put_model_error(status);
  }
  tinyts_put_line("m-init-done");
}

/* Cuts the text into words, in place; missing ones are NULL. Words beyond the last are ignored. */
static void tinyts_split_words(char *text, const char *words[TINYTS_WORDS]) {
  for (uint32_t i = 0; i < TINYTS_WORDS; ++i) {
    while (*text == ' ') {
      ++text;
    }
    words[i] = *text == '\0' ? NULL : text;
    while (*text != ' ' && *text != '\0') {
      ++text;
    }
    if (*text == ' ') {
      *text++ = '\0';
    }
  }
}

static void tinyts_run_command(tinyts_command_line *line) {
  const char *words[TINYTS_WORDS];
  if (line->length > TINYTS_LINE_CHARACTERS) {
    tinyts_put_error("Command too long");
    return;
  }
  line->text[line->length] = '\0';
  tinyts_split_words(line->text, words);
  if (words[0] == NULL) {
    return;
  }
  if (strcmp(words[0], "name") == 0) {
    tinyts_put_line("m-name-dut-[" TINYTS_DEVICE_VENDOR "]");
  } else if (strcmp(words[0], "profile") == 0) {
    tinyts_put_line("m-profile-[" TINYTS_DEVICE_PROFILE "]");
    tinyts_put_line("m-model-[" TINYTS_DEVICE_MODEL "]");
  } else if (strcmp(words[0], "timestamp") == 0) {
    tinyts_put_timestamp();
  } else if (strcmp(words[0], "db") == 0) {
    tinyts_run_db(words[1], words[2]);
  } else if (strcmp(words[0], "infer") == 0) {
    tinyts_infer(words[1], words[2]);
  } else if (strcmp(words[0], "results") == 0) {
    tinyts_put_results();
  } else if (strcmp(words[0], "reset") == 0) {
    tinyts_port_reset();
    tinyts_start();
  } else {
    tinyts_put_text("e-[Unknown command: ");
    tinyts_put_text(words[0]);
    tinyts_put_line("]");
  }
}

void tinyts_device_run(void) {
  tinyts_command_line line = {.length = 0};
  tinyts_start();
  tinyts_put_line("m-ready");
  for (;;) {
    const int character = tinyts_port_get_character();
    if (character < 0) {
      return;
    }
    if (character == '%') {
      tinyts_run_command(&line);
      line.length = 0;
      tinyts_put_line("m-ready");
    } else if (character != '\r' && character != '\n') {
      if (line.length < TINYTS_LINE_CHARACTERS) {
        line.text[line.length] = (char)character;
      }
      if (line.length <= TINYTS_LINE_CHARACTERS) {
        ++line.length;
      }
    }
  }
}
