// RUN: tinyts-opt %s --split-input-file --canonicalize | filecheck %s

!q = !quant.uniform<i8:f32, 0.5:-1>
!r = !quant.uniform<i8:f32, 0.25>

// A pad that adds nothing goes, one that changes anything stays.
// CHECK-LABEL: @pads
func.func @pads(%x: tensor<1x4x4x2x!q>) -> (tensor<1x4x4x2x!q>, tensor<1x4x4x2x!r>, tensor<1x5x4x2x!q>) {
  // CHECK-NEXT: %b = tinyts.pad %x : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.25>>
  // CHECK-NEXT: %c = tinyts.pad %x {padding = [1, 0, 0, 0]}
  // CHECK-NEXT: func.return %x, %b, %c
  %a = tinyts.pad %x : tensor<1x4x4x2x!q>
  %b = tinyts.pad %x : tensor<1x4x4x2x!r>
  %c = tinyts.pad %x {padding = [1, 0, 0, 0]} : tensor<1x5x4x2x!q>
  func.return %a, %b, %c : tensor<1x4x4x2x!q>, tensor<1x4x4x2x!r>, tensor<1x5x4x2x!q>
}

// CHECK-LABEL: @trivial_reshape
func.func @trivial_reshape(%x: tensor<8x!q>) -> tensor<8x!q> {
  // CHECK-NEXT: func.return %x
  %y = tinyts.reshape %x : tensor<8x!q>
  func.return %y : tensor<8x!q>
}

// Only the last of a chain of reshapes counts; where it leads back, none is left.
// CHECK-LABEL: @chain
func.func @chain(%x: tensor<8x!q>) -> (tensor<4x2x!r>, tensor<8x!q>) {
  // CHECK-NEXT: %[[C:.*]] = tinyts.reshape %x : tensor<4x2x!quant.uniform<i8:f32, 0.25>>
  // CHECK-NEXT: func.return %[[C]], %x
  %a = tinyts.reshape %x : tensor<2x4x!q>
  %b = tinyts.reshape %a : tensor<1x8x!r>
  %c = tinyts.reshape %b : tensor<4x2x!r>
  %d = tinyts.reshape %b : tensor<8x!q>
  func.return %c, %d : tensor<4x2x!r>, tensor<8x!q>
}

// What is only reshaped is received in that shape, so that its rows can come one by one.
// CHECK-LABEL: @receive_reshaped
func.func @receive_reshaped(%x: tensor<8x!q>) -> tensor<1x4x2x1x!q> {
  // CHECK-NEXT: %[[Y:.*]] = tinyts.receive %x : tensor<1x4x2x1x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-NEXT: func.return %[[Y]]
  %a = tinyts.receive %x : tensor<8x!q>
  %y = tinyts.reshape %a : tensor<1x4x2x1x!q>
  func.return %y : tensor<1x4x2x1x!q>
}

// An input that something reads as it is stays as it is.
// CHECK-LABEL: @receive_read_twice
func.func @receive_read_twice(%x: tensor<8x!q>) -> (tensor<8x!q>, tensor<1x4x2x1x!q>) {
  // CHECK-NEXT: %a = tinyts.receive %x : tensor<8x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-NEXT: %y = tinyts.reshape %a : tensor<1x4x2x1x!quant.uniform<i8:f32, 0.5:-1>>
  %a = tinyts.receive %x : tensor<8x!q>
  %y = tinyts.reshape %a : tensor<1x4x2x1x!q>
  func.return %a, %y : tensor<8x!q>, tensor<1x4x2x1x!q>
}

// What nothing reads goes, but for inputs: the application brings them.
// CHECK-LABEL: @dead
func.func @dead(%x: tensor<8x!q>) {
  // CHECK-NEXT: %a = tinyts.receive %x
  // CHECK-NEXT: func.return
  %a = tinyts.receive %x : tensor<8x!q>
  %y = tinyts.leaky_relu %a {alpha = 0.5} : tensor<8x!q>
  func.return
}

// -----

!i = !quant.uniform<i8:f32, 0.5:-1>
!o = !quant.uniform<i8:f32, 0.25>
!axis = !quant.uniform<i8:f32:3, {0.5, -0.25}>
!bias = !quant.uniform<i32:f32:0, {0.25, -0.125}>
!tensor = !quant.uniform<i8:f32, 0.125>

