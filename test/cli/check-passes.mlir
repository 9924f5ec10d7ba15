// --check-passes runs the module behind every pass, and says which one changed what it computes.
// RUN: tinyts-opt %s --check-passes --split-tensors=rows=2 --schedule-bands --plan-arena --verify-plan --lower-to-runtime | filecheck %s
// RUN: %exits 1 tinyts-opt %s --check-passes --plan-arena --lower-to-runtime --split-input-file 2>&1 | filecheck %s --check-prefix=FUNCTION

// CHECK: tinyrt.program @main
// FUNCTION: tinyts-opt: error: plan-arena: {{.*}} run receive-inputs first

// A plan that is broken computes something else: verify-plan says so, and so does running it.
// RUN: tinyts-opt %s --receive-inputs --plan-arena > %t.mlir
// RUN: sed -e 's/tinyts.max_pool_2d %y {\(.*\)offsets = \[[0-9]*\]}/tinyts.max_pool_2d %y {\1offsets = [0]}/' -e 's/tinyts.max_pool_2d %x\([_0-9]*\) {\(.*\)offsets = \[[0-9]*\]}/tinyts.max_pool_2d %x\1 {\2offsets = [1]}/' -e 's/tinyts.receive %x {offsets = \[[0-9]*\]}/tinyts.receive %x {offsets = [0]}/' %t.mlir > %t.broken.mlir
// RUN: %exits 1 tinyts-opt %t.broken.mlir --verify-plan 2>&1 | filecheck %s --check-prefix=BROKEN
// RUN: %exits 1 tinyts-opt %t.broken.mlir --lower-to-runtime --check-passes 2>&1 | filecheck %s --check-prefix=DIFFERS

// BROKEN: tinyts-opt: error: verify-plan: step 1 (tinyts.max_pool_2d): byte 1 of an operand was overwritten before it is read
// DIFFERS: tinyts-opt: error: --check-passes: lower-to-runtime changed output 0 on random input 0: element {{[0-9]+}} was {{-?[0-9]+}} and is {{-?[0-9]+}}

!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x8x2x1x!q>) -> (tensor<1x8x2x1x!q>, tensor<1x8x1x1x!q>) {
  %y = tinyts.max_pool_2d %x {window = [2, 1], padding = [1, 0, 0, 0]} : tensor<1x8x2x1x!q>
  %z = tinyts.max_pool_2d %y {window = [1, 2]} : tensor<1x8x1x1x!q>
  func.return %y, %z : tensor<1x8x2x1x!q>, tensor<1x8x1x1x!q>
}
