// RUN: rm -rf %t && tinyts-opt %s --split-tensors --io int8 --emit-c --name net -o %t/
// RUN: filecheck %s --input-file %t/net.h
// RUN: tinyts-opt %s --split-tensors --io int8 --emit-c --emit-project cmake --name net -o %t/project/
// RUN: tinyts-opt %s -t tflite -o %t/net.tflite
// RUN: tinyts-run %t/net.tflite --split-tensors --io int8 --check --inputs 2 | filecheck %s --check-prefix=RAN
// RUN: tinyts-run %t/net.tflite --split-tensors --check --inputs 2 | filecheck %s --check-prefix=RAN
// RUN: tinyts-run %t/net.tflite --split-tensors=rows=1 --check --inputs 2 | filecheck %s --check-prefix=RAN
// RUN: %exits 1 tinyts-opt %s --io float --emit-c 2>&1 | filecheck %s --check-prefix=TYPES

// CHECK: #define NET_INPUT0_SCALE 0.5f
// CHECK: net_invoke(net_context *context, const int8_t *input, int8_t *output);
// RAN: bit exact     yes
// TYPES: tinyts-opt: error: --io: expected model or int8, got 'float'

!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32> {
  %0 = tinyts.quantize %x : tensor<1x4x4x2x!q>
  %1 = tinyts.leaky_relu %0 {alpha = 0.5} : tensor<1x4x4x2x!q>
  %2 = tinyts.dequantize %1 : tensor<1x4x4x2xf32>
  func.return %2 : tensor<1x4x4x2xf32>
}
