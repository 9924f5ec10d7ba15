// RUN: tinyts-opt %s --fold-pads | filecheck %s

!q = !quant.uniform<i8:f32, 0.5:-1>
!r = !quant.uniform<i8:f32, 0.25>
!w = !quant.uniform<i8:f32, 0.125>

// Padding adds up; properties, attributes and the location stay.
// CHECK-LABEL: @conv
func.func @conv(%x: tensor<1x4x4x2x!q>) -> tensor<1x3x3x2x!r> {
  // CHECK-NOT: tinyts.pad
  // CHECK: tinyts.conv_2d %x, %w {stride = [2, 2], padding = [1, 2, 1, 1], activation = relu} attributes {mark = 1 : i32} : tensor<1x3x3x2x!quant.uniform<i8:f32, 0.25>>
  %w = tinyts.constant dense<1> : tensor<2x3x2x2xi8> as !w
  %p = tinyts.pad %x {padding = [0, 2, 1, 0]} : tensor<1x6x5x2x!q>
  %y = tinyts.conv_2d %p, %w {stride = [2, 2], padding = [1, 0, 0, 1], activation = relu} attributes {mark = 1 : i32} : tensor<1x3x3x2x!r>
  func.return %y : tensor<1x3x3x2x!r>
}

// CHECK-LABEL: @depthwise
func.func @depthwise(%x: tensor<1x4x4x2x!q>) -> tensor<1x4x4x2x!r> {
  // CHECK-NOT: tinyts.pad
  // CHECK: tinyts.depthwise_conv_2d %x, %w {padding = [1, 1, 1, 1]} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.25>>
  %w = tinyts.constant dense<1> : tensor<1x3x3x2xi8> as !w
  %p = tinyts.pad %x {padding = [1, 1, 1, 1]} : tensor<1x6x6x2x!q>
  %y = tinyts.depthwise_conv_2d %p, %w : tensor<1x4x4x2x!r>
  func.return %y : tensor<1x4x4x2x!r>
}

// Who else reads the pad keeps it.
// CHECK-LABEL: @another_reader
func.func @another_reader(%x: tensor<1x4x4x2x!q>) -> (tensor<1x6x6x2x!r>, tensor<1x6x6x2x!q>) {
  // CHECK: %p = tinyts.pad %x
  // CHECK: tinyts.conv_2d %x, %w {padding = [1, 1, 1, 1]}
  // CHECK: tinyts.leaky_relu %p
  %w = tinyts.constant dense<1> : tensor<2x1x1x2xi8> as !w
  %p = tinyts.pad %x {padding = [1, 1, 1, 1]} : tensor<1x6x6x2x!q>
  %y = tinyts.conv_2d %p, %w : tensor<1x6x6x2x!r>
  %z = tinyts.leaky_relu %p {alpha = 0.5} : tensor<1x6x6x2x!q>
  func.return %y, %z : tensor<1x6x6x2x!r>, tensor<1x6x6x2x!q>
}

// A chain of pads folds whole.
// CHECK-LABEL: @chain
func.func @chain(%x: tensor<1x4x4x2x!q>) -> tensor<1x8x8x2x!r> {
  // CHECK-NOT: tinyts.pad
  // CHECK: tinyts.conv_2d %x, %w {padding = [2, 2, 2, 2]}
  %w = tinyts.constant dense<1> : tensor<2x1x1x2xi8> as !w
  %p = tinyts.pad %x {padding = [1, 1, 1, 1]} : tensor<1x6x6x2x!q>
  %q = tinyts.pad %p {padding = [1, 1, 1, 1]} : tensor<1x8x8x2x!q>
  %y = tinyts.conv_2d %q, %w : tensor<1x8x8x2x!r>
  func.return %y : tensor<1x8x8x2x!r>
}

// Padding of channels, other quantization, and pools, where padding means something else, stay.
// CHECK-LABEL: @kept
func.func @kept(%x: tensor<1x4x4x1x!q>) -> (tensor<1x4x4x2x!r>, tensor<1x5x4x2x!r>, tensor<1x2x2x1x!q>) {
  // CHECK: tinyts.pad %x {channels = [0, 1]}
  // CHECK: tinyts.pad %x {padding = [1, 0, 0, 0]}
  // CHECK: tinyts.pad %x {padding = [1, 1, 1, 1]}
  // CHECK: tinyts.conv_2d %a, %w :
  // CHECK: tinyts.conv_2d %b, %v :
  // CHECK: tinyts.average_pool_2d %c {window = [3, 3], stride = [2, 2]}
  %w = tinyts.constant dense<1> : tensor<2x1x1x2xi8> as !w
  %v = tinyts.constant dense<1> : tensor<2x1x1x1xi8> as !w
  %a = tinyts.pad %x {channels = [0, 1]} : tensor<1x4x4x2x!q>
  %b = tinyts.pad %x {padding = [1, 0, 0, 0]} : tensor<1x5x4x1x!r>
  %c = tinyts.pad %x {padding = [1, 1, 1, 1]} : tensor<1x6x6x1x!q>
  %d = tinyts.conv_2d %a, %w : tensor<1x4x4x2x!r>
  %e = tinyts.conv_2d %b, %v : tensor<1x5x4x2x!r>
  %f = tinyts.average_pool_2d %c {window = [3, 3], stride = [2, 2]} : tensor<1x2x2x1x!q>
  func.return %d, %e, %f : tensor<1x4x4x2x!r>, tensor<1x5x4x2x!r>, tensor<1x2x2x1x!q>
}

// Bands: the padding of a whole map is not that of its bands.
// CHECK-LABEL: @bands
func.func @bands(%x: tensor<1x4x4x2x!q>) -> tensor<1x1x4x2x!r, #tinyts.rows<0:1 of 4>> {
  // CHECK: tinyts.pad %x
  // CHECK: tinyts.conv_2d %p, %w {padding = [1, 1, 0, 0]}
  %w = tinyts.constant dense<1> : tensor<2x5x1x2xi8> as !w
  %p = tinyts.pad %x {padding = [1, 1, 0, 0]} : tensor<1x6x4x2x!q>
  %y = tinyts.conv_2d %p, %w {padding = [1, 1, 0, 0]} : tensor<1x1x4x2x!r, #tinyts.rows<0:1 of 4>>
  func.return %y : tensor<1x1x4x2x!r, #tinyts.rows<0:1 of 4>>
}
