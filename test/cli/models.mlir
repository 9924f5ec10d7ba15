// REQUIRES: models

// A model file becomes IR, with its layers' names, and goes back.
// RUN: tinyts-opt %models/kws_MLPerf.tflite --elide-constants=always --print-debuginfo | filecheck %s
// RUN: tinyts-opt %models/kws_MLPerf.tflite -t tflite -o %t.tflite
// RUN: tinyts-opt %t.tflite | sed 's/source_sha256 = "[0-9a-f]*"/source_sha256/' > %t.two.mlir && tinyts-opt %models/kws_MLPerf.tflite | sed 's/source_sha256 = "[0-9a-f]*"/source_sha256/' > %t.one.mlir && diff %t.one.mlir %t.two.mlir
// RUN: tinyts-opt %models/kws_MLPerf.tflite --split-tensors --emit-c | filecheck %s --check-prefix=C
// A file that is cut short is no model.
// RUN: head -c 1000 %models/kws_MLPerf.tflite > %t.short.tflite
// RUN: %exits 1 tinyts-opt %t.short.tflite 2>&1 | filecheck %s --check-prefix=SHORT

// CHECK: func.func @main
// CHECK: tinyts.constant dense<__elided__>
// CHECK: tinyts.conv_2d {{.*}} loc("
// CHECK: tinyts.softmax
// C: tinyts_status kws_MLPerf_invoke(
// SHORT: tinyts-opt: error: {{.*}}short.tflite: {{.+}}
