// RUN: tinyts-opt %s --split-input-file --plan-arena=scratch=always | filecheck %s
// RUN: tinyts-opt %s --split-input-file --plan-arena=alignment=8 | filecheck %s --check-prefix=EIGHT
// A plan can be made anew.
// RUN: tinyts-opt %s --split-input-file --plan-arena=alignment=8 --plan-arena=scratch=always | filecheck %s
// RUN: tinyts-opt %s --split-input-file --plan-arena=alignment=1 --verify-plan | filecheck %s --check-prefix=ONE
// RUN: tinyts-opt %s --split-input-file --plan-arena=scratch=never --verify-plan | filecheck %s --check-prefix=NEVER
// RUN: tinyts-opt %s --split-input-file --plan-arena --verify-plan | filecheck %s --check-prefix=AUTO
// RUN: %exits 1 tinyts-opt %s --plan-arena=alignment=6 --split-input-file 2>&1 | filecheck %s --check-prefix=ALIGNMENT

// ALIGNMENT: tinyts-opt: error: plan-arena: expected a power of two as alignment, got 6

!q = !quant.uniform<i8:f32, 0.5:-1>

// Whoever is read while something is made does not share bytes with it. The arena's size is a multiple of 16.
// CHECK: func.func @chain
// CHECK-SAME: tinyts.arena_bytes = 16 : i64
// EIGHT: func.func @chain
// EIGHT-SAME: tinyts.arena_bytes = 16 : i64
func.func @chain(%x: tensor<6x!q>) -> tensor<6x!q> {
  // CHECK: tinyts.receive %x {offsets = [[[FIRST:\d+]]]}
  // CHECK-NEXT: tinyts.concatenation %a {axis = 0, offsets = [[[SECOND:\d+]]]}
  // CHECK-NEXT: tinyts.concatenation %b {axis = 0, offsets = [[[FIRST]]]}
  // EIGHT: tinyts.receive %x {offsets = [{{0|8}}]}
  // EIGHT-NEXT: tinyts.concatenation %a {axis = 0, offsets = [{{0|8}}]}
  %a = tinyts.receive %x : tensor<6x!q>
  %b = tinyts.concatenation %a {axis = 0} : tensor<6x!q>
  %c = tinyts.concatenation %b {axis = 0} : tensor<6x!q>
  func.return %c : tensor<6x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// An element-wise kernel writes over an operand that dies, but not over one that is read again.
// CHECK: func.func @in_place
// CHECK-SAME: tinyts.arena_bytes = 32 : i64
func.func @in_place(%x: tensor<16x!q>) -> tensor<16x!q> {
  // CHECK: tinyts.receive
  // CHECK-NEXT: tinyts.leaky_relu
  // CHECK-NEXT: tinyts.add %a, %b {offsets = [{{\d+}}]}
  %a = tinyts.receive %x : tensor<16x!q>
  %b = tinyts.leaky_relu %a {alpha = 0.5} : tensor<16x!q>
  %c = tinyts.add %a, %b : tensor<16x!q>
  func.return %c : tensor<16x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>

// A patch is gathered in scratch; a kernel that gathers nothing has none.
// CHECK: func.func @scratch
// NEVER-NOT: scratch =
func.func @scratch(%x: tensor<1x4x4x4x!q>) -> tensor<1x4x4x2x!q> {
  // CHECK: tinyts.conv_2d %a, %w {padding = [1, 1, 1, 1], offsets = [{{\d+}}], scratch = [{{\d+}}, 288]}
  // CHECK: tinyts.max_pool_2d %b {window = [1, 1], offsets = [{{\d+}}]}
  %w = tinyts.constant dense<1> : tensor<2x3x3x4xi8> as !w
  %a = tinyts.receive %x : tensor<1x4x4x4x!q>
  %b = tinyts.conv_2d %a, %w {padding = [1, 1, 1, 1]} : tensor<1x4x4x2x!q>
  %c = tinyts.max_pool_2d %b {window = [1, 1]} : tensor<1x4x4x2x!q>
  func.return %c : tensor<1x4x4x2x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// A reshape is the operand's own bytes, and keeps them alive.
// CHECK: func.func @reshape
// CHECK-SAME: tinyts.arena_bytes = 32 : i64
func.func @reshape(%x: tensor<8x!q>) -> (tensor<8x!q>, tensor<2x4x!q>) {
  // CHECK: tinyts.receive %x {offsets = [[[A:\d+]]]}
  // CHECK-NEXT: tinyts.reshape %a {offsets = [[[A]]]}
  // CHECK-NEXT: tinyts.concatenation %a
  // CHECK-NEXT: tinyts.concatenation %c
  %a = tinyts.receive %x : tensor<8x!q>
  %b = tinyts.reshape %a : tensor<2x4x!q>
  %c = tinyts.concatenation %a {axis = 0} : tensor<8x!q>
  %d = tinyts.concatenation %c {axis = 0} : tensor<8x!q>
  func.return %d, %b : tensor<8x!q>, tensor<2x4x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// One offset for each result; what nothing reads has a place while it is made.
// CHECK: func.func @split
func.func @split(%x: tensor<1x1x1x8x!q>) -> tensor<1x1x1x4x!q> {
  // CHECK: %b, %c = tinyts.split %a {axis = 3, offsets = [{{\d+}}, {{\d+}}]}
  %a = tinyts.receive %x : tensor<1x1x1x8x!q>
  %b, %c = tinyts.split %a {axis = 3} : (tensor<1x1x1x4x!q>, tensor<1x1x1x4x!q>)
  func.return %b : tensor<1x1x1x4x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// Offsets of 16 bits in units of 4 bytes reach to 256 kB: for more, everything is aligned to 8.
// CHECK: func.func @large
// CHECK-SAME: tinyts.arena_bytes = 400016 : i64
// CHECK: tinyts.receive %x {offsets = [{{200008|0}}]}
// CHECK: tinyts.concatenation %a {axis = 0, offsets = [{{200008|0}}]}
func.func @large(%x: tensor<200004x!q>) -> tensor<200004x!q> {
  %a = tinyts.receive %x : tensor<200004x!q>
  %b = tinyts.concatenation %a {axis = 0} : tensor<200004x!q>
  func.return %b : tensor<200004x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// State is words: its place is a multiple of 4, whatever the alignment of maps is. Rows are added to it where it is.
// CHECK: func.func @state
// ONE: func.func @state
func.func @state(%x: tensor<1x2x1x3x!q>) -> tensor<1x1x1x3x!q> {
  // CHECK: tinyts.sum_rows %a {offsets = [[[S:\d+]]]}
  // CHECK: tinyts.sum_rows %b, %s {offsets = [[[S]]]}
  // ONE: tinyts.sum_rows %b, %s {offsets = [{{\d*[02468]}}]}
  %a = tinyts.receive %x : tensor<1x1x1x3x!q, #tinyts.rows<0:1 of 2>>
  %s = tinyts.sum_rows %a : tensor<1x1x1x3xi32>
  %b = tinyts.receive %x : tensor<1x1x1x3x!q, #tinyts.rows<1:2 of 2>>
  %t = tinyts.sum_rows %b, %s : tensor<1x1x1x3xi32>
  %d = tinyts.mean_of_sums %t {count = 2} : tensor<1x1x1x3x!q>
  func.return %d : tensor<1x1x1x3x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>

// Three steps of one layer with 320 bytes of scratch: each has it where the values leave room, which they do not while the
// 400 bytes of the other input live.
// AUTO: func.func @scratch_of_steps
// AUTO-SAME: tinyts.arena_bytes = 448 : i64
func.func @scratch_of_steps(%x: tensor<1x3x4x8x!q>, %y: tensor<400x!q>) -> (tensor<1x3x4x2x!q>, tensor<4x!q>) {
  %w = tinyts.constant dense<1> : tensor<2x1x5x8xi8> as !w
  %f = tinyts.constant dense<1> : tensor<4x400xi8> as !w
  %x0 = tinyts.receive %x : tensor<1x1x4x8x!q, #tinyts.rows<0:1 of 3>>
  // AUTO: tinyts.conv_2d {{.*}} offsets = [{{\d+}}], scratch = [{{\d+}}, 320]}
  %c0 = tinyts.conv_2d %x0, %w {padding = [0, 0, 2, 2]} : tensor<1x1x4x2x!q, #tinyts.rows<0:1 of 3>>
  %x1 = tinyts.receive %x : tensor<1x1x4x8x!q, #tinyts.rows<1:2 of 3>>
  %a = tinyts.receive %y : tensor<400x!q>
  // AUTO: tinyts.conv_2d {{.*}} offsets = [{{\d+}}]}
  %c1 = tinyts.conv_2d %x1, %w {padding = [0, 0, 2, 2]} : tensor<1x1x4x2x!q, #tinyts.rows<1:2 of 3>>
  %b = tinyts.fully_connected %a, %f : tensor<4x!q>
  %x2 = tinyts.receive %x : tensor<1x1x4x8x!q, #tinyts.rows<2:3 of 3>>
  // AUTO: tinyts.conv_2d {{.*}} offsets = [{{\d+}}], scratch = [{{\d+}}, 320]}
  %c2 = tinyts.conv_2d %x2, %w {padding = [0, 0, 2, 2]} : tensor<1x1x4x2x!q, #tinyts.rows<2:3 of 3>>
  %c = tinyts.join [%c0, %c1, %c2] : tensor<1x3x4x2x!q>
  func.return %c, %b : tensor<1x3x4x2x!q>, tensor<4x!q>
}
