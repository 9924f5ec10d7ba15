// RUN: tinyts-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// CHECK: tinyrt.tensor: expected at least one row of at least one byte
%0 = tinyrt.tensor {rows = 0, band_rows = 1, row_bytes = 8, offsets = []}
// -----
// CHECK: tinyrt.tensor: expected at least one row of at least one byte
%0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = -8, offsets = [0]}
// -----
// CHECK: tinyrt.tensor: expected 3 offsets, got 2
%0 = tinyrt.tensor {rows = 5, band_rows = 2, row_bytes = 8, offsets = [0, 8]}
// -----
// CHECK: tinyrt.tensor: property 'offsets' expected
%0 = tinyrt.tensor {rows = 5, band_rows = 2, row_bytes = 8}
// -----
// CHECK: property 'rows' is given twice
%0 = tinyrt.tensor {rows = 5, rows = 5, band_rows = 2, row_bytes = 8, offsets = []}
// -----
// CHECK: expected one value or bracketed list, got 2
%0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
tinyrt.receive %0, %0 {input = 0}
// -----
// CHECK: expected one value, got 2
%0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
tinyrt.receive [%0, %0] {input = 0}
// -----
// CHECK: expected one value or bracketed list, got 2
%0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
tinyrt.layer %0, %0 to %0 {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = 8}
// -----
// CHECK: expected one value, got 2
%0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
tinyrt.layer %0 to %0 scratch [%0, %0] {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = 8}
// -----
// CHECK: tinyrt.layer: expected at least one output
%0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
tinyrt.layer %0 to [] {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = 8}
// -----
// CHECK: tinyrt.layer: property 'kernel' expected
%0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
tinyrt.layer %0 to %0 {struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {}
// -----
// CHECK: this constant was elided when it was printed
%0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
tinyrt.layer %0 to %0 {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {table = dense<__elided__> : tensor<256xi8>}
// -----
// CHECK: expected inputs = ["name", ...]
%0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
tinyrt.interface %0 to %0 {outputs = ["out"]}
// -----
// CHECK: expected outputs = ["name", ...]
%0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
tinyrt.interface %0 to %0 {inputs = ["in"], outputs = [1]}
// -----
// CHECK: tinyrt.interface: expected 2 names, got 1
%0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
tinyrt.interface [%0, %0] to %0 {inputs = ["in"], outputs = ["out"]}
// -----
// CHECK: expected input_types = [type, ...]
%0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
tinyrt.interface %0 to %0 {inputs = ["in"], outputs = ["out"], input_types = ["i8"]}
// -----
// CHECK: tinyrt.interface: expected 1 types, got 2
%0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
tinyrt.interface %0 to %0 {inputs = ["in"], outputs = ["out"], input_types = [i8], output_types = [i8, i8]}
// -----
// CHECK: tinyrt.program: expected one tinyrt.schedule, got 0
tinyrt.program @main {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
  tinyrt.receive %0 {input = 0}
  tinyrt.interface %0 to %0 {inputs = ["in"], outputs = ["out"]}
}
// -----
// CHECK: tinyrt.program: expected one tinyrt.interface, got 2
tinyrt.program @main {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
  tinyrt.receive %0 {input = 0}
  tinyrt.schedule {steps = [0, 0]}
  tinyrt.interface %0 to %0 {inputs = ["in"], outputs = ["out"]}
  tinyrt.interface %0 to %0 {inputs = ["in"], outputs = ["out"]}
}
// -----
// CHECK: tinyrt.program: the schedule names layer 1 of 1
tinyrt.program @main {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
  tinyrt.receive %0 {input = 0}
  tinyrt.schedule {steps = [0, 1]}
  tinyrt.interface %0 to %0 {inputs = ["in"], outputs = ["out"]}
}
// -----
// CHECK: tinyrt.program: the schedule names layer -1 of 1
tinyrt.program @main {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
  tinyrt.receive %0 {input = 0}
  tinyrt.schedule {steps = [0, -1]}
  tinyrt.interface %0 to %0 {inputs = ["in"], outputs = ["out"]}
}
// -----
// CHECK: tinyrt.program: layer 0 has 2 bands, the schedule makes 3
tinyrt.program @main {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
  tinyrt.receive %0 {input = 0}
  tinyrt.schedule {steps = [0, 0, 0]}
  tinyrt.interface %0 to %0 {inputs = ["in"], outputs = ["out"]}
}
// -----
// CHECK: tinyrt.program: layer 0 receives input 1 of 1 inputs
tinyrt.program @main {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
  tinyrt.receive %0 {input = 1}
  tinyrt.schedule {steps = [0, 0]}
  tinyrt.interface %0 to %0 {inputs = ["in"], outputs = ["out"]}
}
// -----
// CHECK: tinyrt.program: band 1 of tensor 0 ends at byte 17 of an arena of 16
tinyrt.program @main {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 9]}
  tinyrt.receive %0 {input = 0}
  tinyrt.schedule {steps = [0, 0]}
  tinyrt.interface %0 to %0 {inputs = ["in"], outputs = ["out"]}
}
// -----
// CHECK: tinyrt.program: band 0 of tensor 0 ends at byte 7 of an arena of 16
tinyrt.program @main {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [-1, 8]}
  tinyrt.receive %0 {input = 0}
  tinyrt.schedule {steps = [0, 0]}
  tinyrt.interface %0 to %0 {inputs = ["in"], outputs = ["out"]}
}
// -----
// Only scratch may have no place, and only a tensor that is nothing else.
// CHECK: tinyrt.program: band 0 of tensor 1 ends at byte 7 of an arena of 16
tinyrt.program @main {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
  %1 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [-1, 8]}
  tinyrt.receive %0 {input = 0}
  tinyrt.layer %0 to %1 scratch %1 {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = 8}
  tinyrt.schedule {steps = [0, 0, 1, 1]}
  tinyrt.interface %0 to %1 {inputs = ["in"], outputs = ["out"]}
}
// -----
// CHECK: tinyrt.program: band 1 of tensor 1 ends at byte 6 of an arena of 16
tinyrt.program @main {arena_bytes = 16} {
  %0 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [0, 8]}
  %1 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [-1, -2]}
  tinyrt.receive %0 {input = 0}
  tinyrt.layer %0 to %0 scratch %1 {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = 8}
  tinyrt.schedule {steps = [0, 0, 1, 1]}
  tinyrt.interface %0 to %0 {inputs = ["in"], outputs = ["out"]}
}
// -----
// CHECK: tinyrt.program: expected tinyrt.receive to name results of tinyrt.tensor
tinyrt.program @main {arena_bytes = 16} {
  ^bb0(%0 : !tinyrt.tensor_descriptor):
  tinyrt.receive %0 {input = 0}
  tinyrt.schedule {steps = [0, 0]}
  tinyrt.interface %0 to %0 {inputs = ["in"], outputs = ["out"]}
}
// -----
// CHECK: tinyrt.program: expected source_sha256 to be 64 hexadecimal digits, got "0123"
tinyrt.program @main {arena_bytes = 64, source_sha256 = "0123"} {
  %0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [0]}
  tinyrt.receive %0 {input = 0}
  tinyrt.schedule {steps = [0]}
  tinyrt.interface %0 to %0 {inputs = ["x"], outputs = ["y"]}
}
// -----
// CHECK: tinyrt.program: expected options to be printable ASCII without the ends of a comment in C, got "a\0Ab"
tinyrt.program @main {arena_bytes = 64, options = "a\0Ab"} {
  %0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [0]}
  tinyrt.receive %0 {input = 0}
  tinyrt.schedule {steps = [0]}
  tinyrt.interface %0 to %0 {inputs = ["x"], outputs = ["y"]}
}
