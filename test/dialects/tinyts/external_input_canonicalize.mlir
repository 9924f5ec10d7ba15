// RUN: tinyts-opt %s --canonicalize --split-input-file | filecheck %s

!q = !quant.uniform<i8:f32, 0.5:-1>

// A pad that adds nothing goes; what is then an input as it is must be received, because outputs lie in the arena.
// CHECK-LABEL: @returned
func.func @returned(%a: tensor<1x2x2x1x!q>) -> tensor<1x2x2x1x!q> {
  // CHECK-NEXT: %[[A:.*]] = tinyts.receive %a
  // CHECK-NEXT: func.return %[[A]]
  %b = tinyts.external_input %a : tensor<1x2x2x1x!q>
  %c = tinyts.pad %b : tensor<1x2x2x1x!q>
  func.return %c : tensor<1x2x2x1x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// An input that nothing reads stays: the function has it.
// CHECK-LABEL: @unread
func.func @unread(%a: tensor<8x!q>) {
  // CHECK-NEXT: tinyts.external_input %a
  %b = tinyts.external_input %a : tensor<8x!q>
  func.return
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// A reshaped input is read in that shape, and in its own where something reads it so.
// CHECK-LABEL: @reshaped
func.func @reshaped(%a: tensor<8x!q>) -> (tensor<1x4x2x1x!q>, tensor<8x!q>) {
  // CHECK-NEXT: %[[B:.*]] = tinyts.external_input %a : tensor<8x!
  // CHECK-NEXT: %[[C:.*]] = tinyts.external_input %a : tensor<1x4x2x1x!
  // CHECK-NEXT: tinyts.leaky_relu %[[C]]
  // CHECK-NEXT: tinyts.leaky_relu %[[B]]
  %b = tinyts.external_input %a : tensor<8x!q>
  %c = tinyts.reshape %b : tensor<1x4x2x1x!q>
  %d = tinyts.leaky_relu %c {alpha = 0.5} : tensor<1x4x2x1x!q>
  %e = tinyts.leaky_relu %b {alpha = 0.5} : tensor<8x!q>
  func.return %d, %e : tensor<1x4x2x1x!q>, tensor<8x!q>
}
