// RUN: tinyts-opt %s | tinyts-opt | filecheck %s
// RUN: tinyts-opt %s --print-op-generic | tinyts-opt | filecheck %s

// A flat input can be read as a map, and as itself beside it.
// CHECK-LABEL: @main
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<1x1x2x1x!q, #tinyts.rows<1:2 of 4>> {
  // CHECK-NEXT: %a = tinyts.external_input %x : tensor<8x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-NEXT: %b = tinyts.external_input %x : tensor<1x4x2x1x!quant.uniform<i8:f32, 0.5:-1>>
  %a = tinyts.external_input %x : tensor<8x!q>
  %b = tinyts.external_input %x : tensor<1x4x2x1x!q>
  // A band reads what it needs of the whole.
  // CHECK-NEXT: %c = tinyts.leaky_relu %b {alpha = 0.5} : tensor<1x1x2x1x{{.*}}, #tinyts.rows<1:2 of 4>>
  %c = tinyts.leaky_relu %b {alpha = 0.5} : tensor<1x1x2x1x!q, #tinyts.rows<1:2 of 4>>
  func.return %c : tensor<1x1x2x1x!q, #tinyts.rows<1:2 of 4>>
}
