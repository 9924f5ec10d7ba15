// RUN: tinyts-opt %s -t c --name=net -o %t.c && filecheck %s --input-file %t.c
// RUN: tinyts-opt %s -t c --name=net | filecheck %s
// The folder holds what builds, and no kernel that the model does not need.
// RUN: rm -rf %t && tinyts-opt %s -t c --name=net -o %t/
// RUN: filecheck %s --check-prefix=HEADER --input-file %t/net.h
// RUN: filecheck %s --check-prefix=SOURCE --input-file %t/net.c
// RUN: filecheck %s --check-prefix=WEIGHTS --input-file %t/net_weights.c
// RUN: filecheck %s --check-prefix=REPORT --input-file %t/net_report.json
// RUN: filecheck %s --check-prefix=CMAKE --input-file %t/CMakeLists.txt
// RUN: ls %t/src | filecheck %s --check-prefix=KERNELS
// RUN: tinyts-opt %s -t c | filecheck %s --check-prefix=DEFAULT

// CHECK: net: model and runtime in one file
// Functions of the runtime get names of the model's own.
// CHECK: #define tinyts_copy net_tinyts_copy
// CHECK: #define net_ARENA_BYTES 48u
// CHECK: tinyts_status net_init(
// DEFAULT: emit_c: model and runtime in one file

// HEADER: #define net_ARENA_BYTES 48u
// HEADER: #define net_INPUT_COUNT 1
// HEADER: #define net_OUTPUT_COUNT 1
// HEADER: #define net_INPUT0_BYTES 16u
// HEADER: #define net_OUTPUT0_BYTES 16u
// HEADER: #define net_INPUT_ROWS 2u
// HEADER: #define net_INPUT_ROW_BYTES 8u
// HEADER: tinyts_status net_init(net_context *context, void *arena, size_t arena_bytes);
// HEADER: tinyts_status net_invoke(net_context *context, const int8_t *input, int8_t *output);
// HEADER: tinyts_status net_feed(net_context *context, const int8_t *rows, size_t row_count);
// HEADER: const int8_t *net_output(const net_context *context);

// SOURCE: #include "net.h"
// SOURCE: /* a_ b /layer_/ */
// SOURCE: .row_elements = 8
// SOURCE: tinyts_status net_init(

// WEIGHTS: net_WEIGHTS_ATTR const int8_t net_constant_0[4] = {
// WEIGHTS-NEXT: -128, 0, 1, 127};

// REPORT: "name": "net"
// REPORT: "arena_bytes": 48
// REPORT: "steps": 6

// CMAKE: add_library(net STATIC
// CMAKE-NEXT: net.c
// CMAKE-NEXT: net_weights.c
// CMAKE: src/runtime.c

// KERNELS-NOT: conv_2d
// KERNELS: copy.c
// KERNELS: lookup.c
// KERNELS: runtime.c
// KERNELS-NOT: {{.+}}

tinyrt.program @main {arena_bytes = 48} {
  %0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
  %1 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [16, 24]}
  %2 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [32, 40]}
  tinyrt.receive %0 {input = 0}
  // Nothing in a name ends the comment that it stands in.
  tinyrt.layer %0 to %1 {kernel = lookup, struct = lookup, row_stride = 1, window_rows = 1, padding_top = 0} parameters {table = dense<[-128, 0, 1, 127]> : tensor<4xi8>, row_elements = 8} loc("a* b /layer*/")
  tinyrt.layer %1 to %2 {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = 8}
  tinyrt.schedule {steps = [0, 1, 2, 0, 1, 2]}
  tinyrt.interface %0 to %2 {inputs = ["image"], outputs = ["map"]}
}
