// RUN: tinyts-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// CHECK: quant.uniform: expected a storage type of 8, 16, 32 or 64 bits, got i7
"test.op"() : () -> !quant.uniform<i7:f32, 0.5>
// -----
// CHECK: quant.uniform: expected a storage type i16, which is signed, or u8, got ui16
"test.op"() : () -> !quant.uniform<ui16:f32, 0.5>
// -----
// CHECK: f32 should be of base attribute integer_type
"test.op"() : () -> !quant.uniform<f32:f32, 0.5>
// -----
// CHECK: f64 should be of base attribute f32
"test.op"() : () -> !quant.uniform<i8:f64, 0.5>
// -----
// CHECK: quant.uniform: expected a zero point in [-128, 127], got 128
"test.op"() : () -> !quant.uniform<i8:f32, 0.5:128>
// -----
// CHECK: quant.uniform: expected a zero point in [-32768, 32767], got -32769
"test.op"() : () -> !quant.uniform<i16:f32:0, {0.5, 0.5:-32769}>
// -----
// CHECK: quant.uniform: expected finite scales, got inf
"test.op"() : () -> !quant.uniform<i8:f32, 1.0e39>
// -----
// CHECK: quant.uniform: expected an axis >= 0 and at least one scale
"test.op"() : () -> !quant.uniform<i8:f32:0, {}>
// -----
// CHECK: Expected integer literal for the quantized axis
"test.op"() : () -> !quant.uniform<i8:f32:-1, {0.5}>
// -----
// CHECK: integer or float literal expected for a quantization scale
"test.op"() : () -> !quant.uniform<i8:f32, {0.5}>
// -----
// CHECK: Expected integer literal for a zero point
"test.op"() : () -> !quant.uniform<i8:f32, 0.5:1.5>
