// RUN: tinyts-opt %s -t c --name=net -o %t.c && filecheck %s --input-file %t.c
// The folder holds what builds, and no kernel that the model does not need.
// RUN: rm -rf %t && tinyts-opt %s -t c --name=net -o %t/ && ls %t/src > %t.kernels
// RUN: cat %t/net.h %t/net.c %t/net_weights.c %t/net_report.json %t/CMakeLists.txt %t.kernels | filecheck %s --check-prefix=FOLDER

// CHECK: net: model and runtime in one file
// Functions of the runtime get names of the model's own.
// CHECK: #define tinyts_copy net_tinyts_copy
// CHECK: #define NET_ARENA_BYTES 48u
// CHECK: tinyts_status net_init(

// FOLDER: #define NET_ARENA_BYTES 48u
// FOLDER: #define NET_INPUT_COUNT 1
// FOLDER: #define NET_OUTPUT_COUNT 1
// FOLDER: #define NET_INPUT0_BYTES 16u
// FOLDER: #define NET_OUTPUT0_BYTES 16u
// FOLDER: #define NET_INPUT_ROWS 2u
// FOLDER: #define NET_INPUT_ROW_BYTES 8u
// FOLDER: tinyts_status net_init(net_context *context, void *arena, size_t arena_bytes);
// FOLDER: tinyts_status net_invoke(net_context *context, const int8_t *input, int8_t *output);
// FOLDER: tinyts_status net_feed(net_context *context, const int8_t *rows, size_t row_count);
// FOLDER: const int8_t *net_output(const net_context *context);

// FOLDER: #include "net.h"
// FOLDER: /* a_ b /layer_/ */
// FOLDER: .row_elements = 8
// In units of 8 bytes; 65535 where a step has no scratch.
// FOLDER: net_offsets[8] = {
// FOLDER-NEXT: 0, 1, 2, 3, 4, 5, 65535, 0};
// FOLDER: tinyts_status net_init(

// FOLDER: NET_WEIGHTS_ATTR const int8_t net_constant_0[4] = {
// FOLDER-NEXT: -128, 0, 1, 127};

// FOLDER: "name": "net"
// FOLDER: "arena_bytes": 48
// FOLDER: "steps": 6

// FOLDER: add_library(net STATIC
// FOLDER-NEXT: net.c
// FOLDER-NEXT: net_weights.c
// FOLDER: src/tinyts_runtime.c

// FOLDER-NOT: conv_2d
// FOLDER: tinyts_copy.c
// FOLDER: tinyts_lookup.c
// FOLDER: tinyts_runtime.c
// FOLDER-NOT: {{.+}}

tinyrt.program @main {arena_bytes = 48} {
  %0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
  %1 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [16, 24]}
  %2 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [32, 40]}
  %3 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [-1, 0]}
  tinyrt.receive %0 {input = 0}
  // Nothing in a name ends the comment that it stands in.
  tinyrt.layer %0 to %1 {kernel = lookup, struct = lookup, row_stride = 1, window_rows = 1, padding_top = 0} parameters {table = dense<[-128, 0, 1, 127]> : tensor<4xi8>, row_elements = 8} loc("a* b /layer*/")
  tinyrt.layer %1 to %2 scratch %3 {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = 8}
  tinyrt.schedule {steps = [0, 1, 2, 0, 1, 2]}
  tinyrt.interface %0 to %2 {inputs = ["image"], outputs = ["map"]}
}
