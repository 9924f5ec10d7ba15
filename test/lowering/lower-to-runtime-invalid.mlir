// RUN: tinyts-opt %s --lower-to-runtime --verify-diagnostics --split-input-file | filecheck %s

// CHECK: error: lower-to-runtime: function @main has no plan; run plan-arena first
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> {
  %0 = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  func.return %0 : tensor<8x!q>
}
// -----
// CHECK: error: lower-to-runtime: tinyts.receive has no offset; run plan-arena first
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 16 : i64} {
  %0 = tinyts.receive %x : tensor<8x!q>
  func.return %0 : tensor<8x!q>
}
// -----
// CHECK: error: lower-to-runtime: input 1 of the model is never received
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>, %y: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 16 : i64} {
  %0 = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  func.return %0 : tensor<8x!q>
}
// -----
// CHECK: error: lower-to-runtime: expected every input of the model to be received once
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> (tensor<8x!q>, tensor<1x2x2x2x!q>) attributes {tinyts.arena_bytes = 16 : i64} {
  %0 = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %1 = tinyts.receive %x {offsets = [8]} : tensor<1x2x2x2x!q>
  func.return %0, %1 : tensor<8x!q>, tensor<1x2x2x2x!q>
}
// -----
// CHECK: error: tinyts.receive: rows from 1 on are made before the rows above them
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x2x2x1x!q>) attributes {tinyts.arena_bytes = 16 : i64} {
  %0 = tinyts.receive %x {offsets = [0]} : tensor<1x1x2x1x!q, #tinyts.rows<1:2 of 2>>
  %1 = tinyts.receive %x {offsets = [4]} : tensor<1x1x2x1x!q, #tinyts.rows<0:1 of 2>>
  func.return
}
// -----
// CHECK: error: tinyts.receive: only 1 of 2 rows are made
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x2x2x1x!q>) attributes {tinyts.arena_bytes = 16 : i64} {
  %0 = tinyts.receive %x {offsets = [0]} : tensor<1x1x2x1x!q, #tinyts.rows<0:1 of 2>>
  func.return
}
// -----
// CHECK: error: tinyts.receive: expected bands of 1 rows, got bands of [1, 2, 1] rows
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x4x2x1x!q>) attributes {tinyts.arena_bytes = 16 : i64} {
  %0 = tinyts.receive %x {offsets = [0]} : tensor<1x1x2x1x!q, #tinyts.rows<0:1 of 4>>
  %1 = tinyts.receive %x {offsets = [4]} : tensor<1x2x2x1x!q, #tinyts.rows<1:3 of 4>>
  %2 = tinyts.receive %x {offsets = [8]} : tensor<1x1x2x1x!q, #tinyts.rows<3:4 of 4>>
  func.return
}
// -----
// CHECK: error: lower-to-runtime: tinyts.receive: expected one tensor in one place, got 2 bands
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x2x2x1x!q>) -> tensor<1x2x2x1x!q> attributes {tinyts.arena_bytes = 16 : i64} {
  %0 = tinyts.receive %x {offsets = [0]} : tensor<1x1x2x1x!q, #tinyts.rows<0:1 of 2>>
  %1 = tinyts.receive %x {offsets = [4]} : tensor<1x1x2x1x!q, #tinyts.rows<1:2 of 2>>
  %2 = tinyts.concatenation [%0, %1] {axis = 1, offsets = [8]} : tensor<1x2x2x1x!q>
  func.return %2 : tensor<1x2x2x1x!q>
}
// -----
// CHECK: error: tinyts.conv_2d: expected weights and biases to be constants of the model
!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.5>
func.func @main(%x: tensor<1x2x2x1x!q>, %w: tensor<1x1x1x1x!w>) attributes {tinyts.arena_bytes = 32 : i64} {
  %0 = tinyts.receive %x {offsets = [0]} : tensor<1x2x2x1x!q>
  %1 = tinyts.receive %w {offsets = [4]} : tensor<1x1x1x1x!w>
  %2 = tinyts.conv_2d %0, %1 {offsets = [8]} : tensor<1x2x2x1x!q>
  func.return
}
// -----
// CHECK: error: tinyts.mean: no kernel runs this op; run stream-reductions first
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x2x2x1x!q>) attributes {tinyts.arena_bytes = 32 : i64} {
  %0 = tinyts.receive %x {offsets = [0]} : tensor<1x2x2x1x!q>
  %1 = tinyts.mean %0 {offsets = [8]} : tensor<1x1x!q>
  func.return
}
