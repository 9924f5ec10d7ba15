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
// CHECK: error: kernel 'nonsense': the C runtime has no src/nonsense.c
tinyrt.program @a {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [0]}
  tinyrt.receive %0 {input = 0}
  tinyrt.layer %0 to %0 {kernel = nonsense, struct = nonsense, row_stride = 1, window_rows = 1, padding_top = 0} parameters {}
  tinyrt.schedule {steps = [0, 1]}
  tinyrt.interface %0 to %0 {inputs = ["image"], outputs = ["map"]}
}
