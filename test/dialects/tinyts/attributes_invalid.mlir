// RUN: tinyts-opt %s --verify-diagnostics --split-input-file | filecheck %s
// RUN: %exits 1 tinyts-opt %s --split-input-file --split-tensors 2>&1 | filecheck %s --check-prefix=FIRST

// What passes write on ops for each other is checked as anything else of an op.
// FIRST: tinyts-opt: error: tinyts.leaky_relu: expected tinyts.band_rows to be an i64 of at least 1, got 0 : i64

// --- tinyts.band_rows ---

// CHECK: tinyts.leaky_relu: expected tinyts.band_rows to be an i64 of at least 1, got 0 : i64
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5} attributes {tinyts.band_rows = 0 : i64} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected tinyts.band_rows to be an i64 of at least 1, got -3 : i64
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5} attributes {tinyts.band_rows = -3 : i64} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected tinyts.band_rows to be an i64 of at least 1, got "two"
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5} attributes {tinyts.band_rows = "two"} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected tinyts.band_rows to be an i64 of at least 1, got 2 : i8
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5} attributes {tinyts.band_rows = 2 : i8} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected no tinyts.band_rows: this op makes a band already, rows 0:2
%x = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:2 of 4>>
%y = tinyts.leaky_relu %x {alpha = 0.5} attributes {tinyts.band_rows = 2 : i64} : tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:2 of 4>>
// -----
// CHECK: tinyts.reshape: expected no tinyts.band_rows: this op is not cut into bands
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.reshape %x attributes {tinyts.band_rows = 2 : i64} : tensor<32x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.constant: expected no tinyts.band_rows: this op is not cut into bands
%y = "tinyts.constant"() <{value = dense<1> : tensor<2xi8>}> {tinyts.band_rows = 2 : i64} : () -> tensor<2x!quant.uniform<i8:f32, 0.5>>

// -----
// --- tinyts.segment ---

// CHECK: tinyts.leaky_relu: expected tinyts.segment to be one or more i64 numbers of at least 0, in ascending order, got array<i64: -1>
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5} attributes {tinyts.segment = array<i64: -1>} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected tinyts.segment to be one or more i64 numbers of at least 0, in ascending order, got array<i64: 2, 1>
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5} attributes {tinyts.segment = array<i64: 2, 1>} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected tinyts.segment to be one or more i64 numbers of at least 0, in ascending order, got array<i64>
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5} attributes {tinyts.segment = array<i64>} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected tinyts.segment to be one or more i64 numbers of at least 0, in ascending order, got array<i32: 1>
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5} attributes {tinyts.segment = array<i32: 1>} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected tinyts.segment to be one or more i64 numbers of at least 0, in ascending order, got 1 : i64
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5} attributes {tinyts.segment = 1 : i64} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.reshape: expected no tinyts.segment: this op is no step
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.reshape %x attributes {tinyts.segment = array<i64: 0>} : tensor<32x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.external_input: expected no tinyts.segment: this op is no step
func.func @main(%x: tensor<4x!quant.uniform<i8:f32, 0.5>>) {
  %y = tinyts.external_input %x attributes {tinyts.segment = array<i64: 0>} : tensor<4x!quant.uniform<i8:f32, 0.5>>
  func.return
}

// -----
// --- tinyts.held ---

// CHECK: tinyts.leaky_relu: expected tinyts.held to be no value, got true
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5} attributes {tinyts.held = true} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.join: expected no tinyts.held: this op is not cut into bands
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.join %x attributes {tinyts.held} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>

// -----
// --- Names ---

// A name that is misspelled would say nothing; those of other dialects are not ours to judge.
// CHECK: tinyts.leaky_relu: expected attributes of tinyts.band_rows, tinyts.segment, tinyts.held, got tinyts.band_row
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5} attributes {other.name = 1, tinyts.band_row = 2} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
