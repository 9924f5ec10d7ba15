// RUN: tinyts-opt %s --split-input-file --plan-arena | filecheck %s
// RUN: tinyts-opt %s --split-input-file --schedule-bands=input=arena --plan-arena | filecheck %s --check-prefix=WHOLE
// RUN: tinyts-opt %s --split-input-file --plan-arena --lower-to-runtime | filecheck %s --check-prefix=RUNTIME
// RUN: tinyts-opt %s --split-input-file --plan-arena --lower-to-runtime | tinyts-opt --split-input-file | filecheck %s --check-prefix=RUNTIME

!q = !quant.uniform<i8:f32, 0.5:-1>

// Next to the arena's size stands what no arena for this order, and what no order, can be below. A layer by itself has
// no choice: both are the bytes of its operand and its result.
// CHECK: func.func @layer
// CHECK-SAME: attributes {tinyts.arena_bytes = 16 : i64, tinyts.peak_bytes = 14 : i64, tinyts.bound_bytes = 14 : i64}
// WHOLE: func.func @layer
// WHOLE-SAME: tinyts.whole_input
// WHOLE-SAME: tinyts.bound_bytes = 14 : i64
// RUNTIME: tinyrt.program @layer {arena_bytes = 16, peak_bytes = 14, bound_bytes = 14} {
func.func @layer(%x: tensor<7x!q>) -> tensor<7x!q> {
  %a = tinyts.receive %x : tensor<7x!q>
  %b = tinyts.concatenation %a {axis = 0} : tensor<7x!q>
  func.return %b : tensor<7x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// Received all at once, three rows of 10 bytes wait for a sum of 8 bytes that could take them as they come. Where the
// whole input has to come first, there is nothing to save.
// CHECK: func.func @rows
// CHECK-SAME: tinyts.arena_bytes = 48 : i64, tinyts.peak_bytes = 38 : i64, tinyts.bound_bytes = 18 : i64
// WHOLE: func.func @rows
// WHOLE-SAME: tinyts.peak_bytes = 38 : i64, tinyts.bound_bytes = 38 : i64
// RUNTIME: tinyrt.program @rows {arena_bytes = 48, peak_bytes = 38, bound_bytes = 18} {
func.func @rows(%x: tensor<1x3x5x2x!q>) -> tensor<1x1x1x2x!q> {
  %0 = tinyts.receive %x : tensor<1x1x5x2x!q, #tinyts.rows<0:1 of 3>>
  %1 = tinyts.receive %x : tensor<1x1x5x2x!q, #tinyts.rows<1:2 of 3>>
  %2 = tinyts.receive %x : tensor<1x1x5x2x!q, #tinyts.rows<2:3 of 3>>
  %3 = tinyts.sum_rows %0 : tensor<1x1x1x2xi32>
  %4 = tinyts.sum_rows %1, %3 : tensor<1x1x1x2xi32>
  %5 = tinyts.sum_rows %2, %4 : tensor<1x1x1x2xi32>
  %6 = tinyts.mean_of_sums %5 {count = 15} : tensor<1x1x1x2x!q>
  func.return %6 : tensor<1x1x1x2x!q>
}
