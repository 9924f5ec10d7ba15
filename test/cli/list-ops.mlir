// RUN: tinyts-opt --list-ops | filecheck %s
// RUN: tinyts-opt --list-ops --json | filecheck %s --check-prefix=JSON
// RUN: %exits 1 tinyts-opt --list-ops %s 2>&1 | filecheck %s --check-prefix=MORE

// CHECK: op {{ +}}types {{ +}}made {{ +}}kernels {{ +}}constraints
// CHECK-NEXT: ABS {{ +}}int8 {{ +}}rows {{ +}}lookup
// CHECK: CONV_2D {{ +}}int8, uint8 {{ +}}rows {{ +}}conv_2d, conv_2d_some_wide {{ +}}constant int8 filter
// CHECK: QUANTIZE {{ +}}float32, int8, uint8 to int8, uint8 {{ +}}rows {{ +}}quantize, lookup
// CHECK: RESHAPE {{ +}}int8, uint8, int32, int64 {{ +}}free

// JSON: "format": "tinyts-ops",
// JSON-NEXT: "version": 1,
// JSON: "name": "AVERAGE_POOL_2D",
// JSON-NEXT: "op": "tinyts.average_pool_2d",

// MORE: tinyts-opt: error: --list-ops: expected nothing besides but --json, got {{.*}}list-ops.mlir
