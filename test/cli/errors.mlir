// Every error is one line that starts with the tool's name, and no traceback (`exits.py` sees to that).

// RUN: %exits 1 tinyts-opt %t.missing.mlir 2>&1 | filecheck %s --check-prefix=MISSING
// MISSING: tinyts-opt: error: {{.*}}missing.mlir: {{.+}}

// RUN: echo "not a model" > %t.txt
// RUN: %exits 1 tinyts-opt %t.txt 2>&1 | filecheck %s --check-prefix=EXTENSION
// EXTENSION: tinyts-opt: error: {{.*}}.txt: expected a .tflite or .mlir file

// RUN: %exits 1 tinyts-opt %s --split-tensors=row=2 2>&1 | filecheck %s --check-prefix=OPTION
// OPTION: tinyts-opt: error: --split-tensors: {{.*}}row

// RUN: %exits 1 tinyts-opt %s --split-tensors=rows=many 2>&1 | filecheck %s --check-prefix=VALUE
// VALUE: tinyts-opt: error: --split-tensors: {{.*}}many

// RUN: %exits 1 tinyts-opt %s --split-tensors=rows=0 2>&1 | filecheck %s --check-prefix=ZERO
// ZERO: tinyts-opt: error: split-tensors: expected rows of at least 1, got 0

// RUN: %exits 1 tinyts-opt %s -p split-tensor 2>&1 | filecheck %s --check-prefix=PASS
// PASS: tinyts-opt: error: there is no pass 'split-tensor'; available: {{.*}}split-tensors

// RUN: %exits 1 tinyts-opt %s -p 'split-tensors{rows' 2>&1 | filecheck %s --check-prefix=PIPELINE
// PIPELINE: tinyts-opt: error: -p: cannot read the pipeline 'split-tensors{rows'

// A flag that is no pass is one that argparse does not know; -p needs a pipeline; abbreviations of it would lose their order.
// RUN: %exits 2 tinyts-opt %s --split-tensor 2>&1 | filecheck %s --check-prefix=FLAG
// FLAG: tinyts-opt: error: unrecognized arguments: --split-tensor
// RUN: %exits 2 tinyts-opt %s -p 2>&1 | filecheck %s --check-prefix=NOTHING
// NOTHING: tinyts-opt: error: argument -p/--passes: expected one argument
// RUN: %exits 1 tinyts-opt %s -pcanonicalize 2>&1 | filecheck %s --check-prefix=ATTACHED
// ATTACHED: tinyts-opt: error: expected a pipeline as -p PIPELINE or --passes=PIPELINE

// RUN: %exits 1 tinyts-opt %s -t c 2>&1 | filecheck %s --check-prefix=LOWER
// LOWER: tinyts-opt: error: the C target prints a tinyrt.program, but the module holds func.func: run lower-to-runtime first
// RUN: %exits 1 tinyts-opt %s -t tflite --emit-c 2>&1 | filecheck %s --check-prefix=BOTH
// BOTH: tinyts-opt: error: --emit-c and -t tflite exclude each other

// RUN: %exits 1 tinyts-opt %s --emit-c --name=1x 2>&1 | filecheck %s --check-prefix=NAME
// NAME: tinyts-opt: error: --name: expected a C identifier {{.*}}, got '1x'
// RUN: %exits 1 tinyts-opt %s --emit-c --name=while 2>&1 | filecheck %s --check-prefix=KEYWORD
// KEYWORD: tinyts-opt: error: --name: {{.*}}, got 'while'

// Constants that were left out when they were printed are missed when the text is read.
// RUN: tinyts-opt %s --elide-constants=always > %t.elided.mlir
// RUN: %exits 1 tinyts-opt %t.elided.mlir 2>&1 | filecheck %s --check-prefix=ELIDED
// ELIDED: tinyts-opt: error: {{.*}}elided.mlir:3:{{[0-9]+}}: this constant was elided when it was printed; print the module with --elide-constants=never
// ELIDED-NEXT: %w = tinyts.constant dense<__elided__>

// Nothing is written on an error, and what is there already stays as it is.
// RUN: rm -rf %t.dir && mkdir %t.dir && echo mine > %t.dir/model.c
// RUN: %exits 1 tinyts-opt %s --emit-c -o %t.dir/none/model.c 2>&1 | filecheck %s --check-prefix=FOLDER
// FOLDER: tinyts-opt: error: {{.*}}model.c: cannot be written: No such file or directory
// RUN: %exits 1 tinyts-opt %s --emit-c -o %t.dir/model.txt 2>&1 | filecheck %s --check-prefix=SUFFIX
// SUFFIX: tinyts-opt: error: -o {{.*}}model.txt: expected FILE.c, or a folder with a slash behind its name
// RUN: %exits 1 tinyts-opt %s -t c -o %t.dir/model.c
// RUN: %exits 1 tinyts-opt %s --plan-arena -o %t.dir/model.mlir
// RUN: %exits 1 tinyts-opt %s --split-input-file --emit-c -o %t.dir/ 2>&1 | filecheck %s --check-prefix=SEVERAL
// SEVERAL: tinyts-opt: error: -o {{.*}}: a folder holds one model, expected no --split-input-file
// RUN: ls -A %t.dir | filecheck %s --check-prefix=FILES
// FILES: model.c
// FILES-NOT: {{.+}}
// RUN: filecheck %s --check-prefix=STAYS --input-file %t.dir/model.c
// STAYS: mine

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.5>
func.func @main(%x: tensor<1x4x2x1x!q>) -> tensor<1x2x1x1x!q> {
  %w = tinyts.constant dense<[[[[1], [2], [3], [4], [5], [6]], [[7], [8], [9], [10], [11], [12]], [[13], [14], [15], [16], [17], [18]]]]> : tensor<1x3x6x1xi8> as !w
  %y = tinyts.conv_2d %x, %w {padding = [0, 0, 2, 2]} : tensor<1x2x1x1x!q>
  func.return %y : tensor<1x2x1x1x!q>
}
