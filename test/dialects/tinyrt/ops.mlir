// RUN: tinyts-opt %s | tinyts-opt | filecheck %s
// RUN: tinyts-opt %s --print-op-generic > %t.mlir && tinyts-opt %t.mlir | filecheck %s
// RUN: filecheck %s --check-prefix=GENERIC --input-file %t.mlir
// RUN: tinyts-opt %s --elide-constants=always | filecheck %s --check-prefix=ELIDED

// CHECK: tinyrt.program @two_inputs {arena_bytes = 64} {
// GENERIC: "tinyrt.program"() <{sym_name = "two_inputs", arena_bytes = 64 : i64}> ({
tinyrt.program @two_inputs {arena_bytes = 64} {
  // The last band may be shorter.
  // CHECK-NEXT: %0 = tinyrt.tensor {rows = 3, band_rows = 2, row_bytes = 8, offsets = [0, 16]}
  // GENERIC-NEXT: "tinyrt.tensor"() <{rows = 3 : i64, band_rows = 2 : i64, row_bytes = 8 : i64, offsets = array<i64: 0, 16>}> : () -> !tinyrt.tensor_descriptor
  %0 = tinyrt.tensor {rows = 3, band_rows = 2, row_bytes = 8, offsets = [0, 16]}
  %1 = tinyrt.tensor {rows = 3, band_rows = 2, row_bytes = 8, offsets = [24, 40]}
  %2 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 4, offsets = [48, 52]}
  %3 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 8, offsets = [56, 56]}
  %4 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 4, offsets = [0, 4]}
  %5 = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 4, offsets = [8, 12]}
  // CHECK: tinyrt.receive %0 {input = 0}
  tinyrt.receive %0 {input = 0}
  // CHECK-NEXT: tinyrt.receive %1 {input = 1}
  // GENERIC: "tinyrt.receive"(%{{.*}}) <{input = 1 : i64}> : (!tinyrt.tensor_descriptor) -> ()
  tinyrt.receive %1 {input = 1}
  // CHECK-NEXT: tinyrt.layer [%0, %1] to %2 scratch %3 {kernel = some_kernel, struct = some, row_stride = 2, window_rows = 3, padding_top = 1}
  // CHECK-SAME: parameters {number = -3, numbers = [1, 2], array = dense<[1, 2, 3]> : tensor<3xi8>}
  // ELIDED: parameters {number = -3, numbers = [1, 2], array = dense<[1, 2, 3]> : tensor<3xi8>}
  tinyrt.layer [%0, %1] to %2 scratch %3 {kernel = some_kernel, struct = some, row_stride = 2, window_rows = 3, padding_top = 1} parameters {number = -3, numbers = [1, 2], array = dense<[1, 2, 3]> : tensor<3xi8>}
  // CHECK-NEXT: tinyrt.layer %0 to [%4, %5] {kernel = other, struct = other, row_stride = 1, window_rows = 1, padding_top = 0} parameters
  // ELIDED: parameters {array = dense<__elided__> : tensor<17xi8>}
  tinyrt.layer %0 to [%4, %5] {kernel = other, struct = other, row_stride = 1, window_rows = 1, padding_top = 0} parameters {array = dense<1> : tensor<17xi8>}
  // CHECK: tinyrt.schedule {steps = [0, 1, 0, 2, 1, 2, 3, 3]}
  tinyrt.schedule {steps = [0, 1, 0, 2, 1, 2, 3, 3]}
  // CHECK-NEXT: tinyrt.interface [%0, %1] to %2 {inputs = ["left", "right"], outputs = ["sum"], output_types = [!quant.uniform<i8:f32, 0.5:3>]}
  tinyrt.interface [%0, %1] to %2 {inputs = ["left", "right"], outputs = ["sum"], output_types = [!quant.uniform<i8:f32, 0.5:3>]}
}

// CHECK: tinyrt.program @known {arena_bytes = 64, source_sha256 = e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, options = "--split-tensors --io=int8"}
tinyrt.program @known {arena_bytes = 64, source_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", options = "--split-tensors --io=int8"} {
  %0 = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [0]}
  tinyrt.receive %0 {input = 0}
  tinyrt.schedule {steps = [0]}
  tinyrt.interface %0 to %0 {inputs = ["x"], outputs = ["y"]}
}
