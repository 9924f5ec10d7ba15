// RUN: tinyts-opt %s --choose-bands --split-input-file | filecheck %s
// RUN: tinyts-opt %s --choose-bands=limit=4096,highest=4 --split-input-file | filecheck %s --check-prefix=LIMIT
// RUN: tinyts-opt %s --choose-bands=limit=4096,highest=4 --split-tensors --split-input-file | filecheck %s --check-prefix=SPLIT
// RUN: tinyts-opt %s --choose-bands=limit=4096,highest=4 --split-tensors=rows=3 --split-input-file | filecheck %s --check-prefix=THREE
// RUN: tinyts-opt %s --split-tensors=rows=1 --stream-reductions --schedule-bands --plan-arena --split-input-file | filecheck %s --check-prefix=ONES
// RUN: tinyts-opt %s --choose-bands --split-tensors --stream-reductions --schedule-bands --plan-arena --split-input-file | filecheck %s --check-prefix=CHOSEN

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.015625>

// CHECK-LABEL: @chain
// LIMIT-LABEL: @chain
// SPLIT-LABEL: @chain
// THREE-LABEL: @chain
func.func @chain(%x: tensor<1x12x6x16x!q>) -> tensor<1x1x1x8x!q> {
  // Rows of the input stay as they arrive; maps behind the fullest step are made at once.
  // CHECK: tinyts.receive %x attributes {tinyts.segment = array<i64: 0>, tinyts.held}
  // CHECK: %b = tinyts.conv_2d {{.*}} attributes {tinyts.segment = array<i64: 0>, tinyts.held}
  // CHECK: %c = tinyts.depthwise_conv_2d {{.*}} attributes {tinyts.band_rows = 6 : i64, tinyts.segment = array<i64: 1>, tinyts.held}
  // CHECK: %d = tinyts.conv_2d {{.*}} attributes {tinyts.band_rows = 6 : i64, tinyts.segment = array<i64: 2>, tinyts.held}
  // LIMIT: tinyts.receive %x attributes {tinyts.segment
  // LIMIT: %a = tinyts.depthwise_conv_2d {{.*}} attributes {{{.*}}tinyts.band_rows = 3 : i64
  // LIMIT: %d = tinyts.conv_2d {{.*}} attributes {{{.*}}tinyts.band_rows = 4 : i64
  // SPLIT: tinyts.receive %x {{.*}}<0:1 of 12>>
  // SPLIT-NOT: band_rows
  // SPLIT: tinyts.depthwise_conv_2d {{.*}}<0:3 of 6>>
  // SPLIT: tinyts.depthwise_conv_2d {{.*}}<3:6 of 6>>
  // SPLIT: tinyts.conv_2d {{.*}}tinyts.segment = array<i64: 2{{.*}}<4:6 of 6>>
  // Rows that are asked for go before those that are chosen, and so does the search for an order.
  // THREE-NOT: tinyts.segment
  // THREE: tinyts.depthwise_conv_2d {{.*}}<0:3 of 6>>
  // THREE: tinyts.conv_2d {{.*}}<3:6 of 6>>
  %w = tinyts.constant dense<1> : tensor<1x3x3x16xi8> as !w
  %v = tinyts.constant dense<1> : tensor<2x1x1x16xi8> as !w
  %u = tinyts.constant dense<1> : tensor<1x3x3x2xi8> as !w
  %t = tinyts.constant dense<1> : tensor<8x1x1x2xi8> as !w
  %a = tinyts.depthwise_conv_2d %x, %w {stride = [2, 2], padding = [0, 1, 0, 1]} : tensor<1x6x3x16x!q>
  %b = tinyts.conv_2d %a, %v : tensor<1x6x3x2x!q>
  %c = tinyts.depthwise_conv_2d %b, %u {padding = [1, 1, 1, 1]} : tensor<1x6x3x2x!q>
  %d = tinyts.conv_2d %c, %t : tensor<1x6x3x8x!q>
  %e = tinyts.average_pool_2d %d {window = [6, 3]} : tensor<1x1x1x8x!q>
  func.return %e : tensor<1x1x1x8x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

!w = !quant.uniform<i8:f32, 0.015625>

// A map that is returned is made in its place: there is room for it as soon as its first band is made.
// CHECK-LABEL: @returned
// CHECK-SAME: tinyts.fitting_bytes = 224 : i64
// CHECK: %b = tinyts.conv_2d {{.*}} attributes {{{.*}}tinyts.band_rows = 6 : i64
// CHECK: %c = tinyts.conv_2d {{.*}} attributes {tinyts.band_rows = 6 : i64, tinyts.segment = array<i64: 2, 3>
// Which is what bands of one row take.
// ONES-LABEL: @returned
// ONES-SAME: tinyts.arena_bytes = 224 : i64
// CHOSEN-LABEL: @returned
// CHOSEN-SAME: tinyts.arena_bytes = 224 : i64
// CHOSEN-NOT: fitting_bytes
func.func @returned(%x: tensor<1x12x6x4x!q>) -> tensor<1x6x3x8x!q> {
  %w = tinyts.constant dense<1> : tensor<1x3x3x4xi8> as !w
  %v = tinyts.constant dense<1> : tensor<4x1x1x4xi8> as !w
  %t = tinyts.constant dense<1> : tensor<8x1x1x4xi8> as !w
  %a = tinyts.depthwise_conv_2d %x, %w {stride = [2, 2], padding = [0, 1, 0, 1]} : tensor<1x6x3x4x!q>
  %b = tinyts.conv_2d %a, %v : tensor<1x6x3x4x!q>
  %c = tinyts.conv_2d %b, %t : tensor<1x6x3x8x!q>
  func.return %c : tensor<1x6x3x8x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.015625>

// Rows that are concatenated stay bands of their own; what reads them need not.
// CHECK-LABEL: @stacked
// CHECK: %a = tinyts.conv_2d
// CHECK-NOT: band_rows
// CHECK: %c = tinyts.concatenation
// CHECK: %d = tinyts.conv_2d {{.*}} attributes {{{.*}}tinyts.band_rows = 4 : i64
// ONES-LABEL: @stacked
// ONES-SAME: tinyts.arena_bytes = 144 : i64
// CHOSEN-LABEL: @stacked
// CHOSEN-SAME: tinyts.arena_bytes = 144 : i64
func.func @stacked(%x: tensor<1x4x6x16x!q>) -> tensor<1x1x1x2x!q> {
  %v = tinyts.constant dense<1> : tensor<2x1x1x16xi8> as !w
  %t = tinyts.constant dense<1> : tensor<2x1x1x2xi8> as !w
  %a = tinyts.conv_2d %x, %v : tensor<1x4x6x2x!q>
  %b = tinyts.max_pool_2d %a {window = [1, 1]} : tensor<1x4x6x2x!q>
  %c = tinyts.concatenation %a, %b {axis = 1} : tensor<1x8x6x2x!q>
  %d = tinyts.conv_2d %c, %t : tensor<1x8x6x2x!q>
  %e = tinyts.average_pool_2d %d {window = [8, 6]} : tensor<1x1x1x2x!q>
  func.return %e : tensor<1x1x1x2x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// Here all maps live together: higher bands need a larger arena.
// CHECK-LABEL: @parts
// CHECK-NOT: tinyts.band_rows
// CHECK-NOT: tinyts.fitting_bytes
// LIMIT-LABEL: @parts
// LIMIT: tinyts.split {{.*}} attributes {{{.*}}tinyts.band_rows = 2 : i64
// LIMIT: tinyts.add {{.*}} attributes {{{.*}}tinyts.band_rows = 4 : i64
func.func @parts(%x: tensor<1x4x4x4x!q>) -> tensor<1x4x4x2x!q> {
  %a, %b = tinyts.split %x {axis = 3} : (tensor<1x4x4x2x!q>, tensor<1x4x4x2x!q>)
  %c = tinyts.add %a, %b : tensor<1x4x4x2x!q>
  func.return %c : tensor<1x4x4x2x!q>
}
