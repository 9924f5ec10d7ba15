// Pointwise, depthwise and pointwise convolution become one op, where that brings the peak down; what cannot be is refused.
// RUN: tinyts-opt %s --fuse-blocks=blocks=0,rows=2,columns=3 --elide-constants=always | filecheck %s
// RUN: tinyts-opt %s --fuse-blocks=most=50 --elide-constants=always | filecheck %s --check-prefix=SEARCHED
// RUN: tinyts-opt %s --fuse-blocks=most=0 --elide-constants=always | filecheck %s --check-prefix=KEEPS
// RUN: tinyts-opt %s --check-passes --fuse-blocks=blocks=0,keep --split-tensors --emit-c > %t.c
// RUN: tinyts-opt %s --fuse-blocks=blocks=0,keep | tinyts-opt --split-tensors | filecheck %s --check-prefix=KEPT
// RUN: tinyts-opt %s --check-passes --fuse-blocks=blocks=0 --split-tensors --emit-c > %t.c
// RUN: tinyts-opt %s --fuse-blocks=blocks=0 | tinyts-opt --split-tensors | filecheck %s --check-prefix=BANDS
// RUN: %exits 1 tinyts-opt %s --fuse-blocks=blocks=1 2>&1 | filecheck %s --check-prefix=MANY
// RUN: %exits 1 tinyts-opt %s --fuse-blocks=blocks=0,1 2>&1 | filecheck %s --check-prefix=MANY
// RUN: %exits 1 tinyts-opt %s --fuse-blocks=keep 2>&1 | filecheck %s --check-prefix=CHOSEN
// RUN: %exits 1 tinyts-opt %s --max-slowdown 0% 2>&1 | filecheck %s --check-prefix=SLOWER
// RUN: %exits 1 tinyts-opt %s --fuse-blocks=most=-1 2>&1 | filecheck %s --check-prefix=LESS
// RUN: %exits 1 tinyts-opt %s --split-tensors --fuse-blocks 2>&1 | filecheck %s --check-prefix=LATE

// CHECK: = tinyts.fused_block %{{.*}} {expanded = tensor<1x8x8x16x{{.*}}>, filtered = tensor<1x8x8x16x{{.*}}>, padding = [1, 1, 1, 1], tile_columns = 3, least_rows = 2} : tensor<1x8x8x2x
// CHECK-NOT: tinyts.depthwise_conv_2d
// SEARCHED: tinyts.fused_block
// KEEPS: tinyts.fused_block %{{.*}}, [], {{.*}}keeps_rows = 1
// KEPT: %[[ROW:.*]], %[[KEPT:.*]] = tinyts.fused_block [%{{.*}}, %{{.*}}], [], {{.*}}#tinyts.rows<0:1 of 8>>, tensor<65xi32>)
// KEPT-NEXT: %{{.*}}, %{{.*}} = tinyts.fused_block %{{.*}}, %[[KEPT]], {{.*}}#tinyts.rows<1:2 of 8>>, tensor<65xi32>)
// BANDS: tinyts.fused_block [%{{.*}}, %{{.*}}, %{{.*}}], {{.*}}, #tinyts.rows<3:4 of 8>>
// MANY: error: fuse-blocks: expected blocks below 1, as many as there are, got 1
// CHOSEN: error: fuse-blocks: expected rows, columns and keep with blocks only: else they are chosen
// SLOWER: error: --max-slowdown: expected --emit-c as well
// LESS: error: fuse-blocks: expected a percentage of multiplications, got most=-1
// LATE: error: fuse-blocks: expected whole tensors; run it before split-tensors

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.25>
!b = !quant.uniform<i32:f32, 0.125>
func.func @main(%x: tensor<1x8x8x2x!q>) -> tensor<1x8x8x2x!q> {
  %fe = tinyts.constant dense<1> : tensor<16x1x1x2xi8> as !w
  %fd = tinyts.constant dense<1> : tensor<1x3x3x16xi8> as !w
  %fp = tinyts.constant dense<1> : tensor<2x1x1x16xi8> as !w
  %b = tinyts.constant dense<3> : tensor<16xi32> as !b
  %c = tinyts.constant dense<-4> : tensor<2xi32> as !b
  %e = tinyts.conv_2d %x, %fe, %b : tensor<1x8x8x16x!q>
  %d = tinyts.depthwise_conv_2d %e, %fd, %b {padding = [1, 1, 1, 1]} : tensor<1x8x8x16x!q>
  %p = tinyts.conv_2d %d, %fp, %c : tensor<1x8x8x2x!q>
  func.return %p : tensor<1x8x8x2x!q>
}
