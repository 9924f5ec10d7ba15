// RUN: tinyts-opt %s --schedule-bands | filecheck %s
// RUN: tinyts-opt %s --schedule-bands=order=breadth-first | filecheck %s
// RUN: %exits 1 tinyts-opt %s --schedule-bands=order=breadth-first --verify-plan 2>&1 | filecheck %s --check-prefix=UNPLANNED
// RUN: tinyts-opt %s --schedule-bands=order=breadth-first --plan-arena=scratch=always --verify-plan | filecheck %s --check-prefix=AGAIN

// UNPLANNED: tinyts-opt: error: verify-plan: function @main has no plan; run plan-arena first

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>

// A plan is for one order: ops that are scheduled, even in the order that they have, are without.
// CHECK: func.func @main(
// CHECK-NOT: tinyts.arena_bytes
// CHECK-NOT: tinyts.peak_bytes
// CHECK-NOT: tinyts.bound_bytes
// CHECK-NOT: tinyts.arena_is_optimal
// CHECK-NOT: offsets
// CHECK-NOT: scratch
// CHECK: func.return
// AGAIN: func.func @main({{.*}} attributes {tinyts.arena_bytes = {{[0-9]+}} : i64, tinyts.peak_bytes
// AGAIN-NOT: tinyts.arena_is_optimal
// AGAIN: tinyts.conv_2d {{.*}}offsets = {{.*}}scratch =
func.func @main(%x: tensor<1x4x4x4x!q>) -> tensor<1x4x4x2x!q>
    attributes {tinyts.arena_bytes = 1024 : i64, tinyts.peak_bytes = 96 : i64, tinyts.bound_bytes = 96 : i64,
                tinyts.arena_is_optimal = false} {
  %w = tinyts.constant dense<1> : tensor<2x3x3x4xi8> as !w
  %a = tinyts.receive %x {offsets = [512]} : tensor<1x4x4x4x!q>
  %y = tinyts.conv_2d %a, %w {padding = [1, 1, 1, 1], offsets = [0], scratch = [576, 288]} : tensor<1x4x4x2x!q>
  func.return %y : tensor<1x4x4x2x!q>
}
