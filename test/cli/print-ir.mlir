// --print-ir-before and --print-ir-after: on standard error, so that the result goes on; large constants are left out.
// RUN: tinyts-opt %s --split-tensors --schedule-bands --print-ir-after=split-tensors 2>&1 >%t.mlir | filecheck %s
// RUN: filecheck %s --check-prefix=RESULT --input-file %t.mlir
// RUN: tinyts-opt %s --split-tensors --schedule-bands --print-ir-before all 2>&1 >%t.mlir | filecheck %s --check-prefix=BEFORE
// RUN: tinyts-opt %s --split-tensors --emit-c --print-ir-after=all 2>&1 >%t.c | filecheck %s --check-prefix=ALL
// RUN: tinyts-opt %s --split-tensors --schedule-bands --print-debuginfo --print-ir-after=schedule-bands --print-ir-before=split-tensors,schedule-bands 2>&1 >%t.mlir | filecheck %s --check-prefix=SEVERAL

// CHECK: {{^// *}}-----// IR after split-tensors //----- //{{$}}
// CHECK-NEXT: builtin.module {
// CHECK: tinyts.constant dense<__elided__>
// CHECK-NOT: IR
// RESULT-NOT: IR after
// RESULT: tinyts.constant dense<{{.*}}17{{.*}}>

// BEFORE: IR before split-tensors //
// BEFORE-NOT: tinyts.rows
// BEFORE: IR before schedule-bands //
// BEFORE: tinyts.rows
// BEFORE-NOT: IR

// ALL: IR after fold-pads //
// ALL: IR after choose-bands //
// ALL: IR after split-tensors //
// ALL: IR after lower-to-runtime //
// ALL: tinyrt.program

// SEVERAL: IR before split-tensors //
// SEVERAL: loc("first")
// SEVERAL: IR before schedule-bands //
// SEVERAL: IR after schedule-bands //

!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x2x17x1x!q>) -> tensor<1x2x17x1x!q> {
  %w = tinyts.constant dense<[[[[1], [2], [3], [4], [5], [6], [7], [8], [9], [10], [11], [12], [13], [14], [15], [16], [17]]]]> : tensor<1x1x17x1xi8> as !q
  %y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x2x17x1x!q> loc("first")
  %z = tinyts.add %y, %w : tensor<1x2x17x1x!q>
  func.return %z : tensor<1x2x17x1x!q>
}
