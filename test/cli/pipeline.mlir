// Every pass is a flag; flags and -p run in the order of the command line.
// RUN: tinyts-opt %s --split-tensors --schedule-bands --print-between-passes | filecheck %s --check-prefix=FLAGS
// RUN: tinyts-opt --receive-inputs %s -p split-tensors{rows=2},canonicalize --schedule-bands=order=depth-first,input=arena --print-between-passes | filecheck %s --check-prefix=MIXED
// Options: behind a second =, or in braces; separated by commas or spaces.
// RUN: tinyts-opt %s --split-tensors=rows=2 | filecheck %s --check-prefix=ROWS
// RUN: tinyts-opt %s '--passes=split-tensors{rows=2}' | filecheck %s --check-prefix=ROWS
// RUN: tinyts-opt %s '--split-tensors={rows=2}' '--schedule-bands=order=breadth-first input=stream' | filecheck %s --check-prefix=ROWS
// The time of every pass goes to standard error, so that the output can go on through a pipe.
// RUN: tinyts-opt %s --split-tensors --canonicalize --time-passes 2>&1 >%t.mlir | filecheck %s --check-prefix=TIME
// RUN: filecheck %s --check-prefix=TIMED --input-file %t.mlir

// FLAGS: IR after split-tensors:
// FLAGS: tinyts.leaky_relu {{.*}}<0:1 of 4>>
// FLAGS-NOT: IR after schedule-bands
// FLAGS: builtin.module

// MIXED: IR after receive-inputs:
// MIXED: IR after split-tensors:
// MIXED: IR after canonicalize:
// MIXED: <0:2 of 4>>
// MIXED-NOT: IR after

// ROWS: tinyts.leaky_relu {{.*}}<0:2 of 4>>
// ROWS: tinyts.leaky_relu {{.*}}<2:4 of 4>>

// TIME: Pass split-tensors took {{[0-9.]+}} seconds
// TIME-NEXT: Pass canonicalize took {{[0-9.]+}} seconds
// TIMED-NOT: took
// TIMED: builtin.module

!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x4x2x1x!q>) -> tensor<1x4x2x1x!q> {
  %y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x4x2x1x!q>
  func.return %y : tensor<1x4x2x1x!q>
}
