// RUN: rm -rf %t && tinyts-opt %s --split-tensors --emit-c --name net -o %t/
// RUN: filecheck %s --input-file %t/net.h
// RUN: tinyts-opt %s --split-tensors=rows=1 | filecheck %s --check-prefix=BANDS
// RUN: tinyts-opt %s -t tflite -o %t/net.tflite
// RUN: tinyts-run %t/net.tflite --split-tensors --check --inputs 2 | filecheck %s --check-prefix=RAN
// RUN: tinyts-run %t/net.tflite --split-tensors --io int8 --check --inputs 2 --feed 3 | filecheck %s --check-prefix=RAN
// RUN: tinyts-opt %t/net.tflite --split-tensors --io int8 --emit-c --name net -o %t/int8/
// RUN: filecheck %s --input-file %t/int8/net.h --check-prefix=INT8
// RUN: %exits 1 tinyts-opt %s --split-tensors --emit-c --emit-project cmake --name net -o %t/project/ 2>&1 | filecheck %s --check-prefix=PROJECT

// CHECK: #define NET_OUTPUT0_BYTES 80u
// CHECK: #define NET_OUTPUT1_BYTES 8u
// CHECK: /* Integers that stand for themselves, such as indices: output 0, 1. */
// CHECK: net_invoke(net_context *context, const float *input, int32_t *output0, int64_t *output1);
// CHECK: const int32_t *net_output_output0(const net_context *context);
// CHECK: const int64_t *net_output_output1(const net_context *context);
// BANDS: tinyts.arg_max {{.*}} {axis = 3} : tensor<1x1x4x1xi32, #tinyts.rows<4:5 of 5>>
// RAN: bit exact     yes, {{.*}} output bytes
// INT8: net_invoke(net_context *context, const int8_t *input, int32_t *
// PROJECT: --emit-project: the applications have one input and one output

!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x5x4x6xf32>) -> (tensor<1x5x4xi32>, tensor<1xi64>) {
  %0 = tinyts.quantize %x : tensor<1x5x4x6x!q>
  %1 = tinyts.leaky_relu %0 {alpha = 0.5} : tensor<1x5x4x6x!q>
  %2 = tinyts.arg_max %1 {axis = 3} : tensor<1x5x4x1xi32>
  %3 = tinyts.reshape %2 : tensor<1x5x4xi32>
  %4 = tinyts.reshape %1 : tensor<120x!q>
  %5 = tinyts.arg_min %4 {axis = 0} : tensor<1xi64>
  func.return %3, %5 : tensor<1x5x4xi32>, tensor<1xi64>
}
