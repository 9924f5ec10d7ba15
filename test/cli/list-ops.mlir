// RUN: tinyts-opt --list-ops | filecheck %s
// RUN: tinyts-opt --list-ops --json | filecheck %s --check-prefix=JSON
// RUN: %exits 1 tinyts-opt --list-ops %s 2>&1 | filecheck %s --check-prefix=MORE

// CHECK: op {{ +}}types {{ +}}made {{ +}}kernels {{ +}}constraints
// CHECK-NEXT: ABS {{ +}}int8 {{ +}}rows {{ +}}lookup
// CHECK: CONV_2D {{ +}}int8, uint8, int16 {{ +}}rows {{ +}}conv_2d, conv_2d_some_wide, conv_2d_int16 {{ +}}constant int8 filter
// CHECK: QUANTIZE {{ +}}float32 to int8, uint8, int16; int8, uint8 to int8, uint8; int16 to int8, int16, int32 {{ +}}rows {{ +}}quantize, lookup
// CHECK: RESHAPE {{ +}}int8, uint8, int16, int32, int64 {{ +}}free

// JSON: "format": "tinyts-ops",
// JSON-NEXT: "version": 1,
// JSON: "name": "AVERAGE_POOL_2D",
// JSON-NEXT: "op": "tinyts.average_pool_2d",

// MORE: tinyts-opt: error: --list-ops: expected nothing besides but --json, got {{.*}}list-ops.mlir
