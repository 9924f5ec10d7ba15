// RUN: tinyts-opt %s --split-tensors --stream-reductions --split-input-file | filecheck %s

!q = !quant.uniform<i8:f32, 0.5:-1>
!r = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.125>

// Sums of the rows as they come; the first starts from zero.
// CHECK-LABEL: @global_pool
func.func @global_pool(%x: tensor<1x3x4x2x!q>) -> tensor<1x1x1x2x!q> {
  // CHECK: %[[S0:\w+]] = tinyts.sum_rows %{{\w+}} : tensor<1x1x1x2xi32>
  // CHECK-NEXT: %[[S1:\w+]] = tinyts.sum_rows %{{\w+}}, %[[S0]] : tensor<1x1x1x2xi32>
  // CHECK-NEXT: %[[S2:\w+]] = tinyts.sum_rows %{{\w+}}, %[[S1]] : tensor<1x1x1x2xi32>
  // CHECK-NEXT: %[[Y:\w+]] = tinyts.mean_of_sums %[[S2]] {count = 12, activation = relu} : tensor<1x1x1x2x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-NEXT: func.return %[[Y]]
  %y = tinyts.average_pool_2d %x {window = [3, 4], activation = relu} : tensor<1x1x1x2x!q>
  func.return %y : tensor<1x1x1x2x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>
!r = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.125>
!b = !quant.uniform<i32:f32, 0.0625>

// A fully connected layer over a map, be it reshaped or not: its join goes.
// CHECK-LABEL: @fully_connected
func.func @fully_connected(%x: tensor<1x2x3x1x!q>) -> tensor<1x2x!r> {
  // CHECK-NOT: tinyts.join
  // CHECK: %[[S0:\w+]] = tinyts.dot_rows %w, %{{\w+}} : tensor<1x3xi32>
  // CHECK-NEXT: %[[S1:\w+]] = tinyts.dot_rows %w, %{{\w+}}, %[[S0]] : tensor<1x3xi32>
  // CHECK-NEXT: tinyts.fully_connected_of_sums %[[S1]], %w, %b {input_type = !quant.uniform<i8:f32, 0.5:-1>} : tensor<1x2x!quant.uniform<i8:f32, 0.25>>
  %w = tinyts.constant dense<1> : tensor<2x6xi8> as !w
  %b = tinyts.constant dense<1> : tensor<2xi32> as !b
  %f = tinyts.reshape %x : tensor<1x6x!q>
  %y = tinyts.fully_connected %f, %w, %b : tensor<1x2x!r>
  func.return %y : tensor<1x2x!r>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>
!r = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.125>

// What stays: windows that are no whole map, several vectors, other quantization behind a reshape, and maps of one band.
// CHECK-LABEL: @kept
func.func @kept(%x: tensor<1x2x3x1x!q>, %z: tensor<1x1x3x1x!q>) -> (tensor<1x1x2x1x!q>, tensor<3x2x!r>, tensor<1x2x!r>, tensor<1x1x1x1x!q>) {
  // CHECK-NOT: tinyts.sum_rows
  // CHECK-NOT: tinyts.dot_rows
  // CHECK: tinyts.average_pool_2d
  // CHECK: tinyts.fully_connected %
  // CHECK: tinyts.fully_connected %
  // CHECK: tinyts.average_pool_2d
  %v = tinyts.constant dense<1> : tensor<2x2xi8> as !w
  %w = tinyts.constant dense<1> : tensor<2x6xi8> as !w
  %a = tinyts.average_pool_2d %x {window = [2, 2]} : tensor<1x1x2x1x!q>
  %b = tinyts.fully_connected %x, %v : tensor<3x2x!r>
  %c = tinyts.reshape %x : tensor<1x6x!r>
  %d = tinyts.fully_connected %c, %w : tensor<1x2x!r>
  %e = tinyts.average_pool_2d %z {window = [1, 3]} : tensor<1x1x1x1x!q>
  func.return %a, %b, %d, %e : tensor<1x1x2x1x!q>, tensor<3x2x!r>, tensor<1x2x!r>, tensor<1x1x1x1x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>
!r = !quant.uniform<i8:f32, 0.25>

// A mean over rows and columns, in bands or of a map that is not cut.
// CHECK-LABEL: @mean
func.func @mean(%x: tensor<1x2x4x2x!q>, %z: tensor<1x1x3x2x!q>) -> (tensor<1x2x!r>, tensor<1x1x1x2x!r>) {
  // CHECK: %[[S0:\w+]] = tinyts.sum_rows %{{\w+}} : tensor<1x1x1x2xi32>
  // CHECK-NEXT: %[[S1:\w+]] = tinyts.sum_rows %{{\w+}}, %[[S0]] : tensor<1x1x1x2xi32>
  // CHECK-NEXT: %[[M:\w+]] = tinyts.requantized_mean_of_sums %[[S1]] {count = 8, input_type = !quant.uniform<i8:f32, 0.5:-1>} : tensor<1x2x!quant.uniform<i8:f32, 0.25>>
  // CHECK-NEXT: %[[S2:\w+]] = tinyts.sum_rows %{{\w+}} : tensor<1x1x1x2xi32>
  // CHECK-NEXT: %[[N:\w+]] = tinyts.requantized_mean_of_sums %[[S2]] {count = 3, input_type = !quant.uniform<i8:f32, 0.5:-1>} : tensor<1x1x1x2x!quant.uniform<i8:f32, 0.25>>
  // CHECK-NEXT: func.return %[[M]], %[[N]]
  %a = tinyts.mean %x : tensor<1x2x!r>
  %b = tinyts.mean %z : tensor<1x1x1x2x!r>
  func.return %a, %b : tensor<1x2x!r>, tensor<1x1x1x2x!r>
}
