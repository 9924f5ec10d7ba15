// RUN: tinyts-opt %s --split-input-file --split-tensors | filecheck %s
// RUN: tinyts-opt %s --split-input-file --split-tensors=rows=2 | filecheck %s --check-prefix=TWO
// RUN: tinyts-opt %s --split-input-file --receive-inputs=input=external --split-tensors | filecheck %s --check-prefix=EXTERNAL
// RUN: tinyts-opt %s --split-input-file --split-tensors --schedule-bands --plan-arena --verify-plan --lower-to-runtime | filecheck %s --check-prefix=RUNTIME
// RUN: tinyts-opt %s --split-input-file --split-tensors --schedule-bands=order=breadth-first --plan-arena --verify-plan --lower-to-runtime | filecheck %s --check-prefix=RUNTIME

!q = !quant.uniform<i8:f32, 0.5:-1>

// A band of the result is a band of an operand. The window goes over the border between the operands.
// CHECK-LABEL: @concatenation
// CHECK-NOT: tinyts.concatenation
// CHECK-NOT: tinyts.join
// CHECK: %[[A0:.*]] = tinyts.leaky_relu
// CHECK-NEXT: %[[A1:.*]] = tinyts.leaky_relu
// CHECK-NEXT: %[[A2:.*]] = tinyts.leaky_relu
// CHECK-NEXT: %[[C0:.*]] = tinyts.renumber_rows %[[A0]] {map = 0} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<0:1 of 5>>
// CHECK-NEXT: %[[C1:.*]] = tinyts.renumber_rows %[[A1]] {map = 0} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<1:2 of 5>>
// CHECK-NEXT: %[[C2:.*]] = tinyts.renumber_rows %[[A2]] {map = 0} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<2:3 of 5>>
// CHECK-NEXT: %[[C3:.*]] = tinyts.renumber_rows %{{.*}} {map = 0} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<3:4 of 5>>
// CHECK-NEXT: %[[C4:.*]] = tinyts.renumber_rows %{{.*}} {map = 0} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<4:5 of 5>>
// CHECK-NEXT: %{{.*}} = tinyts.max_pool_2d [%[[C0]], %[[C1]], %[[C2]]]
// CHECK-NEXT: %{{.*}} = tinyts.max_pool_2d [%[[C2]], %[[C3]], %[[C4]]]
// Bands of two rows: three rows are two bands, and then comes the other operand's. The op copies.
// TWO-LABEL: @concatenation
// TWO: tinyts.concatenation %{{.*}}, %{{.*}} {axis = 1} : tensor<1x5x4x2x!quant.uniform<i8:f32, 0.5:-1>>
// What is read in place is never cut into bands.
// EXTERNAL-LABEL: @concatenation
// EXTERNAL: tinyts.concatenation
// No step copies: rows come in, are made less negative or not, and pooled.
// RUNTIME-LABEL: @concatenation
// RUNTIME-NOT: copy
// RUNTIME: kernel = max_pool_2d
// RUNTIME-NOT: copy
// RUNTIME: tinyrt.interface
func.func @concatenation(%x: tensor<1x3x4x2x!q>, %y: tensor<1x2x4x2x!q>) -> (tensor<1x1x2x2x!q>) {
  %a = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x3x4x2x!q>
  %c = tinyts.concatenation %a, %y {axis = 1} : tensor<1x5x4x2x!q>
  %d = tinyts.max_pool_2d %c {window = [3, 2], stride = [2, 2]} : tensor<1x2x2x2x!q>
  %e = tinyts.average_pool_2d %d {window = [2, 1]} : tensor<1x1x2x2x!q>
  func.return %e : tensor<1x1x2x2x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// The first operand is made last; a map of its own for each concatenation of the same rows.
// CHECK-LABEL: @order
// CHECK: tinyts.renumber_rows %{{.*}} {map = 0} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<0:1 of 4>>
// CHECK: tinyts.renumber_rows %{{.*}} {map = 1} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<0:1 of 4>>
// TWO-LABEL: @order
// TWO-NOT: tinyts.concatenation
// TWO: tinyts.renumber_rows %{{.*}} {map = 0} : tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<0:2 of 4>>
// RUNTIME-LABEL: @order
func.func @order(%x: tensor<1x2x4x2x!q>) -> (tensor<1x1x1x2x!q>, tensor<1x1x1x2x!q>) {
  %a = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x2x4x2x!q>
  %b = tinyts.leaky_relu %a {alpha = 0.25} : tensor<1x2x4x2x!q>
  %c = tinyts.concatenation %b, %x {axis = 1} : tensor<1x4x4x2x!q>
  %d = tinyts.concatenation %x, %x {axis = 1} : tensor<1x4x4x2x!q>
  %e = tinyts.max_pool_2d %c {window = [4, 4]} : tensor<1x1x1x2x!q>
  %f = tinyts.max_pool_2d %d {window = [4, 4]} : tensor<1x1x1x2x!q>
  func.return %e, %f : tensor<1x1x1x2x!q>, tensor<1x1x1x2x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// The parts of a split are rows of what is split, and what is put together of them again as well.
// CHECK-LABEL: @split
// CHECK-NOT: tinyts.split
// CHECK: %[[X:.*]] = tinyts.receive %{{.*}} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<2:3 of 4>>
// CHECK: tinyts.renumber_rows %[[X]] {map = 1} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<0:1 of 2>>
// CHECK: tinyts.renumber_rows %[[X]] {map = 2} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<0:1 of 4>>
// A part that is one band is a whole map.
// TWO-LABEL: @split
// TWO: tinyts.renumber_rows %{{.*}} {map = 1} : tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5:-1>>
// RUNTIME-LABEL: @split
func.func @split(%x: tensor<1x4x4x2x!q>) -> (tensor<1x1x1x2x!q>, tensor<1x1x1x2x!q>, tensor<1x1x1x2x!q>) {
  %a, %b = tinyts.split %x {axis = 1} : (tensor<1x2x4x2x!q>, tensor<1x2x4x2x!q>)
  %c = tinyts.concatenation %b, %a {axis = 1} : tensor<1x4x4x2x!q>
  %d = tinyts.max_pool_2d %a {window = [2, 4]} : tensor<1x1x1x2x!q>
  %e = tinyts.max_pool_2d %b {window = [2, 4]} : tensor<1x1x1x2x!q>
  %f = tinyts.max_pool_2d %c {window = [4, 4]} : tensor<1x1x1x2x!q>
  func.return %d, %e, %f : tensor<1x1x1x2x!q>, tensor<1x1x1x2x!q>, tensor<1x1x1x2x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// Rows of a part that nothing reads still have to be made for somebody: the op copies. So it does where a part ends
// within a band.
// CHECK-LABEL: @unread
// CHECK: tinyts.split
// CHECK-NOT: tinyts.split
// CHECK: tinyts.add
// TWO-LABEL: @unread
// TWO: tinyts.split %{{.*}} {axis = 1} : (tensor<1x3x4x2x!quant.uniform<i8:f32, 0.5:-1>>, tensor<1x3x4x2x!quant.uniform<i8:f32, 0.5:-1>>)
// TWO: tinyts.split %{{.*}} {axis = 1}
// RUNTIME-LABEL: @unread
func.func @unread(%x: tensor<1x6x4x2x!q>) -> (tensor<1x1x1x2x!q>, tensor<1x1x1x2x!q>) {
  %y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x6x4x2x!q>
  %a, %b = tinyts.split %y {axis = 1} : (tensor<1x3x4x2x!q>, tensor<1x3x4x2x!q>)
  %c = tinyts.max_pool_2d %b {window = [3, 4]} : tensor<1x1x1x2x!q>
  %d, %e = tinyts.split %x {axis = 1} : (tensor<1x3x4x2x!q>, tensor<1x3x4x2x!q>)
  %f = tinyts.add %d, %e : tensor<1x3x4x2x!q>
  %g = tinyts.max_pool_2d %f {window = [3, 4]} : tensor<1x1x1x2x!q>
  func.return %c, %g : tensor<1x1x1x2x!q>, tensor<1x1x1x2x!q>
}
