// RUN: tinyts-opt %s --split-input-file --verify-plan --lower-to-runtime | filecheck %s

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.25>
!b = !quant.uniform<i32:f32, 0.125>

// Bands fold back into layers with one offset a band, and the order of ops into layer numbers. A step without scratch
// has no place for it.
// CHECK-LABEL: tinyrt.program @bands {arena_bytes = 512} {
func.func @bands(%x: tensor<1x4x2x8x!q>) -> tensor<1x2x2x2x!q>
    attributes {tinyts.arena_bytes = 512 : i64, tinyts.input_names = ["image"], tinyts.output_names = ["map"]} {
  // CHECK-NEXT: %[[X:.*]] = tinyrt.tensor {rows = 4, band_rows = 1, row_bytes = 16, offsets = [0, 16, 32, 0]}
  // CHECK-NEXT: %[[Y:.*]] = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 4, offsets = [48, 64]}
  // CHECK-NEXT: %[[S:.*]] = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 384, offsets = [128, -1]}
  // CHECK-NEXT: %[[Z:.*]] = tinyrt.tensor {rows = 2, band_rows = 2, row_bytes = 4, offsets = [80]}
  // CHECK-NEXT: %[[F:.*]] = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [80]}
  // CHECK-NEXT: tinyrt.receive %[[X]] {input = 0}
  // Weights are packed; biases have the input's zero point folded in: 7 + 48, and 256 times that with 56.
  // CHECK-NEXT: tinyrt.layer %[[X]] to %[[Y]] scratch %[[S]] {kernel = conv_2d, struct = conv_2d, row_stride = 2, window_rows = 3, padding_top = 1} parameters {weights = dense<16843009> : tensor<1x12x2xui32>, channel_pairs = dense<[[14136, 56,
  // CHECK-SAME: filter_height = 3
  // CHECK-NEXT: tinyrt.layer %[[Y]] to %[[Z]] {kernel = copy, struct = copy, row_stride = 1, window_rows = 1, padding_top = 0} parameters {row_bytes = 4}
  // CHECK-NEXT: tinyrt.schedule {steps = [0, 0, 1, 0, 0, 1, 2]}
  // CHECK-NEXT: tinyrt.interface %[[X]] to %[[F]] {inputs = ["image"], outputs = ["map"], input_types = [!quant.uniform<i8:f32, 0.5:-1>], output_types = [!quant.uniform<i8:f32, 0.5:-1>]}
  %w = tinyts.constant dense<1> : tensor<2x3x2x8xi8> as !w
  %b = tinyts.constant dense<[7, 8]> : tensor<2xi32> as !b
  %0 = tinyts.receive %x {offsets = [0]} : tensor<1x1x2x8x!q, #tinyts.rows<0:1 of 4>>
  %1 = tinyts.receive %x {offsets = [16]} : tensor<1x1x2x8x!q, #tinyts.rows<1:2 of 4>>
  %2 = tinyts.conv_2d [%0, %1], %w, %b {stride = [2, 1], padding = [1, 0, 0, 1], offsets = [48], scratch = [128, 384]} : tensor<1x1x2x2x!q, #tinyts.rows<0:1 of 2>>
  %3 = tinyts.receive %x {offsets = [32]} : tensor<1x1x2x8x!q, #tinyts.rows<2:3 of 4>>
  %4 = tinyts.receive %x {offsets = [0]} : tensor<1x1x2x8x!q, #tinyts.rows<3:4 of 4>>
  %5 = tinyts.conv_2d [%1, %3, %4], %w, %b {stride = [2, 1], padding = [1, 0, 0, 1], offsets = [64]} : tensor<1x1x2x2x!q, #tinyts.rows<1:2 of 2>>
  %6 = tinyts.join [%2, %5] {offsets = [80]} : tensor<1x2x2x2x!q>
  func.return %6 : tensor<1x2x2x2x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// A reshape is no step; the same bytes have a tensor for each of their shapes. Names where the model has none.
// CHECK-LABEL: tinyrt.program @shapes
func.func @shapes(%x: tensor<8x!q>, %y: tensor<1x2x2x2x!q>) -> (tensor<1x4x2x1x!q>, tensor<8x!q>)
    attributes {tinyts.arena_bytes = 32 : i64} {
  // CHECK: %[[X:.*]] = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 8, offsets = [0]}
  // CHECK: %[[Y:.*]] = tinyrt.tensor {rows = 2, band_rows = 2, row_bytes = 4, offsets = [8]}
  // CHECK: %[[M:.*]] = tinyrt.tensor {rows = 4, band_rows = 4, row_bytes = 2, offsets = [0]}
  // CHECK: tinyrt.receive %[[X]] {input = 0}
  // CHECK: tinyrt.receive %[[Y]] {input = 1}
  // CHECK: tinyrt.layer %[[M]] to %{{.*}} {kernel = lookup, struct = lookup, {{.*}} parameters {table = dense<{{.*}}> : tensor<256xi8>, row_elements = 2}
  // CHECK: tinyrt.schedule {steps = [0, 1, 2]}
  // CHECK: tinyrt.interface [%[[X]], %[[Y]]] to [%{{.*}}, %{{.*}}] {inputs = ["input0", "input1"], outputs = ["output0", "output1"], input_types = [
  %0 = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %1 = tinyts.receive %y {offsets = [8]} : tensor<1x2x2x2x!q>
  %2 = tinyts.reshape %0 {offsets = [0]} : tensor<1x4x2x1x!q>
  %3 = tinyts.leaky_relu %2 {alpha = 0.5, offsets = [16]} : tensor<1x4x2x1x!q>
  %4 = tinyts.reshape %1 {offsets = [8]} : tensor<8x!q>
  func.return %3, %4 : tensor<1x4x2x1x!q>, tensor<8x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// Layers that are equal in everything: a row belongs to the layer of the rows that it is read with, whatever the order.
// CHECK-LABEL: tinyrt.program @twins
func.func @twins(%x: tensor<1x2x2x1x!q>) -> (tensor<1x2x2x1x!q>, tensor<1x2x2x1x!q>) attributes {tinyts.arena_bytes = 48 : i64} {
  // CHECK: tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 2, offsets = [0, 4]}
  // CHECK: %[[A:.*]] = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 2, offsets = [8, 16]}
  // CHECK: %[[B:.*]] = tinyrt.tensor {rows = 2, band_rows = 1, row_bytes = 2, offsets = [12, 20]}
  // CHECK: tinyrt.layer %[[B]] to %{{.*}} {kernel = copy
  // CHECK: tinyrt.layer %[[A]] to %{{.*}} {kernel = copy
  // CHECK: tinyrt.schedule {steps = [0, 0, 1, 2, 2, 3, 1, 4]}
  %0 = tinyts.receive %x {offsets = [0]} : tensor<1x1x2x1x!q, #tinyts.rows<0:1 of 2>>
  %1 = tinyts.receive %x {offsets = [4]} : tensor<1x1x2x1x!q, #tinyts.rows<1:2 of 2>>
  %a0 = tinyts.max_pool_2d %0 {window = [1, 1], offsets = [8]} : tensor<1x1x2x1x!q, #tinyts.rows<0:1 of 2>>
  %b0 = tinyts.max_pool_2d %0 {window = [1, 1], offsets = [12]} : tensor<1x1x2x1x!q, #tinyts.rows<0:1 of 2>>
  %b1 = tinyts.max_pool_2d %1 {window = [1, 1], offsets = [20]} : tensor<1x1x2x1x!q, #tinyts.rows<1:2 of 2>>
  %b = tinyts.join [%b0, %b1] {offsets = [24]} : tensor<1x2x2x1x!q>
  %a1 = tinyts.max_pool_2d %1 {window = [1, 1], offsets = [16]} : tensor<1x1x2x1x!q, #tinyts.rows<1:2 of 2>>
  %a = tinyts.join [%a0, %a1] {offsets = [28]} : tensor<1x2x2x1x!q>
  func.return %a, %b : tensor<1x2x2x1x!q>, tensor<1x2x2x1x!q>
}
