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

#ifndef DEVICE_VENDOR
#define DEVICE_VENDOR "tinyts-mlir"
#endif
#ifndef DEVICE_PROFILE
#define DEVICE_PROFILE "tinyts-mlir MLPerf Tiny device 1"
#endif
/* 1: a timestamp is an edge on a pin, for an energy monitor; 0: a line with microseconds. */
#ifndef DEVICE_ENERGY_MODE
#define DEVICE_ENERGY_MODE 0
#endif
/* An inference cannot be interrupted: more than this many of them are taken for a mistake. */
#ifndef DEVICE_MOST_INFERENCES
#define DEVICE_MOST_INFERENCES 1000000u
#endif
/* Where the input lies, for example __attribute__((section(".bss.dtcm"))). */
#ifndef DEVICE_BUFFER_ATTR
#define DEVICE_BUFFER_ATTR
#endif

#if RESULT == RESULT_MEAN_SQUARED_ERROR
_Static_assert(INPUT_ENCODING == INPUT_FLOAT32, "the output is compared with a float input");
_Static_assert(MODEL_MACRO(OUTPUT_BYTES) == MODEL_MACRO(INPUT_BYTES),
               "an output is compared that has the input's size");
#endif

#define LINE_CHARACTERS 80u
#define WORDS 4u
#define BUFFER_BYTES (MODEL_MACRO(INPUT_BYTES) * INPUT_ELEMENT_BYTES)
#define BYTES_PER_PRINTED_LINE 8u
#define DEFAULT_WARMUP 10u

/* Aligned to a cache line, as a buffer must be that a DMA controller fills. */
DEVICE_BUFFER_ATTR static _Alignas(32) uint8_t buffer[BUFFER_BYTES];
MODEL_MACRO(ARENA_ATTR) static _Alignas(32) int8_t arena[MODEL_MACRO(ARENA_BYTES)];
static MODEL(context) context;
static int8_t output[MODEL_MACRO(OUTPUT_BYTES)];
#if INPUT_ENCODING == INPUT_FLOAT32
/* The floats stay: a result may be the distance of the model's output from them. */
static int8_t quantized[MODEL_MACRO(INPUT_BYTES)];
#endif

static struct {
  uint32_t expected_bytes; /* as `db load` said; at most BUFFER_BYTES */
  uint32_t loaded_bytes;   /* of the expected ones */
  int has_result;
} device;

/* A command under way. */
typedef struct {
  char text[LINE_CHARACTERS + 1u];
  uint32_t length; /* counts characters that did not fit, too */
} command_line;

static void put_error(const char *text) {
  put_text("e-[");
  put_text(text);
  put_line("]");
}

static void put_model_error(tinyts_status status) {
  put_text("e-[Model status ");
  put_unsigned((uint32_t)status);
  put_line("]");
}

static void put_value(const char *name, uint32_t value) {
  put_text(name);
  put_unsigned(value);
  put_end_of_line();
}

static void put_timestamp(void) {
#if DEVICE_ENERGY_MODE
  port_timestamp_pin();
#else
  put_value("m-lap-us-", port_microseconds());
#endif
}

