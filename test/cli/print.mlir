// Standard input to standard output: a fixed point.
// RUN: tinyts-opt < %s > %t.once.mlir && tinyts-opt < %t.once.mlir > %t.twice.mlir && diff %t.once.mlir %t.twice.mlir
// RUN: tinyts-opt %s -o %t.file.mlir && diff %t.once.mlir %t.file.mlir
// RUN: filecheck %s --input-file %t.once.mlir
// Large constants are left out where that is asked for; in a pipe or a file, they are not.
// RUN: tinyts-opt %s --elide-constants=always | filecheck %s --check-prefix=ELIDED
// Locations, which hold the names of layers.
// RUN: tinyts-opt %s --print-debuginfo --split-tensors | filecheck %s --check-prefix=NAMES
// Pieces of a file, each on its own.
// RUN: cat %s > %t.pieces.mlir && printf '// %%s\nfunc.func private @second()\n' ----- >> %t.pieces.mlir
// RUN: tinyts-opt %t.pieces.mlir --split-input-file | filecheck %s --check-prefix=PIECES
// Lines of errors are those of the file.
// RUN: printf 'func.func private @first()\n// %%s\nfunc.func nonsense\n' ----- > %t.wrong.mlir
// RUN: %exits 1 tinyts-opt %t.wrong.mlir --split-input-file 2>&1 | filecheck %s --check-prefix=LINE
// Other targets of xDSL are there as well, and so are the dialects for xDSL's own tools.
// RUN: xdsl-opt %s -p "split-tensors{rows=2},schedule-bands,plan-arena,verify-plan,lower-to-runtime" -t c | filecheck %s --check-prefix=XDSL

// CHECK: %w = tinyts.constant dense<[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]> : tensor<17xi8>
// CHECK: %v = tinyts.constant dense<[1, 2]> : tensor<2xi8>
// ELIDED: %w = tinyts.constant dense<__elided__> : tensor<17xi8>
// ELIDED: %v = tinyts.constant dense<[1, 2]> : tensor<2xi8>
// NAMES: tinyts.leaky_relu {{.*}}<0:1 of 2>> loc("conv1/LeakyRelu")
// NAMES: tinyts.leaky_relu {{.*}}<1:2 of 2>> loc("conv1/LeakyRelu")
// PIECES: func.func @main
// PIECES: {{^// *}}-----{{$}}
// PIECES-NOT: func.func @main
// PIECES: func.func private @second()
// LINE: wrong.mlir:3:{{[0-9]+}}: {{.+}}
// LINE-NEXT: func.func nonsense
// XDSL: tinyts_status model_invoke(

!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x2x2x1x!q>) -> tensor<1x2x2x1x!q> {
  %w = tinyts.constant dense<[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]> : tensor<17xi8> as !q
  %v = tinyts.constant dense<[1, 2]> : tensor<2xi8> as !q
  %y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x2x2x1x!q> loc("conv1/LeakyRelu")
  func.return %y : tensor<1x2x2x1x!q>
}
