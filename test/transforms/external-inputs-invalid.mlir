// RUN: tinyts-opt %s --receive-inputs=input=external --verify-diagnostics --split-input-file | filecheck %s --check-prefix=RECEIVE
// RUN: tinyts-opt %s --plan-arena --verify-diagnostics --split-input-file | filecheck %s --check-prefix=PLAN
// RUN: tinyts-opt %s --schedule-bands --verify-diagnostics --split-input-file | filecheck %s --check-prefix=SCHEDULE
// RUN: %exits 1 tinyts-opt %s --split-input-file --receive-inputs=input=flash 2>&1 | filecheck %s --check-prefix=CHOICE

// CHOICE: tinyts-opt: error: receive-inputs: expected input=arena|external, got 'flash'

// Rows that arrive one by one cannot lie in one place.
// RECEIVE: error: receive-inputs: expected whole inputs to read in place, got rows: input=external comes before split-tensors
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x2x2x1x!q>) -> tensor<1x1x2x1x!q, #tinyts.rows<0:1 of 2>> {
  %a = tinyts.receive %x : tensor<1x1x2x1x!q, #tinyts.rows<0:1 of 2>>
  %b = tinyts.receive %x : tensor<1x1x2x1x!q, #tinyts.rows<1:2 of 2>>
  %c = tinyts.leaky_relu %a {alpha = 0.5} : tensor<1x1x2x1x!q, #tinyts.rows<0:1 of 2>>
  %d = tinyts.leaky_relu %b {alpha = 0.5} : tensor<1x1x2x1x!q, #tinyts.rows<1:2 of 2>>
  func.return %c : tensor<1x1x2x1x!q, #tinyts.rows<0:1 of 2>>
}
// -----
// Outputs lie in the arena.
// PLAN: error: plan-arena: func.return reads an external input as it is; run canonicalize first
// SCHEDULE: error: schedule-bands: func.return reads an external input as it is; run canonicalize first
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> {
  %a = tinyts.external_input %x : tensor<8x!q>
  func.return %a : tensor<8x!q>
}
// -----
// PLAN: error: plan-arena: tinyts.reshape reads an external input as it is; run canonicalize first
!q = !quant.uniform<i8:f32, 0.5:-1>
!p = !quant.uniform<i8:f32, 0.00390625:-128>
func.func @main(%x: tensor<8x!q>) -> tensor<1x8x!p> {
  %a = tinyts.external_input %x : tensor<8x!q>
  %b = tinyts.reshape %a : tensor<1x8x!q>
  %c = tinyts.softmax %b : tensor<1x8x!p>
  func.return %c : tensor<1x8x!p>
}