/* A decimal number that fits 32 bits; returns 0 for anything else. */
static int parse_unsigned(const char *word, uint32_t *value) {
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

static void load(const char *count) {
  uint32_t bytes = 0;
  if (!parse_unsigned(count, &bytes) || bytes == 0u || bytes > BUFFER_BYTES) {
    put_text("e-[Expected db load N, N from 1 to ");
    put_unsigned(BUFFER_BYTES);
    put_line("]");
    return;
  }
  device.expected_bytes = bytes;
  device.loaded_bytes = 0;
  put_text("m-[Expecting ");
  put_unsigned(bytes);
  put_line(" bytes]");
}

/* The byte at two characters, or -1. */
static int byte_of_digits(const char *digits) {
  const int high = hex_digit_value(digits[0]);
  const int low = hex_digit_value(digits[1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static void store(uint8_t byte) {
#if INPUT_ENCODING == INPUT_UINT8
  byte = (uint8_t)input_from_bytes(&byte);
#endif
  buffer[device.loaded_bytes++] = byte;
}

static uint8_t stored(uint32_t number) {
#if INPUT_ENCODING == INPUT_UINT8
  return (uint8_t)(buffer[number] ^ 0x80u);
#else
  return buffer[number];
#endif
}

/* A line of digits is taken whole or not at all. */
static void take_digits(const char *digits) {
  const size_t length = strlen(digits);
  if (length % 2u != 0u) {
    put_error("Insufficent number of hex digits");
    return;
  }
  for (size_t i = 0; i < length; i += 2u) {
    if (byte_of_digits(digits + i) < 0) {
      put_text("e-[Invalid hex digit '");
      port_put_character(digits[i]);
      port_put_character(digits[i + 1u]);
      put_line("']");
      return;
    }
  }
  if (length / 2u > device.expected_bytes - device.loaded_bytes) {
    put_error("More bytes than db load announced");
    return;
  }
  for (size_t i = 0; i < length; i += 2u) {
    store((uint8_t)byte_of_digits(digits + i));
  }
  if (device.loaded_bytes == device.expected_bytes) {
    put_line("m-load-done");
  }
}

static void print_buffer(void) {
  for (uint32_t i = 0; i < device.loaded_bytes; ++i) {
    if (i % BYTES_PER_PRINTED_LINE == 0u) {
      put_text("m-buffer");
    }
    port_put_character('-');
    put_hex_byte(stored(i));
    if (i % BYTES_PER_PRINTED_LINE == BYTES_PER_PRINTED_LINE - 1u || i + 1u == device.loaded_bytes) {
      put_end_of_line();
    }
  }
}

static void run_db(const char *word, const char *count) {
  if (word == NULL) {
    put_error("Expected db load, db print or db and hex digits");
  } else if (strcmp(word, "load") == 0) {
    load(count);
  } else if (strcmp(word, "print") == 0) {
    print_buffer();
  } else {
    take_digits(word);
  }
}

/* --- infer -------------------------------------------------------------------------------------------------------- */

static int infer_times(uint32_t count) {
#if INPUT_ENCODING == INPUT_FLOAT32
  const int8_t *const input = quantized;
#else
  const int8_t *const input = (const int8_t *)buffer;
#endif
  for (uint32_t i = 0; i < count; ++i) {
    const tinyts_status status = MODEL(invoke)(&context, input, output);
    if (status != TINYTS_OK) {
      put_model_error(status);
      return 0;
    }
  }
  return 1;
}

static void put_results(void) {
  if (!device.has_result) {
    put_error("No inference yet");
    return;
  }
#if RESULT == RESULT_MEAN_SQUARED_ERROR
  double sum = 0.0;
  for (uint32_t i = 0; i < MODEL_MACRO(INPUT_BYTES); ++i) {
    const double difference = (double)output_value(output[i]) - (double)float_from_bytes(buffer + 4u * i);
    sum += difference * difference;
  }
  put_text("m-results-[");
  put_decimal(sum / (double)MODEL_MACRO(INPUT_BYTES));
  put_line("]");
#else
  put_outputs(output);
#endif
}

static void infer(const char *count_word, const char *warmup_word) {
  uint32_t count = 0;
  uint32_t warmup = DEFAULT_WARMUP;
  if (!parse_unsigned(count_word, &count) || count == 0u) {
    put_error("Inference iterations must be >0");
    return;
  }
  if (warmup_word != NULL && !parse_unsigned(warmup_word, &warmup)) {
    put_error("Warmup iterations must be a number");
    return;
  }
  if (count > DEVICE_MOST_INFERENCES || warmup > DEVICE_MOST_INFERENCES) {
    put_error("Too many inferences");
    return;
  }
  if (device.loaded_bytes != BUFFER_BYTES) {
    put_error("The input is not loaded");
    return;
  }
#if INPUT_ENCODING == INPUT_FLOAT32
  for (uint32_t i = 0; i < MODEL_MACRO(INPUT_BYTES); ++i) {
    quantized[i] = input_from_bytes(buffer + 4u * i);
  }
#endif
  put_value("m-warmup-start-", warmup);
  if (!infer_times(warmup)) {
    return;
  }
  put_line("m-warmup-done");
  put_value("m-infer-start-", count);
  put_timestamp();
  device.has_result = infer_times(count);
  put_timestamp();
  put_line("m-infer-done");
  put_results();
}

/* --- commands ----------------------------------------------------------------------------------------------------- */

static void start(void) {
  memset(&device, 0, sizeof device);
  memset(buffer, 0, sizeof buffer);
  const tinyts_status status = MODEL(init)(&context, arena, sizeof arena);
  put_line(DEVICE_ENERGY_MODE ? "m-timestamp-mode-energy" : "m-timestamp-mode-performance");
  if (status != TINYTS_OK) {
    put_model_error(status);
  }
  put_line("m-init-done");
}

/* Cuts the text into words, in place; missing ones are NULL. Words beyond the last are ignored. */
static void split_words(char *text, const char *words[WORDS]) {
  for (uint32_t i = 0; i < WORDS; ++i) {
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

static void run_command(command_line *line) {
  const char *words[WORDS];
  if (line->length > LINE_CHARACTERS) {
    put_error("Command too long");
    return;
  }
  line->text[line->length] = '\0';
  split_words(line->text, words);
  if (words[0] == NULL) {
    return;
  }
  if (strcmp(words[0], "name") == 0) {
    put_line("m-name-dut-[" DEVICE_VENDOR "]");
  } else if (strcmp(words[0], "profile") == 0) {
    put_line("m-profile-[" DEVICE_PROFILE "]");
    put_line("m-model-[" DEVICE_MODEL "]");
  } else if (strcmp(words[0], "timestamp") == 0) {
    put_timestamp();
  } else if (strcmp(words[0], "db") == 0) {
    run_db(words[1], words[2]);
  } else if (strcmp(words[0], "infer") == 0) {
    infer(words[1], words[2]);
  } else if (strcmp(words[0], "results") == 0) {
    put_results();
  } else if (strcmp(words[0], "reset") == 0) {
    port_reset();
    start();
  } else {
    put_text("e-[Unknown command: ");
    put_text(words[0]);
    put_line("]");
  }
}

void device_run(void) {
  command_line line = {.length = 0};
  start();
  put_line("m-ready");
  for (;;) {
    const int character = port_get_character();
    if (character < 0) {
      return;
    }
    if (character == '%') {
      run_command(&line);
      line.length = 0;
      put_line("m-ready");
    } else if (character != '\r' && character != '\n') {
      if (line.length < LINE_CHARACTERS) {
        line.text[line.length] = (char)character;
      }
      if (line.length <= LINE_CHARACTERS) {
        ++line.length;
      }
    }
  }
}
