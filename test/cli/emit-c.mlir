// --emit-c adds the passes that the command line does not name, each in its place.
// RUN: tinyts-opt %s --split-tensors --emit-c -o %t.one.c
// RUN: filecheck %s --input-file %t.one.c
// The same as all passes by name.
// RUN: tinyts-opt %s --fold-pads --receive-inputs --canonicalize --split-tensors --schedule-bands --plan-arena --verify-plan --lower-to-runtime --emit-c --name=emit_c -o %t.two.c
// RUN: diff %t.one.c %t.two.c
// A module that is lowered already needs no pass; its text goes through pipes.
// RUN: tinyts-opt %s --split-tensors --receive-inputs --schedule-bands --stream-reductions --plan-arena | tinyts-opt --lower-to-runtime | tinyts-opt --name=emit_c -t c | filecheck %s
// The same input and options give the same bytes; a folder that is there already needs no slash and is written over, what else is in it stays.
// RUN: rm -rf %t.dir %t.new && mkdir %t.dir && echo mine > %t.dir/notes.txt && echo old > %t.dir/net.c
// RUN: tinyts-opt %s --split-tensors --emit-c --name=net -o %t.dir
// RUN: tinyts-opt %s --split-tensors --emit-c --name=net -o %t.new/deeper/
// RUN: filecheck %s --check-prefix=NOTES --input-file %t.dir/notes.txt
// RUN: rm %t.dir/notes.txt && diff -r %t.dir %t.new/deeper

// CHECK: emit_c: model and runtime in one file
// CHECK: tinyts_status emit_c_invoke(
// NOTES: mine

!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x4x2x1x!q>) -> tensor<1x4x2x1x!q> {
  %y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x4x2x1x!q>
  func.return %y : tensor<1x4x2x1x!q>
}
