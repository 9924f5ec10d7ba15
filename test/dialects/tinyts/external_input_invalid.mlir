// RUN: tinyts-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

!q = !quant.uniform<i8:f32, 0.5>
// CHECK: tinyts.external_input: expected a function argument, got a result of an op
%x = tinyts.constant dense<1> : tensor<4xi8> as !q
%y = tinyts.external_input %x : tensor<4x!q>
// -----
!q = !quant.uniform<i8:f32, 0.5>
// CHECK: tinyts.external_input: expected a result of 8 bytes, as the input has, got 9
func.func @main(%x: tensor<8x!q>) {
  %y = tinyts.external_input %x : tensor<9x!q>
  func.return
}
// -----
!q = !quant.uniform<i8:f32, 0.5>
// CHECK: tinyts.external_input: expected a whole tensor, got tensor<1x1x2x1x
func.func @main(%x: tensor<1x2x2x1x!q>) {
  %y = tinyts.external_input %x : tensor<1x1x2x1x!q, #tinyts.rows<0:1 of 2>>
  func.return
}
// -----
!q = !quant.uniform<i8:f32, 0.5>
// CHECK: tinyts.external_input: expected no offsets: this is not in the arena
func.func @main(%x: tensor<8x!q>) {
  %y = tinyts.external_input %x {offsets = [0]} : tensor<8x!q>
  func.return
}
// -----
// CHECK: tinyts.external_input: expected f32, or int8, uint8 or int16 with one scale, got tensor<8xf64>
func.func @main(%x: tensor<8xf64>) {
  %y = tinyts.external_input %x : tensor<8xf64>
  func.return
}
