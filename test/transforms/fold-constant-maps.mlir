// RUN: tinyts-opt %s --fold-constant-maps --split-input-file | filecheck %s
// RUN: tinyts-opt %s --check-passes --fold-constant-maps --split-tensors --split-input-file | filecheck %s --check-prefix=SPLIT


!q = !quant.uniform<i8:f32, 0.5:-128>
!w = !quant.uniform<i8:f32, 0.5>
!b = !quant.uniform<i32:f32, 0.25>

// An attention whose weights are dead: nothing of the branch is left but a constant. It has 4 elements; the map behind it
// has 64, and depends on the input.
// CHECK-LABEL: func.func @main
// CHECK: %[[CONSTANT:.*]] = tinyts.constant dense<{{.*}}> : tensor<1x1x1x4xi8>
// CHECK: tinyts.load %[[CONSTANT]]
// CHECK-NOT: fully_connected
// CHECK: tinyts.mul
// SPLIT: tinyts.load
func.func @main(%x: tensor<1x4x4x4x!q>) -> tensor<1x4x4x4x!q> {
  %w = tinyts.constant dense<0> : tensor<4x4xi8> as !w
  %b = tinyts.constant dense<[0, 40, 24, 16]> : tensor<4xi32> as !b
  %0 = tinyts.average_pool_2d %x {window = [4, 4]} : tensor<1x1x1x4x!q>
  %1 = tinyts.fully_connected %0, %w, %b : tensor<1x1x1x4x!q>
  %2 = tinyts.relu6 %1 : tensor<1x1x1x4x!q>
  %3 = tinyts.mul %x, %2 : tensor<1x4x4x4x!q>
  func.return %3 : tensor<1x4x4x4x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-128>
!w = !quant.uniform<i8:f32, 0.5>

// A map of 1,024 bytes is not kept in flash for weights of 4.
// CHECK-LABEL: func.func @large
// CHECK: tinyts.conv_2d
func.func @large(%x: tensor<1x16x16x1x!q>) -> tensor<1x16x16x4x!q> {
  %w = tinyts.constant dense<0> : tensor<4x1x1x1xi8> as !w
  %0 = tinyts.conv_2d %x, %w : tensor<1x16x16x4x!q>
  func.return %0 : tensor<1x16x16x4x!q>
}
