// RUN: tinyts-opt %s --split-input-file --canonicalize | filecheck %s

!q = !quant.uniform<i8:f32, 0.5:-1>
!r = !quant.uniform<i8:f32, 0.25>

// A pad that adds nothing goes, one that changes anything stays.
// CHECK-LABEL: @pads
func.func @pads(%x: tensor<1x4x4x2x!q>) -> (tensor<1x4x4x2x!q>, tensor<1x4x4x2x!r>, tensor<1x5x4x2x!q>) {
  // CHECK-NEXT: %b = tinyts.pad %x : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.25>>
  // CHECK-NEXT: %c = tinyts.pad %x {padding = [1, 0, 0, 0]}
  // CHECK-NEXT: func.return %x, %b, %c
  %a = tinyts.pad %x : tensor<1x4x4x2x!q>
  %b = tinyts.pad %x : tensor<1x4x4x2x!r>
  %c = tinyts.pad %x {padding = [1, 0, 0, 0]} : tensor<1x5x4x2x!q>
  func.return %a, %b, %c : tensor<1x4x4x2x!q>, tensor<1x4x4x2x!r>, tensor<1x5x4x2x!q>
}

// CHECK-LABEL: @trivial_reshape
func.func @trivial_reshape(%x: tensor<8x!q>) -> tensor<8x!q> {
  // CHECK-NEXT: func.return %x
  %y = tinyts.reshape %x : tensor<8x!q>
  func.return %y : tensor<8x!q>
}

// Only the last of a chain of reshapes counts; where it leads back, none is left.
// CHECK-LABEL: @chain
func.func @chain(%x: tensor<8x!q>) -> (tensor<4x2x!r>, tensor<8x!q>) {
  // CHECK-NEXT: %[[C:.*]] = tinyts.reshape %x : tensor<4x2x!quant.uniform<i8:f32, 0.25>>
  // CHECK-NEXT: func.return %[[C]], %x
  %a = tinyts.reshape %x : tensor<2x4x!q>
  %b = tinyts.reshape %a : tensor<1x8x!r>
  %c = tinyts.reshape %b : tensor<4x2x!r>
  %d = tinyts.reshape %b : tensor<8x!q>
  func.return %c, %d : tensor<4x2x!r>, tensor<8x!q>
}

// What is only reshaped is received in that shape, so that its rows can come one by one.
// CHECK-LABEL: @receive_reshaped
func.func @receive_reshaped(%x: tensor<8x!q>) -> tensor<1x4x2x1x!q> {
  // CHECK-NEXT: %[[Y:.*]] = tinyts.receive %x : tensor<1x4x2x1x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-NEXT: func.return %[[Y]]
  %a = tinyts.receive %x : tensor<8x!q>
  %y = tinyts.reshape %a : tensor<1x4x2x1x!q>
  func.return %y : tensor<1x4x2x1x!q>
}

// An input that something reads as it is stays as it is.
// CHECK-LABEL: @receive_read_twice
func.func @receive_read_twice(%x: tensor<8x!q>) -> (tensor<8x!q>, tensor<1x4x2x1x!q>) {
  // CHECK-NEXT: %a = tinyts.receive %x : tensor<8x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-NEXT: %y = tinyts.reshape %a : tensor<1x4x2x1x!quant.uniform<i8:f32, 0.5:-1>>
  %a = tinyts.receive %x : tensor<8x!q>
  %y = tinyts.reshape %a : tensor<1x4x2x1x!q>
  func.return %a, %y : tensor<8x!q>, tensor<1x4x2x1x!q>
}

// What nothing reads goes, but for inputs: the application brings them.
// CHECK-LABEL: @dead
func.func @dead(%x: tensor<8x!q>) {
  // CHECK-NEXT: %a = tinyts.receive %x
  // CHECK-NEXT: func.return
  %a = tinyts.receive %x : tensor<8x!q>
  %y = tinyts.leaky_relu %a {alpha = 0.5} : tensor<8x!q>
  func.return
}
