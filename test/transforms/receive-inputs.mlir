// RUN: tinyts-opt %s --receive-inputs | filecheck %s
// Twice is as good as once.
// RUN: tinyts-opt %s --receive-inputs --receive-inputs | filecheck %s
// RUN: %exits 1 tinyts-opt %s --receive-inputs=input=flash 2>&1 | filecheck %s --check-prefix=UNKNOWN

// UNKNOWN: tinyts-opt: error: receive-inputs: expected input=arena|external, got 'flash'

!q = !quant.uniform<i8:f32, 0.5:-1>

// Every argument is received in front of everything, once however often it is read, and even if nothing reads it.
// CHECK-LABEL: @main
func.func @main(%a: tensor<1x2x2x1x!q>, %b: tensor<4x!q>, %c: tensor<4x!q>) -> (tensor<1x2x2x1x!q>, tensor<4x!q>) {
  // CHECK-NEXT: %[[A:.*]] = tinyts.receive %a : tensor<1x2x2x1x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-NEXT: %[[B:.*]] = tinyts.receive %b : tensor<4x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-NEXT: tinyts.receive %c : tensor<4x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-NEXT: %y = tinyts.add %[[A]], %[[A]]
  // CHECK-NEXT: func.return %y, %[[B]]
  %y = tinyts.add %a, %a : tensor<1x2x2x1x!q>
  func.return %y, %b : tensor<1x2x2x1x!q>, tensor<4x!q>
}

// What is received already stays.
// CHECK-LABEL: @received
func.func @received(%a: tensor<4x!q>) -> tensor<1x2x2x1x!q> {
  // CHECK-NEXT: %x = tinyts.receive %a : tensor<1x2x2x1x
  // CHECK-NEXT: func.return %x
  %x = tinyts.receive %a : tensor<1x2x2x1x!q>
  func.return %x : tensor<1x2x2x1x!q>
}

// CHECK-LABEL: @declared
func.func private @declared(tensor<4x!q>) -> tensor<4x!q>
