// RUN: tinyts-opt %s --prune-channels | filecheck %s
// RUN: tinyts-opt %s --prune-channels=off | filecheck %s --check-prefix=OFF
// RUN: tinyts-opt %s --prune-channels=multiple=1 | filecheck %s --check-prefix=SINGLE
// RUN: tinyts-opt %s --check-passes --prune-channels --split-tensors | filecheck %s --check-prefix=SPLIT
// RUN: not tinyts-opt %s --prune-channels=multiple=0 2>&1 | filecheck %s --check-prefix=BAD
// RUN: not tinyts-opt %s --split-tensors=rows=1 --prune-channels 2>&1 | filecheck %s --check-prefix=LATE

// BAD: error: prune-channels: expected a multiple of at least 1, got 0
// LATE: error: prune-channels: expected whole tensors; run it before split-tensors

!q = !quant.uniform<i8:f32, 0.5:-128>
!w = !quant.uniform<i8:f32, 0.5>
!b = !quant.uniform<i32:f32, 0.25>

// Channels 1 and 3 of %0 are always 20 and 12 steps above 0: the second layer adds 2 * 20 + 4 * 12 to its bias instead.
// What is left is recorded: channels, those that were constant, those that nobody reads, MACs, bytes of constants.
// CHECK: func.func @main
// CHECK-SAME: tinyts.pruned_layers = {{\[\[}}"tinyts.conv_2d", array<i64: 4, 2, 0, 8, 10>], ["tinyts.conv_2d", array<i64: 1, 0, 0, 8, -2>]]
// CHECK: tinyts.constant dense<{{.*}}64{{.*}}32{{.*}}> : tensor<2x1x1x1xi8>
// CHECK: tensor<1x2x2x2x
// CHECK: tinyts.constant dense<{{.*}}1, 3{{.*}}> : tensor<1x1x1x2xi8>
// CHECK: tinyts.constant dense<88> : tensor<1xi32>
// CHECK: tensor<1x2x2x1x
// OFF: tinyts.conv_2d
// OFF-SAME: tensor<1x2x2x4x
// SINGLE: tensor<1x2x2x2x
// SPLIT: tensor<1x1x2x2x
func.func @main(%x: tensor<1x2x2x1x!q>) -> tensor<1x2x2x1x!q> {
  %w = tinyts.constant dense<[[[[64]]], [[[0]]], [[[32]]], [[[0]]]]> : tensor<4x1x1x1xi8> as !w
  %b = tinyts.constant dense<[0, 40, 0, 24]> : tensor<4xi32> as !b
  %v = tinyts.constant dense<[[[[1, 2, 3, 4]]]]> : tensor<1x1x1x4xi8> as !w
  %0 = tinyts.conv_2d %x, %w, %b {activation = relu} : tensor<1x2x2x4x!q>
  %1 = tinyts.conv_2d %0, %v : tensor<1x2x2x1x!q>
  func.return %1 : tensor<1x2x2x1x!q>
}
