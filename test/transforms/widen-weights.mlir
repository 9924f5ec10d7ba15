// RUN: tinyts-opt %s --widen-weights=flash=1000 | filecheck %s
// RUN: tinyts-opt %s --widen-weights=flash=300 | filecheck %s --check-prefix=SOME
// RUN: tinyts-opt %s --widen-weights | filecheck %s --check-prefix=NONE
// RUN: not tinyts-opt %s --widen-weights=flash=-1 2>&1 | filecheck %s --check-prefix=BAD

// RUN: not tinyts-opt %s --split-tensors=rows=2 --widen-weights 2>&1 | filecheck %s --check-prefix=LATE

// LATE: error: widen-weights: expected whole tensors; run it before split-tensors
// BAD: error: widen-weights: expected a number of bytes of flash, 0 or more, got -1

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>

// The layer with the larger map first; none whose weights are read for a few pixels only.
// CHECK: func.func @layers
// CHECK: tinyts.conv_2d %x, %w1 {weight_bits = 16}
// CHECK: tinyts.conv_2d %a, %w2 {weight_bits = 16, stride = [2, 2]}
// CHECK: tinyts.conv_2d %b, %w2 {stride = [2, 2]} :
// SOME: tinyts.conv_2d %x, %w1 {weight_bits = 16}
// SOME: tinyts.conv_2d %a, %w2 {stride = [2, 2]} :
// NONE-NOT: weight_bits
func.func @layers(%x: tensor<1x8x8x16x!q>) -> tensor<1x2x2x16x!q> {
  %w1 = tinyts.constant dense<1> : tensor<16x1x1x16xi8> as !w
  %w2 = tinyts.constant dense<2> : tensor<16x1x1x16xi8> as !w
  %a = tinyts.conv_2d %x, %w1 : tensor<1x8x8x16x!q>
  %b = tinyts.conv_2d %a, %w2 {stride = [2, 2]} : tensor<1x4x4x16x!q>
  %c = tinyts.conv_2d %b, %w2 {stride = [2, 2]} : tensor<1x2x2x16x!q>
  func.return %c : tensor<1x2x2x16x!q>
}
