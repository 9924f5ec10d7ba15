// RUN: tinyts-opt %s | tinyts-opt | filecheck %s
// RUN: tinyts-opt %s --print-op-generic > %t.mlir && tinyts-opt %t.mlir | filecheck %s
// RUN: filecheck %s --check-prefix=GENERIC --input-file %t.mlir

!q = !quant.uniform<i8:f32, 0.5:-1>
!r = !quant.uniform<i8:f32, 0.25:3>
!w = !quant.uniform<i8:f32, 0.125>
!w2 = !quant.uniform<i8:f32:0, {0.5, 0.25}>
!d4 = !quant.uniform<i8:f32:3, {0.5, 0.25, 1.0, 2.0}>
!b = !quant.uniform<i32:f32, 0.0625>
!p = !quant.uniform<i8:f32, 0.00390625:-128>

func.func @main(%image: tensor<1x6x4x2x!q>, %flat: tensor<48x!q>) {
  // CHECK: %w = tinyts.constant dense<[{{.*}}]> : tensor<2x1x1x2xi8> as !quant.uniform<i8:f32:0, {0.5, 0.25}>
  // GENERIC: "tinyts.constant"() <{value = dense<{{.*}}> : tensor<2x1x1x2xi8>}> : () -> tensor<2x1x1x2x!quant.uniform<i8:f32:0, {0.5, 0.25}>>
  %w = tinyts.constant dense<[[[[1, -2]]], [[[-128, 127]]]]> : tensor<2x1x1x2xi8> as !w2
  // CHECK: %b = tinyts.constant dense<[7, -2147483648]> : tensor<2xi32> as !quant.uniform<i32:f32, 0.0625>
  %b = tinyts.constant dense<[7, -2147483648]> : tensor<2xi32> as !b
  %w3 = tinyts.constant dense<1> : tensor<2x3x2x1xi8> as !w
  %d = tinyts.constant dense<1> : tensor<1x3x3x4xi8> as !d4
  %f = tinyts.constant dense<1> : tensor<2x16xi8> as !w2

  // A flat input can be received as the rows of a map, and its rows one by one.
  // CHECK: %x = tinyts.receive %image : tensor<1x6x4x2x!quant.uniform<i8:f32, 0.5:-1>>
  // GENERIC: "tinyts.receive"(%image) : (tensor<1x6x4x2x!quant.uniform<i8:f32, 0.5:-1>>) -> tensor<1x6x4x2x!quant.uniform<i8:f32, 0.5:-1>>
  %x = tinyts.receive %image : tensor<1x6x4x2x!q>
  // CHECK: %top = tinyts.receive %flat : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<0:4 of 6>>
  %top = tinyts.receive %flat : tensor<1x4x4x2x!q, #tinyts.rows<0:4 of 6>>
  // CHECK: %bottom = tinyts.receive %flat : tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<4:6 of 6>>
  %bottom = tinyts.receive %flat : tensor<1x2x4x2x!q, #tinyts.rows<4:6 of 6>>
  // CHECK: %joined = tinyts.join [%top, %bottom] : tensor<1x6x4x2x!quant.uniform<i8:f32, 0.5:-1>>
  %joined = tinyts.join [%top, %bottom] : tensor<1x6x4x2x!q>

  // CHECK: tinyts.conv_2d %x, %w : tensor<1x6x4x2x!quant.uniform<i8:f32, 0.25:3>>
  // GENERIC: "tinyts.conv_2d"(%x, %w) <{
  // GENERIC-SAME: operandSegmentSizes = array<i32: 1, 1, 0>
  %c0 = tinyts.conv_2d %x, %w : tensor<1x6x4x2x!r>
  // A grouped convolution with everything.
  // CHECK: tinyts.conv_2d %x, %w3, %b {stride = [2, 1], dilation = [2, 1], padding = [1, 2, 0, 3], activation = relu6} : tensor<1x3x6x2x!quant.uniform<i8:f32, 0.25:3>>
  // GENERIC: "tinyts.conv_2d"(%x, %w3, %b) <{
  // GENERIC-SAME: stride = array<i64: 2, 1>
  %c1 = tinyts.conv_2d %x, %w3, %b {stride = [2, 1], dilation = [2, 1], padding = [1, 2, 0, 3], activation = relu6} : tensor<1x3x6x2x!r>
  // Bands, planned.
  // CHECK: tinyts.conv_2d [%top, %bottom], %w3, %b {dilation = [2, 1], padding = [2, 2, 0, 1], offsets = [64], scratch = [96, 32]} : tensor<1x2x4x2x!quant.uniform<i8:f32, 0.25:3>, #tinyts.rows<2:4 of 6>>
  %c2 = tinyts.conv_2d [%top, %bottom], %w3, %b {dilation = [2, 1], padding = [2, 2, 0, 1], offsets = [64], scratch = [96, 32]} : tensor<1x2x4x2x!r, #tinyts.rows<2:4 of 6>>

  // CHECK: tinyts.depthwise_conv_2d %x, %d {stride = [2, 2], padding = [1, 1, 1, 1], activation = relu_n1_to_1} :
  %d0 = "tinyts.depthwise_conv_2d"(%x, %d) <{stride = array<i64: 2, 2>, dilation = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, activation = "relu_n1_to_1", operandSegmentSizes = array<i32: 1, 1, 0>}> : (tensor<1x6x4x2x!q>, tensor<1x3x3x4x!d4>) -> tensor<1x3x2x4x!r>

  // CHECK: tinyts.average_pool_2d %x {window = [6, 4]} : tensor<1x1x1x2x!quant.uniform<i8:f32, 0.5:-1>>
  %p0 = tinyts.average_pool_2d %x {window = [6, 4]} : tensor<1x1x1x2x!q>
  // CHECK: tinyts.max_pool_2d [%top, %bottom] {window = [3, 2], stride = [2, 2], padding = [1, 0, 0, 0], activation = relu} : tensor<1x3x2x2x!quant.uniform<i8:f32, 0.5:-1>>
  %p1 = tinyts.max_pool_2d [%top, %bottom] {window = [3, 2], stride = [2, 2], padding = [1, 0, 0, 0], activation = relu} : tensor<1x3x2x2x!q>

  // CHECK: tinyts.min_pool_2d %x {window = [6, 4]} : tensor<1x1x1x2x!quant.uniform<i8:f32, 0.5:-1>>
  %p2 = tinyts.min_pool_2d %x {window = [6, 4]} : tensor<1x1x1x2x!q>

  // CHECK: %a0 = tinyts.add %x, %c0 {activation = relu} : tensor<1x6x4x2x!quant.uniform<i8:f32, 0.5:-1>>
  %a0 = tinyts.add %x, %c0 {activation = relu} : tensor<1x6x4x2x!q>
  // CHECK: %a1 = tinyts.add [%top, %bottom], %c0 : tensor<1x5x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<1:6 of 6>>
  %a1 = tinyts.add [%top, %bottom], %c0 : tensor<1x5x4x2x!q, #tinyts.rows<1:6 of 6>>

  // CHECK: tinyts.fully_connected %x, %f, %b {activation = relu} : tensor<3x2x!quant.uniform<i8:f32, 0.25:3>>
  %f0 = tinyts.fully_connected %x, %f, %b {activation = relu} : tensor<3x2x!r>
  // CHECK: tinyts.fully_connected %x, %f {keep_dimensions = 1} : tensor<1x3x1x2x!quant.uniform<i8:f32, 0.25:3>>
  // GENERIC: "tinyts.fully_connected"(%x, %f) <{keep_dimensions = 1 : i64}>
  %f1 = tinyts.fully_connected %x, %f {keep_dimensions = 1} : tensor<1x3x1x2x!r>

  // CHECK: tinyts.softmax %f0 : tensor<3x2x!quant.uniform<i8:f32, 0.00390625:-128>>
  %s0 = tinyts.softmax %f0 : tensor<3x2x!p>
  // CHECK: tinyts.log_softmax %f0 : tensor<3x2x!quant.uniform<i8:f32, 0.0625:127>>
  %logarithms = tinyts.log_softmax %f0 : tensor<3x2x!quant.uniform<i8:f32, 0.0625:127>>
  // CHECK: tinyts.softmax [%top, %bottom] {beta = 0.1} : tensor<1x6x4x2x!quant.uniform<i8:f32, 0.00390625:-128>>
  %s1 = tinyts.softmax [%top, %bottom] {beta = 0.1} : tensor<1x6x4x2x!p>
  // CHECK: tinyts.leaky_relu %bottom {alpha = -1.0e-08} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.25:3>, #tinyts.rows<5:6 of 6>>
  %l0 = tinyts.leaky_relu %bottom {alpha = -1.0e-08} : tensor<1x1x4x2x!r, #tinyts.rows<5:6 of 6>>

  // CHECK: tinyts.reshape %x {offsets = [16]} : tensor<48x!quant.uniform<i8:f32, 0.25:3>>
  %r0 = tinyts.reshape %x {offsets = [16]} : tensor<48x!r>
  // CHECK: tinyts.pad %x {padding = [1, 2, 3, 4], channels = [5, 6]} : tensor<1x9x11x13x!quant.uniform<i8:f32, 0.5:-1>>
  %pad0 = tinyts.pad %x {padding = [1, 2, 3, 4], channels = [5, 6]} : tensor<1x9x11x13x!q>
  // The top row of a padded map is padding only; still there is an operand.
  // CHECK: tinyts.pad %top {padding = [2, 0, 0, 0]} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<0:1 of 8>>
  %pad1 = tinyts.pad %top {padding = [2, 0, 0, 0]} : tensor<1x1x4x2x!q, #tinyts.rows<0:1 of 8>>

  // CHECK: tinyts.concatenation %x, %joined {axis = 1} : tensor<1x12x4x2x!quant.uniform<i8:f32, 0.5:-1>>
  // GENERIC: "tinyts.concatenation"(%x, %joined) <{axis = 1 : i64}>
  %k0 = tinyts.concatenation %x, %joined {axis = 1} : tensor<1x12x4x2x!q>
  // CHECK: tinyts.concatenation [%top, %bottom], %x {axis = 3} : tensor<1x6x4x4x!quant.uniform<i8:f32, 0.5:-1>>
  // GENERIC: "tinyts.concatenation"(%top, %bottom, %x) <{axis = 3 : i64, bands = array<i64: 2, 1>}>
  %k1 = tinyts.concatenation [%top, %bottom], %x {axis = 3} : tensor<1x6x4x4x!q>

  // CHECK: %s2, %s3 = tinyts.split %x {axis = 2} : (tensor<1x6x2x2x!quant.uniform<i8:f32, 0.5:-1>>, tensor<1x6x2x2x!quant.uniform<i8:f32, 0.5:-1>>)
  %s2, %s3 = tinyts.split %x {axis = 2} : (tensor<1x6x2x2x!q>, tensor<1x6x2x2x!q>)
  // CHECK: %s4, %s5 = tinyts.split %top {axis = 3, offsets = [0, 4]} : (tensor<1x1x4x1x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<1:2 of 6>>, tensor<1x1x4x1x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<1:2 of 6>>)
  %s4, %s5 = tinyts.split %top {axis = 3, offsets = [0, 4]} : (tensor<1x1x4x1x!q, #tinyts.rows<1:2 of 6>>, tensor<1x1x4x1x!q, #tinyts.rows<1:2 of 6>>)
  // CHECK: %s6 = tinyts.split %x {axis = 3} : tensor<1x6x4x2x!quant.uniform<i8:f32, 0.5:-1>>
  %s6 = tinyts.split %x {axis = 3} : tensor<1x6x4x2x!q>

  // An input that is read where it lies.
  // CHECK: tinyts.external_input %flat : tensor<1x6x4x2x!quant.uniform<i8:f32, 0.5:-1>>
  %e0 = tinyts.external_input %flat : tensor<1x6x4x2x!q>

  // Rows of one map that are rows of another.
  // CHECK: tinyts.renumber_rows %top {map = 3, offsets = [8]} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<5:9 of 12>>
  // GENERIC: "tinyts.renumber_rows"(%top) <{map = 3 : i64, offsets = array<i64: 8>}>
  %n0 = tinyts.renumber_rows %top {map = 3, offsets = [8]} : tensor<1x4x4x2x!q, #tinyts.rows<5:9 of 12>>

  // A mean of rows and columns.
  // CHECK: tinyts.mean %x : tensor<1x2x!quant.uniform<i8:f32, 0.25:3>>
  %m0 = tinyts.mean %x : tensor<1x2x!r>
  // CHECK: tinyts.mean %x {offsets = [4]} : tensor<1x1x1x2x!quant.uniform<i8:f32, 0.5:-1>>
  // GENERIC: "tinyts.mean"(%x) <{offsets = array<i64: 4>}>
  %m1 = tinyts.mean %x {offsets = [4]} : tensor<1x1x1x2x!q>

  // CHECK: tinyts.sum %x : tensor<1x2x!quant.uniform<i8:f32, 0.25:3>>
  %m2 = tinyts.sum %x : tensor<1x2x!r>

  // Rows are added to int32 state.
  // CHECK: %t0 = tinyts.sum_rows %top : tensor<1x1x1x2xi32>
  // GENERIC: "tinyts.sum_rows"(%top) <{operandSegmentSizes = array<i32: 1, 0>}>
  %t0 = tinyts.sum_rows %top : tensor<1x1x1x2xi32>
  // CHECK: %t1 = tinyts.sum_rows %bottom, %t0 {offsets = [16]} : tensor<1x1x1x2xi32>
  %t1 = tinyts.sum_rows %bottom, %t0 {offsets = [16]} : tensor<1x1x1x2xi32>
  // CHECK: tinyts.mean_of_sums %t1 {count = 24, activation = relu} : tensor<1x1x1x2x!quant.uniform<i8:f32, 0.5:-1>>
  %t2 = tinyts.mean_of_sums %t1 {count = 24, activation = relu} : tensor<1x1x1x2x!q>
  // CHECK: tinyts.requantized_mean_of_sums %t1 {count = 24, input_type = !quant.uniform<i8:f32, 0.5:-1>} : tensor<1x2x!quant.uniform<i8:f32, 0.25:3>>
  %t5 = tinyts.requantized_mean_of_sums %t1 {count = 24, input_type = !q} : tensor<1x2x!r>
  // CHECK: %t6 = tinyts.sum_unsigned_rows %top : tensor<1x1x1x2xi32>
  %t6 = tinyts.sum_unsigned_rows %top : tensor<1x1x1x2xi32>
  // CHECK: tinyts.requantized_unsigned_sums %t6 {count = 4, input_type = !quant.uniform<i8:f32, 0.5:-1>} : tensor<1x2x!quant.uniform<i8:f32, 0.25:3>>
  %t7 = tinyts.requantized_unsigned_sums %t6 {count = 4, input_type = !q} : tensor<1x2x!r>
  %f48 = tinyts.constant dense<1> : tensor<2x48xi8> as !w2
  // CHECK: %t3 = tinyts.dot_rows %f48, [%top, %bottom] : tensor<1x3xi32>
  %t3 = tinyts.dot_rows %f48, [%top, %bottom] : tensor<1x3xi32>
  // CHECK: tinyts.fully_connected_of_sums %t3, %f48, %b {input_type = !quant.uniform<i8:f32, 0.5:-1>, activation = relu6} : tensor<1x2x!quant.uniform<i8:f32, 0.25:3>>
  %t4 = tinyts.fully_connected_of_sums %t3, %f48, %b {input_type = !q, activation = relu6} : tensor<1x2x!r>

  %anchors = tinyts.constant dense<5> : tensor<1x3xi8> as !q
  // CHECK: tinyts.load %anchors {offsets = [8]} : tensor<1x3x!quant.uniform<i8:f32, 0.5:-1>>
  %loaded = tinyts.load %anchors {offsets = [8]} : tensor<1x3x!q>

  %ft = tinyts.constant dense<3> : tensor<2x3x2x2xi8> as !quant.uniform<i8:f32, 0.5>
  // CHECK: tinyts.transpose_conv %x, %ft, %b {stride = [2, 3], padding = [0, 1], activation = relu} : tensor<1x12x11x2x!quant.uniform<i8:f32, 0.5:-1>>
  %t6 = tinyts.transpose_conv %x, %ft, %b {stride = [2, 3], padding = [0, 1], activation = relu} : tensor<1x12x11x2x!q>
  // CHECK: tinyts.transpose_conv_rows %x, %ft {stride = 3, padding = [2, 1]} : tensor<1x6x11x2x!quant.uniform<i8:f32, 0.5:-1>>
  %t7 = tinyts.transpose_conv_rows %x, %ft {stride = 3, padding = [2, 1]} : tensor<1x6x11x2x!q>
  // CHECK: tinyts.interleave_rows %t7, %t7 : tensor<1x12x11x2x!quant.uniform<i8:f32, 0.5:-1>>
  %t8 = tinyts.interleave_rows %t7, %t7 : tensor<1x12x11x2x!q>

  // CHECK: tinyts.batch_matmul %x, %x {adjoint_rhs = 1} : tensor<1x6x4x4x!quant.uniform<i8:f32, 0.5:-1>>
  %t9 = tinyts.batch_matmul %x, %x {adjoint_rhs = 1} : tensor<1x6x4x4x!q>

  // CHECK: tinyts.l2_normalization %x : tensor<1x6x4x2x!quant.uniform<i8:f32, 0.0078125>>
  %t10 = tinyts.l2_normalization %x : tensor<1x6x4x2x!quant.uniform<i8:f32, 0.0078125>>

  // CHECK: %i = tinyts.arg_max %x {axis = 3} : tensor<1x6x4x1xi32>
  %i = tinyts.arg_max %x {axis = 3} : tensor<1x6x4x1xi32>
  // CHECK: %i1 = tinyts.arg_min %x {axis = 1} : tensor<1x1x4x2xi64>
  %i1 = tinyts.arg_min %x {axis = 1} : tensor<1x1x4x2xi64>
  // CHECK: tinyts.reshape %i1 : tensor<4x2xi64>
  %i2 = tinyts.reshape %i1 : tensor<4x2xi64>
  // CHECK: tinyts.concatenation %i, %i {axis = 3} : tensor<1x6x4x2xi32>
  %i3 = tinyts.concatenation %i, %i {axis = 3} : tensor<1x6x4x2xi32>
  // CHECK: tinyts.transpose %i {permutation = [0, 2, 1, 3]} : tensor<1x4x6x1xi32>
  %i4 = tinyts.transpose %i {permutation = [0, 2, 1, 3]} : tensor<1x4x6x1xi32>

  // Attributes of others stay.
  // CHECK: tinyts.leaky_relu %x {alpha = 0.5} attributes {mark = "this one"} : tensor<1x6x4x2x!quant.uniform<i8:f32, 0.25:3>>
  %l1 = tinyts.leaky_relu %x {alpha = 0.5} attributes {mark = "this one"} : tensor<1x6x4x2x!r>
  func.return
}
