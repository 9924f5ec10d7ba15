// RUN: tinyts-opt %s --split-input-file --receive-inputs=input=external | filecheck %s
// Twice is as good as once, and canonicalization finds nothing more to do.
// RUN: tinyts-opt %s --split-input-file --receive-inputs=input=external --receive-inputs=input=external --canonicalize | filecheck %s
// What is received already is read in place all the same.
// RUN: tinyts-opt %s --split-input-file --receive-inputs --receive-inputs=input=external | filecheck %s

!q = !quant.uniform<i8:f32, 0.5:-1>

// Every argument is read in place, even one that nothing reads: the function has it.
// CHECK-LABEL: @main
func.func @main(%a: tensor<1x2x2x1x!q>, %b: tensor<4x!q>) -> tensor<1x2x2x1x!q> {
  // CHECK-NEXT: %[[A:.*]] = tinyts.external_input %a : tensor<1x2x2x1x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-NEXT: tinyts.external_input %b : tensor<4x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-NEXT: %y = tinyts.add %[[A]], %[[A]]
  // CHECK-NEXT: func.return %y
  %y = tinyts.add %a, %a : tensor<1x2x2x1x!q>
  func.return %y : tensor<1x2x2x1x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>
!r = !quant.uniform<i8:f32, 0.25>
!p = !quant.uniform<i8:f32, 0.00390625:-128>

// A reshaped input is read in that shape, beside others: both are the same bytes.
// CHECK-LABEL: @reshaped
func.func @reshaped(%a: tensor<8x!q>) -> (tensor<1x4x2x1x!q>, tensor<1x8x!p>) {
  // CHECK-DAG: %[[MAP:.*]] = tinyts.external_input %a : tensor<1x4x2x1x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-DAG: %[[ROW:.*]] = tinyts.external_input %a : tensor<1x8x!quant.uniform<i8:f32, 0.25>>
  // CHECK: tinyts.leaky_relu %[[MAP]]
  // CHECK: tinyts.softmax %[[ROW]]
  %b = tinyts.reshape %a : tensor<2x4x!q>
  %c = tinyts.reshape %b : tensor<1x4x2x1x!q>
  %d = tinyts.reshape %b : tensor<1x8x!r>
  %e = tinyts.leaky_relu %c {alpha = 0.5} : tensor<1x4x2x1x!q>
  %f = tinyts.softmax %d : tensor<1x8x!p>
  func.return %e, %f : tensor<1x4x2x1x!q>, tensor<1x8x!p>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>
!p = !quant.uniform<i8:f32, 0.00390625:-128>

// What is returned is received, once: outputs lie in the arena. Others read in place what it has been received from.
// CHECK-LABEL: @returned
func.func @returned(%a: tensor<8x!q>) -> (tensor<8x!q>, tensor<8x!q>, tensor<2x4x!q>, tensor<1x8x!p>) {
  // CHECK-NEXT: %[[A:.*]] = tinyts.receive %a : tensor<8x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-NEXT: %[[B:.*]] = tinyts.reshape %[[A]] : tensor<2x4x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-NEXT: %[[C:.*]] = tinyts.external_input %a : tensor<1x8x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-NEXT: %[[D:.*]] = tinyts.softmax %[[C]]
  // CHECK-NEXT: func.return %[[A]], %[[A]], %[[B]], %[[D]]
  %b = tinyts.reshape %a : tensor<2x4x!q>
  %c = tinyts.reshape %a : tensor<1x8x!q>
  %d = tinyts.softmax %c : tensor<1x8x!p>
  func.return %a, %a, %b, %d : tensor<8x!q>, tensor<8x!q>, tensor<2x4x!q>, tensor<1x8x!p>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// CHECK-LABEL: @only_returned
func.func @only_returned(%a: tensor<8x!q>) -> tensor<2x4x!q> {
  // CHECK-NEXT: %[[COPY:.*]] = tinyts.receive %a : tensor<2x4x
  // CHECK-NEXT: func.return %[[COPY]]
  %b = tinyts.reshape %a : tensor<2x4x!q>
  func.return %b : tensor<2x4x!q>
}
