// What a shell sees of errors; their texts are in test_messages.py.

// RUN: %exits 1 tinyts-opt %s -t c 2>&1 | filecheck %s
// CHECK: tinyts-opt: error: the C target prints a tinyrt.program, but the module holds func.func: run lower-to-runtime first
// RUN: %exits 2 tinyts-opt %s --split-tensor 2>&1 | filecheck %s --check-prefix=FLAG
// FLAG: tinyts-opt: error: --split-tensor: no such option or pass; did you mean --split-tensors?

// Constants that were left out when they were printed are missed when the text is read.
// RUN: tinyts-opt %s --elide-constants=always > %t.elided.mlir
// RUN: %exits 1 tinyts-opt %t.elided.mlir 2>&1 | filecheck %s --check-prefix=ELIDED
// ELIDED: tinyts-opt: error: {{.*}}elided.mlir:3:{{[0-9]+}}: this constant was elided when it was printed; print the module with --elide-constants=never
// ELIDED-NEXT: %w = tinyts.constant dense<__elided__>

// Nothing is written on an error, and what is there already stays as it is.
// RUN: rm -rf %t.dir && mkdir %t.dir && echo mine > %t.dir/model.c
// RUN: %exits 1 tinyts-opt %s -t c -o %t.dir/model.c
// RUN: %exits 1 tinyts-opt %s --split-input-file --emit-c -o %t.dir/
// RUN: ls -A %t.dir > %t.files && cat %t.files %t.dir/model.c | filecheck %s --check-prefix=STAYS
// STAYS: model.c
// STAYS-NEXT: mine
// STAYS-NOT: {{.+}}

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.5>
func.func @main(%x: tensor<1x4x2x1x!q>) -> tensor<1x2x1x1x!q> {
  %w = tinyts.constant dense<[[[[1], [2], [3], [4], [5], [6]], [[7], [8], [9], [10], [11], [12]], [[13], [14], [15], [16], [17], [18]]]]> : tensor<1x3x6x1xi8> as !w
  %y = tinyts.conv_2d %x, %w {padding = [0, 0, 2, 2]} : tensor<1x2x1x1x!q>
  func.return %y : tensor<1x2x1x1x!q>
}
