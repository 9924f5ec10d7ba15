// Standard input is IR or a model, which is known by its identifier; - stands for it.
// RUN: tinyts-opt - --split-tensors < %s | filecheck %s
// RUN: tinyts-opt --split-tensors - < %s | filecheck %s
// RUN: tinyts-opt %s -t tflite -o %t.tflite
// RUN: tinyts-opt - --split-tensors < %t.tflite | filecheck %s
// RUN: tinyts-opt --split-tensors < %t.tflite | filecheck %s
// RUN: tinyts-opt --split-tensors --emit-c - < %t.tflite | filecheck %s --check-prefix=C
// RUN: head -c 100 %t.tflite > %t.short && %exits 1 tinyts-opt - < %t.short 2>&1 | filecheck %s --check-prefix=SHORT

// CHECK: tinyts.leaky_relu {{.*}}<0:1 of 4>>
// C: tinyts_status model_invoke(
// SHORT: tinyts-opt: error: stdin: {{.+}}

!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x4x2x1x!q>) -> tensor<1x4x2x1x!q> {
  %y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x4x2x1x!q>
  func.return %y : tensor<1x4x2x1x!q>
}
