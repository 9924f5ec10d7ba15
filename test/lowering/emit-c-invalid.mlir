// RUN: tinyts-opt %s -t c --verify-diagnostics --split-input-file | filecheck %s

// CHECK: error: the C target prints a tinyrt.program, but the module holds func.func: run lower-to-runtime first (--emit-c appends every pass that is missing)
func.func private @declared()
// -----
// CHECK: error: the C target prints one tinyrt.program, but the module holds 2
tinyrt.program @a {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [0]}
  tinyrt.receive %0 {input = 0}
  tinyrt.schedule {steps = [0]}
  tinyrt.interface %0 to %0 {inputs = ["image"], outputs = ["map"]}
}
tinyrt.program @b {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [0]}
  tinyrt.receive %0 {input = 0}
  tinyrt.schedule {steps = [0]}
  tinyrt.interface %0 to %0 {inputs = ["image"], outputs = ["map"]}
}
// -----
// CHECK: error: kernel 'nonsense': the C runtime has no src/tinyts_nonsense.c
tinyrt.program @a {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [0]}
  tinyrt.receive %0 {input = 0}
  tinyrt.layer %0 to %0 {kernel = nonsense, struct = nonsense, row_stride = 1, window_rows = 1, padding_top = 0} parameters {}
  tinyrt.schedule {steps = [0, 1]}
  tinyrt.interface %0 to %0 {inputs = ["image"], outputs = ["map"]}
}
// -----
// CHECK: error: net/copy: no header declares tinyts_nonsense_parameters
tinyrt.program @a {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [0]} loc("net/map")
  tinyrt.receive %0 {input = 0}
  tinyrt.layer %0 to %0 {kernel = copy, struct = nonsense, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = 8} loc("net/copy")
  tinyrt.schedule {steps = [0, 1]}
  tinyrt.interface %0 to %0 {inputs = ["image"], outputs = ["map"]}
}
// -----
// CHECK: error: net/copy: row_bytes: expected 0 to 4294967295, got 4294967296
tinyrt.program @a {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [0]} loc("net/map")
  tinyrt.receive %0 {input = 0}
  tinyrt.layer %0 to %0 {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = 4294967296} loc("net/copy")
  tinyrt.schedule {steps = [0, 1]}
  tinyrt.interface %0 to %0 {inputs = ["image"], outputs = ["map"]}
}
// -----
// CHECK: error: net/copy: row_elements: tinyts_copy_parameters has no such field
tinyrt.program @a {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [0]} loc("net/map")
  tinyrt.receive %0 {input = 0}
  tinyrt.layer %0 to %0 {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = 8, row_elements = 8} loc("net/copy")
  tinyrt.schedule {steps = [0, 1]}
  tinyrt.interface %0 to %0 {inputs = ["image"], outputs = ["map"]}
}
// -----
// CHECK: error: net/copy: row_bytes: expected a value, got none
tinyrt.program @a {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [0]} loc("net/map")
  tinyrt.receive %0 {input = 0}
  tinyrt.layer %0 to %0 {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {} loc("net/copy")
  tinyrt.schedule {steps = [0, 1]}
  tinyrt.interface %0 to %0 {inputs = ["image"], outputs = ["map"]}
}
// -----
// CHECK: error: net/copy: row_bytes: expected a value of uint32_t, got an array
tinyrt.program @a {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [0]} loc("net/map")
  tinyrt.receive %0 {input = 0}
  tinyrt.layer %0 to %0 {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = dense<[8]> : tensor<1xi8>} loc("net/copy")
  tinyrt.schedule {steps = [0, 1]}
  tinyrt.interface %0 to %0 {inputs = ["image"], outputs = ["map"]}
}
// -----
// CHECK: error: net/copy: row_stride: expected 0 to 65535, got 65536
tinyrt.program @a {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [0]} loc("net/map")
  tinyrt.receive %0 {input = 0}
  tinyrt.layer %0 to %0 {kernel = copy, struct = copy, row_stride = 65536, window_rows = 1, padding_top = 0} parameters {row_bytes = 8} loc("net/copy")
  tinyrt.schedule {steps = [0, 1]}
  tinyrt.interface %0 to %0 {inputs = ["image"], outputs = ["map"]}
}
// -----
// CHECK: error: net/copy: padding_top: expected -32768 to 32767, got 32768
tinyrt.program @a {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [0]} loc("net/map")
  tinyrt.receive %0 {input = 0}
  tinyrt.layer %0 to %0 {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 32768} parameters {row_bytes = 8} loc("net/copy")
  tinyrt.schedule {steps = [0, 1]}
  tinyrt.interface %0 to %0 {inputs = ["image"], outputs = ["map"]}
}
// -----
// CHECK: error: net/map: rows: expected 0 to 65535, got 65536
tinyrt.program @a {arena_bytes = 524288} {
  %0 = tinyrt.tensor {rows = 65536, band_rows = 65536, row_bytes = 8, offsets = [0]} loc("net/map")
  tinyrt.receive %0 {input = 0}
  tinyrt.layer %0 to %0 {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = 8} loc("net/copy")
  tinyrt.schedule {steps = [0, 1]}
  tinyrt.interface %0 to %0 {inputs = ["image"], outputs = ["map"]}
}