// One channel to several is an ordinary convolution: the filter's axes and that of its scales change places.
// CHECK-LABEL: @depth_multiplier
func.func @depth_multiplier(%x: tensor<1x5x4x1x!i>) -> (tensor<1x3x3x2x!o>, tensor<1x5x4x2x!o>) {
  // CHECK-DAG: %[[W:.*]] = tinyts.constant dense<{{\[\[\[\[}}1], [3]], {{\[\[}}5], [7]]], {{\[\[\[}}2], [4]], {{\[\[}}6], [8]]]]> : tensor<2x2x2x1xi8> as !quant.uniform<i8:f32:0, {0.5, -0.25}>
  // CHECK-DAG: %[[V:.*]] = tinyts.constant dense<{{\[\[\[\[}}-1]]], {{\[\[\[}}9]]]]> : tensor<2x1x1x1xi8> as !quant.uniform<i8:f32, 0.125>
  // CHECK-DAG: tinyts.conv_2d %x, %[[W]], %b {stride = [2, 1], padding = [0, 1, 0, 0], activation = relu6} attributes {mark = 1 : i32} : tensor<1x3x3x2x!quant.uniform<i8:f32, 0.25>>
  // CHECK-DAG: tinyts.conv_2d %x, %[[V]] : tensor<1x5x4x2x!quant.uniform<i8:f32, 0.25>>
  // CHECK-NOT: tinyts.depthwise_conv_2d
  // CHECK: func.return
  %w = tinyts.constant dense<[[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]]> : tensor<1x2x2x2xi8> as !axis
  %v = tinyts.constant dense<[[[[-1, 9]]]]> : tensor<1x1x1x2xi8> as !tensor
  %b = tinyts.constant dense<[7, -3]> : tensor<2xi32> as !bias
  %y = tinyts.depthwise_conv_2d %x, %w, %b {stride = [2, 1], padding = [0, 1, 0, 0], activation = relu6} attributes {mark = 1 : i32} : tensor<1x3x3x2x!o>
  %z = tinyts.depthwise_conv_2d %x, %v : tensor<1x5x4x2x!o>
  func.return %y, %z : tensor<1x3x3x2x!o>, tensor<1x5x4x2x!o>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>

// Several channels are groups where each has many outputs.
// CHECK-LABEL: @groups
func.func @groups(%x: tensor<1x5x4x2x!q>) -> tensor<1x5x4x16x!q> {
  // CHECK: %[[W:.*]] = tinyts.constant dense<3> : tensor<16x1x1x1xi8>
  // CHECK: tinyts.conv_2d %x, %[[W]] : tensor<1x5x4x16x
  %w = tinyts.constant dense<3> : tensor<1x1x1x16xi8> as !w
  %y = tinyts.depthwise_conv_2d %x, %w : tensor<1x5x4x16x!q>
  func.return %y : tensor<1x5x4x16x!q>
}

// Others stay: one output for each channel, few for each of several, bands, a filter that is no constant.
// CHECK-LABEL: @depthwise
func.func @depthwise(%x: tensor<1x5x4x1x!q>, %y: tensor<1x5x4x2x!q>, %band: tensor<1x1x4x1x!q, #tinyts.rows<0:1 of 5>>, %f: tensor<1x1x1x2x!w>)
    -> (tensor<1x5x4x1x!q>, tensor<1x5x4x14x!q>, tensor<1x1x4x2x!q, #tinyts.rows<0:1 of 5>>, tensor<1x5x4x2x!q>) {
  // CHECK-COUNT-4: tinyts.depthwise_conv_2d
  %w = tinyts.constant dense<1> : tensor<1x1x1x1xi8> as !w
  %a = tinyts.depthwise_conv_2d %x, %w : tensor<1x5x4x1x!q>
  %v = tinyts.constant dense<1> : tensor<1x1x1x14xi8> as !w
  %b = tinyts.depthwise_conv_2d %y, %v : tensor<1x5x4x14x!q>
  %u = tinyts.constant dense<1> : tensor<1x1x1x2xi8> as !w
  %c = tinyts.depthwise_conv_2d %band, %u : tensor<1x1x4x2x!q, #tinyts.rows<0:1 of 5>>
  %d = tinyts.depthwise_conv_2d %x, %f : tensor<1x5x4x2x!q>
  func.return %a, %b, %c, %d : tensor<1x5x4x1x!q>, tensor<1x5x4x14x!q>, tensor<1x1x4x2x!q, #tinyts.rows<0:1 of 5>>, tensor<1x5x4x2x!q>
}
