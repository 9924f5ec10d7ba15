// RUN: tinyts-opt %s | filecheck %s
// RUN: tinyts-opt %s | tinyts-opt --print-op-generic | filecheck %s

// CHECK: !quant.uniform<i8:f32, 0.5>
"test.op"() {type = !quant.uniform<i8:f32, 0.5>} : () -> ()
// CHECK: !quant.uniform<i8:f32, 0.007843138:-1>
"test.op"() {type = !quant.uniform<i8:f32, 0.0078431377:-1>} : () -> ()
// A zero point of 0 is not written.
// CHECK: !quant.uniform<i16:f32, 0.25>
"test.op"() {type = !quant.uniform<i16:f32, 0.25:0>} : () -> ()
// CHECK: !quant.uniform<i32:f32:0, {0.5, 0.25:3}>
"test.op"() {type = !quant.uniform<i32:f32:0, {0.5, 0.25:3}>} : () -> ()
// CHECK: !quant.uniform<i8:f32:3, {1.0}>
"test.op"() {type = !quant.uniform<i8:f32:3, {1}>} : () -> ()
// Scales of published models: negative, zero, denormal.
// CHECK: !quant.uniform<i8:f32:0, {-0.5, 0.0, 1.0e-45}>
"test.op"() {type = !quant.uniform<i8:f32:0, {-0.5, 0.0, 1.0e-45}>} : () -> ()
// Scales are float32 values, and print with the fewest digits that say which.
// CHECK: !quant.uniform<i8:f32, 0.1>
"test.op"() {type = !quant.uniform<i8:f32, 0.100000001490116119384765625>} : () -> ()
// CHECK: !quant.uniform<i8:f32, 1.2345679e+08>
"test.op"() {type = !quant.uniform<i8:f32, 123456789.0>} : () -> ()
// CHECK: !quant.uniform<i8:f32, 1.0e-06>
"test.op"() {type = !quant.uniform<i8:f32, 1.0e-6>} : () -> ()
// The least and the greatest zero point.
// CHECK: !quant.uniform<i8:f32:1, {1.0:-128, 1.0:127}>
"test.op"() {type = !quant.uniform<i8:f32:1, {1.0:-128, 1.0:127}>} : () -> ()
// CHECK: tensor<1x2x3x4x!quant.uniform<i8:f32, 0.5>>
"test.op"() {type = tensor<1x2x3x4x!quant.uniform<i8:f32, 0.5>>} : () -> ()
