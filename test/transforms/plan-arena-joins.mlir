// RUN: tinyts-opt %s --split-input-file --plan-arena --verify-plan | filecheck %s
// RUN: tinyts-opt %s --split-input-file --plan-arena --verify-plan --lower-to-runtime | filecheck %s --check-prefix=RUNTIME
// RUN: tinyts-opt %s --split-input-file --plan-arena=alignment=16 --verify-plan --lower-to-runtime | filecheck %s --check-prefix=ALIGNED

!q = !quant.uniform<i8:f32, 0.5:-1>

// Bands that only a join reads are made where it wants them: the join is no step.
// CHECK-LABEL: @returned
// CHECK-SAME: tinyts.arena_bytes = 32 : i64
// CHECK: tinyts.max_pool_2d %x0 {window = [1, 1], offsets = [8]}
// CHECK: tinyts.max_pool_2d %x1 {window = [1, 1], offsets = [16]}
// CHECK: tinyts.join [%a, %b] {offsets = [8]}
// RUNTIME-LABEL: @returned
// RUNTIME-NOT: copy
// RUNTIME: tinyrt.schedule {steps = [0, 1, 0, 1]}
// Not where these places do not keep an alignment that is asked for.
// ALIGNED-LABEL: @returned
// ALIGNED: kernel = copy
func.func @returned(%x: tensor<1x2x4x2x!q>) -> tensor<1x2x4x2x!q> {
  %x0 = tinyts.receive %x : tensor<1x1x4x2x!q, #tinyts.rows<0:1 of 2>>
  %a = tinyts.max_pool_2d %x0 {window = [1, 1]} : tensor<1x1x4x2x!q, #tinyts.rows<0:1 of 2>>
  %x1 = tinyts.receive %x : tensor<1x1x4x2x!q, #tinyts.rows<1:2 of 2>>
  %b = tinyts.max_pool_2d %x1 {window = [1, 1]} : tensor<1x1x4x2x!q, #tinyts.rows<1:2 of 2>>
  %c = tinyts.join [%a, %b] : tensor<1x2x4x2x!q>
  func.return %c : tensor<1x2x4x2x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// A band that something else reads has a place of its own; so have all.
// CHECK-LABEL: @read
// RUNTIME-LABEL: @read
// RUNTIME: kernel = copy
// ALIGNED-LABEL: @read
func.func @read(%x: tensor<1x2x4x2x!q>) -> (tensor<1x2x4x2x!q>, tensor<1x1x4x2x!q>) {
  %x0 = tinyts.receive %x : tensor<1x1x4x2x!q, #tinyts.rows<0:1 of 2>>
  %a = tinyts.max_pool_2d %x0 {window = [1, 1]} : tensor<1x1x4x2x!q, #tinyts.rows<0:1 of 2>>
  %x1 = tinyts.receive %x : tensor<1x1x4x2x!q, #tinyts.rows<1:2 of 2>>
  %b = tinyts.max_pool_2d %x1 {window = [1, 1]} : tensor<1x1x4x2x!q, #tinyts.rows<1:2 of 2>>
  %c = tinyts.join [%a, %b] : tensor<1x2x4x2x!q>
  %d = tinyts.max_pool_2d [%a, %b] {window = [2, 1]} : tensor<1x1x4x2x!q>
  func.return %c, %d : tensor<1x2x4x2x!q>, tensor<1x1x4x2x!q>
}
