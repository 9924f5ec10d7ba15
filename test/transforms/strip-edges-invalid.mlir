// RUN: tinyts-opt %s --strip-edges --split-input-file --verify-diagnostics | filecheck %s

!q = !quant.uniform<i8:f32, 0.5:-1>
!p = !quant.uniform<i8:f32, 0.25:3>

// CHECK: --io int8: input 0: expected it to be quantized once, and nothing else to read it, got tinyts.quantize, tinyts.quantize
func.func @twice(%x: tensor<1x4xf32>) -> (tensor<1x4x!q>, tensor<1x4x!p>) {
  %0 = tinyts.quantize %x : tensor<1x4x!q>
  %1 = tinyts.quantize %x : tensor<1x4x!p>
  func.return %0, %1 : tensor<1x4x!q>, tensor<1x4x!p>
}

// -----

// CHECK: --io int8: input 0: expected it to be quantized once, and nothing else to read it, got func.return
func.func @through(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  func.return %x : tensor<1x4xf32>
}
