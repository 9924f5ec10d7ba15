// RUN: tinyts-opt %s | tinyts-opt - | filecheck %s
// RUN: tinyts-opt %s --check-passes --split-tensors --stream-reductions --schedule-bands --plan-arena --verify-plan --lower-to-runtime | filecheck %s --check-prefix=PROGRAM
// RUN: tinyts-opt %s --check-passes --receive-inputs=input=external --canonicalize --schedule-bands --plan-arena --verify-plan --lower-to-runtime | filecheck %s --check-prefix=PROGRAM

// PROGRAM: tinyrt.program @main {arena_bytes = {{[0-9]+}}, state_bytes = 52
// PROGRAM: tinyrt.state {state = "last/steps", offset = 0, bytes = 20, value = -3}
// PROGRAM-NEXT: tinyrt.state {state = words, offset = 20, bytes = 18, initial = dense
// PROGRAM-NEXT: tinyrt.state {state = previous, offset = 40, bytes = 12, value = -3}

// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<1x3x2x2x!quant.uniform<i8:f32, 0.5:-3>>) -> (tensor<1x5x2x2x!quant.uniform<i8:f32, 0.5:-3>>, tensor<1x3x2x2x!quant.uniform<i8:f32, 0.5:-3>>) {
  // CHECK: %steps = tinyts.state {state = "last/steps"} : tensor<1x5x2x2x!quant.uniform<i8:f32, 0.5:-3>>
  %steps = tinyts.state {state = "last/steps"} : tensor<1x5x2x2x!quant.uniform<i8:f32, 0.5:-3>>
  // CHECK: %words = tinyts.state {state = words, initial = dense<[1, -2, 3, -4, 500, 6, 7, 8, 9]> : tensor<9xi16>} : tensor<9x!quant.uniform<i16:f32, 0.25>>
  %words = tinyts.state {state = words, initial = dense<[1, -2, 3, -4, 500, 6, 7, 8, 9]> : tensor<9xi16>} : tensor<9x!quant.uniform<i16:f32, 0.25>>
  %before = tinyts.read_state %words : tensor<9x!quant.uniform<i16:f32, 0.25>>
  %w = tinyts.assign_state %before, %words : tensor<9x!quant.uniform<i16:f32, 0.25>>
  // CHECK: %now = tinyts.shift_state %x, %steps : tensor<1x5x2x2x!quant.uniform<i8:f32, 0.5:-3>>
  %now = tinyts.shift_state %x, %steps : tensor<1x5x2x2x!quant.uniform<i8:f32, 0.5:-3>>
  %r = tinyts.relu6 %now : tensor<1x5x2x2x!quant.uniform<i8:f32, 0.5:-3>>
  // What the state held is read behind the op that assigns it: the schedule has the reader first.
  %previous = tinyts.state {state = previous} : tensor<1x3x2x2x!quant.uniform<i8:f32, 0.5:-3>>
  %n = tinyts.assign_state %x, %previous : tensor<1x3x2x2x!quant.uniform<i8:f32, 0.5:-3>>
  %old = tinyts.read_state %previous : tensor<1x3x2x2x!quant.uniform<i8:f32, 0.5:-3>>
  %y = tinyts.add %old, %x : tensor<1x3x2x2x!quant.uniform<i8:f32, 0.5:-3>>
  func.return %r, %y : tensor<1x5x2x2x!quant.uniform<i8:f32, 0.5:-3>>, tensor<1x3x2x2x!quant.uniform<i8:f32, 0.5:-3>>
}
