// RUN: tinyts-opt %s --receive-inputs --verify-diagnostics --split-input-file | filecheck %s
// RUN: %exits 1 tinyts-opt %s --receive-inputs --split-input-file 2>&1 | filecheck %s --check-prefix=FIRST

// What passes and frontends write on functions is checked by every pass that works on functions.
// FIRST: tinyts-opt: error: function @main: expected tinyts.arena_bytes to be an i64 of at least 0, got -16 : i64

// CHECK: error: function @main: expected tinyts.arena_bytes to be an i64 of at least 0, got -16 : i64
func.func @main() attributes {tinyts.arena_bytes = -16 : i64} {
  func.return
}
// -----
// CHECK: error: function @main: expected tinyts.arena_bytes to be an i64 of at least 0, got 16 : i32
func.func @main() attributes {tinyts.arena_bytes = 16 : i32} {
  func.return
}
// -----
// CHECK: error: function @main: expected tinyts.peak_bytes to be an i64 of at least 0, got "many"
func.func @main() attributes {tinyts.peak_bytes = "many"} {
  func.return
}
// -----
// CHECK: error: function @main: expected tinyts.bound_bytes to be an i64 of at least 0, got 1.500000e+00 : f32
func.func @main() attributes {tinyts.bound_bytes = 1.5 : f32} {
  func.return
}
// -----
// CHECK: error: function @main: expected tinyts.arena_is_optimal to be true or false, got 1 : i64
func.func @main() attributes {tinyts.arena_is_optimal = 1 : i64} {
  func.return
}
// -----
// CHECK: error: function @main: expected tinyts.whole_input to be no value, got false
func.func @main() attributes {tinyts.whole_input = false} {
  func.return
}
// -----
// CHECK: error: function @main: expected tinyts.input_names to be strings, got [3 : i64]
func.func @main(%x: tensor<4x!quant.uniform<i8:f32, 0.5>>) attributes {tinyts.input_names = [3 : i64]} {
  func.return
}
// -----
// CHECK: error: function @main: expected tinyts.input_names of length 1, got length 2
func.func @main(%x: tensor<4x!quant.uniform<i8:f32, 0.5>>) attributes {tinyts.input_names = ["a", "b"]} {
  func.return
}
// -----
// CHECK: error: function @main: expected tinyts.output_names of length 0, got length 1
func.func @main() attributes {tinyts.output_names = ["y"]} {
  func.return
}
// -----
// CHECK: error: function @main: expected tinyts.source_sha256 to be 64 hexadecimal digits, got "abc"
func.func @main() attributes {tinyts.source_sha256 = "abc"} {
  func.return
}
// -----
// CHECK: error: function @main: expected tinyts.options to be printable ASCII without the ends of a comment in C, got "*/"
func.func @main() attributes {tinyts.options = "*/"} {
  func.return
}
// -----
// CHECK: error: function @main: expected attributes of tinyts.input_names, {{.*}}tinyts.whole_input, got tinyts.arena
func.func @main() attributes {tinyts.arena = 16 : i64} {
  func.return
}
// -----
// CHECK: func.func @main() attributes {tinyts.arena_is_optimal = true, tinyts.whole_input, other.name = 3 : i64}
func.func @main() attributes {tinyts.arena_is_optimal = true, tinyts.whole_input, other.name = 3 : i64} {
  func.return
}
