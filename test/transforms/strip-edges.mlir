// RUN: tinyts-opt %s --strip-edges --split-input-file | filecheck %s
// RUN: tinyts-opt %s --strip-edges --split-tensors --split-input-file --check-passes | filecheck %s --check-prefix=SPLIT

!q = !quant.uniform<i8:f32, 0.5:-1>
!u = !quant.uniform<u8:f32, 0.5:127>
!p = !quant.uniform<i8:f32, 0.25:3>

// SPLIT: @edges(%{{.*}}: tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5:-1>>)
// CHECK-LABEL: @edges
// CHECK-SAME: (%[[X:.*]]: tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5:-1>>) -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5:-1>>
// CHECK-NEXT: %[[A:.*]] = tinyts.leaky_relu %[[X]]
// CHECK-NEXT: func.return %[[A]]
func.func @edges(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32> {
  %0 = tinyts.quantize %x : tensor<1x4x4x2x!q>
  %1 = tinyts.leaky_relu %0 {alpha = 0.5} : tensor<1x4x4x2x!q>
  %2 = tinyts.dequantize %1 : tensor<1x4x4x2xf32>
  func.return %2 : tensor<1x4x4x2xf32>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>
!u = !quant.uniform<u8:f32, 0.5:127>

// Bytes without a sign go, too; what is int8 already stays as it is.
// CHECK-LABEL: @unsigned
// CHECK-SAME: (%[[X:.*]]: tensor<1x4x!quant.uniform<i8:f32, 0.5:-1>>, %[[Y:.*]]: tensor<1x4x!quant.uniform<i8:f32, 0.5:-1>>)
// CHECK-NEXT: func.return %[[X]], %[[Y]] : tensor<1x4x!quant.uniform<i8:f32, 0.5:-1>>, tensor<1x4x!quant.uniform<i8:f32, 0.5:-1>>
func.func @unsigned(%x: tensor<1x4x!u>, %y: tensor<1x4x!q>) -> (tensor<1x4x!u>, tensor<1x4x!q>) {
  %0 = tinyts.quantize %x : tensor<1x4x!q>
  %1 = tinyts.quantize %0 : tensor<1x4x!u>
  func.return %1, %y : tensor<1x4x!u>, tensor<1x4x!q>
}
