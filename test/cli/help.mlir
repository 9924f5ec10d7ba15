// The first help: tasks, options by group, our passes. xDSL's own come with --help-all.
// RUN: tinyts-opt --help | filecheck %s
// RUN: tinyts-opt --help | filecheck %s --check-prefix=OURS
// RUN: tinyts-opt --help-all | filecheck %s --check-prefix=ALL

// CHECK: usage: tinyts-opt MODEL
// CHECK: Usual tasks:
// CHECK: tinyts-opt net.tflite --split-tensors --emit-c -o net/
// CHECK: Compile:
// CHECK-NEXT: --emit-c
// CHECK: Memory:
// CHECK-NEXT: --ram BYTES
// CHECK: Output:
// CHECK: Look inside:
// CHECK: --help-pass NAME
// CHECK: Passes
// CHECK: --split-tensors {{.*}}bands{{.*}} rows=N
// CHECK: --lower-to-runtime
// OURS-NOT: convert-arith-to-riscv
// OURS-NOT: --shrink
// ALL: --shrink
// ALL: --emit-c

// A pass: options, what it does, and a small example in front of it and behind it.
// RUN: tinyts-opt --help-pass split-tensors | filecheck %s --check-prefix=SPLIT
// RUN: tinyts-opt --help-pass=--verify-plan | filecheck %s --check-prefix=CHECKS
// RUN: tinyts-opt --help-pass cse | filecheck %s --check-prefix=XDSL
// SPLIT: --split-tensors: Cuts feature maps
// SPLIT: Options:
// SPLIT-NEXT: rows {{ *}}int | None {{ *}}default: none
// SPLIT: Behind{{$|.}}
// SPLIT: tinyts.conv_2d {{.*}}#tinyts.rows<0:1 of 2>
// CHECKS: --verify-plan: Refuses
// CHECKS: It changes no IR.
// XDSL: --cse:
// XDSL-NOT: Before:
