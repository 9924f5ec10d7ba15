// RUN: tinyts-opt %s --plan-arena --verify-diagnostics --split-input-file | filecheck %s

// CHECK: error: plan-arena: tinyts.leaky_relu reads a function argument directly; run receive-inputs first
func.func @main(%x: tensor<4x!quant.uniform<i8:f32, 0.5>>) -> tensor<4x!quant.uniform<i8:f32, 0.5>> {
  %y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<4x!quant.uniform<i8:f32, 0.5>>
  func.return %y : tensor<4x!quant.uniform<i8:f32, 0.5>>
}
// -----
// CHECK: error: plan-arena: func.return reads a function argument directly; run receive-inputs first
func.func @main(%x: tensor<4x!quant.uniform<i8:f32, 0.5>>) -> tensor<4x!quant.uniform<i8:f32, 0.5>> {
  func.return %x : tensor<4x!quant.uniform<i8:f32, 0.5>>
}
// -----
// CHECK: error: plan-arena: tinyts.leaky_relu reads a constant as a feature map, which is not supported
func.func @main() {
  %b = tinyts.constant dense<1> : tensor<4xi8> as !quant.uniform<i8:f32, 0.5>
  %y = tinyts.leaky_relu %b {alpha = 0.5} : tensor<4x!quant.uniform<i8:f32, 0.5>>
  func.return
}
// -----
// CHECK: error: plan-arena: func.return reads a constant as a feature map, which is not supported
func.func @main() -> tensor<4x!quant.uniform<i8:f32, 0.5>> {
  %b = tinyts.constant dense<1> : tensor<4xi8> as !quant.uniform<i8:f32, 0.5>
  func.return %b : tensor<4x!quant.uniform<i8:f32, 0.5>>
}
// -----
// CHECK: error: plan-arena: expected ops of the tinyts dialect, got test.op
func.func @main() {
  "test.op"() : () -> ()
  func.return
}
// -----
// CHECK: error: function @main: expected one block, got 2
func.func @main() {
  cf.br ^bb1
^bb1:
  func.return
}
// -----
// What has no body needs no plan.
// CHECK: func.func private @declared(tensor<4xi8>)
func.func private @declared(tensor<4xi8>)
