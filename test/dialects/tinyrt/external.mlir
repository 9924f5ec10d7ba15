// RUN: tinyts-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | tinyts-opt --split-input-file --parsing-diagnostics | filecheck %s
// RUN: tinyts-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s --check-prefix=INVALID

// CHECK: %0 = tinyrt.tensor {rows = 2, band_rows = 2, row_bytes = 8, offsets = [], external = 0}
tinyrt.program @main {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 2, band_rows = 2, row_bytes = 8, offsets = [], external = 0}
  %1 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 16, offsets = [], external = 0}
  %2 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 16, offsets = [0]}
  tinyrt.layer %1 to %2 {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = 16}
  tinyrt.schedule {steps = [0]}
  tinyrt.interface %0 to %2 {inputs = ["in"], outputs = ["out"]}
}
// -----
// INVALID: tinyrt.tensor: expected one band and no offsets where the tensor is external
%0 = tinyrt.tensor {rows = 2, band_rows = 2, row_bytes = 8, offsets = [0], external = 0}
// -----
// INVALID: tinyrt.tensor: expected one band and no offsets where the tensor is external
%0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [], external = 0}
// -----
// INVALID: tinyrt.program: tensor 0 is external input 1 of 1
tinyrt.program @main {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 2, band_rows = 2, row_bytes = 8, offsets = [], external = 1}
  %1 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 16, offsets = [0]}
  tinyrt.layer %0 to %1 {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = 16}
  tinyrt.schedule {steps = [0]}
  tinyrt.interface %0 to %1 {inputs = ["in"], outputs = ["out"]}
}
// -----
// INVALID: tinyrt.program: tensor 1 is external input 0 of 16 bytes, got 8
tinyrt.program @main {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 2, band_rows = 2, row_bytes = 8, offsets = [], external = 0}
  %1 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [], external = 0}
  %2 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [0]}
  tinyrt.layer %1 to %2 {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = 8}
  tinyrt.schedule {steps = [0]}
  tinyrt.interface %0 to %2 {inputs = ["in"], outputs = ["out"]}
}
// -----
// Over the caller's memory nothing is written: no kernel's result, no received rows, no scratch.
// INVALID: tinyrt.program: an external tensor can only be read, not made or returned
tinyrt.program @main {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 16, offsets = [], external = 0}
  %1 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 16, offsets = [0]}
  tinyrt.layer %1 to %0 {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = 16}
  tinyrt.schedule {steps = [0]}
  tinyrt.interface %0 to %1 {inputs = ["in"], outputs = ["out"]}
}
// -----
// INVALID: tinyrt.program: an external tensor can only be read, not made or returned
tinyrt.program @main {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 16, offsets = [], external = 0}
  tinyrt.receive %0 {input = 0}
  tinyrt.schedule {steps = [0]}
  tinyrt.interface %0 to %0 {inputs = ["in"], outputs = ["out"]}
}
