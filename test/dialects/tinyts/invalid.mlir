// RUN: tinyts-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// --- Types and rows ---

// CHECK: tinyts.rows: expected 0 <= start < stop <= total, got 2:2 of 4
"test.op"() : () -> tensor<1x1x4x2xi8, #tinyts.rows<2:2 of 4>>
// -----
// CHECK: tinyts.rows: expected 0 <= start < stop <= total, got 0:5 of 4
"test.op"() : () -> tensor<1x5x4x2xi8, #tinyts.rows<0:5 of 4>>
// -----
// CHECK: tinyts.leaky_relu: expected a tensor of !quant.uniform elements, got tensor<4xi8>
%x = "test.op"() : () -> tensor<4xi8>
%y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<4xi8>
// -----
// CHECK: tinyts.hard_swish: expected int8 feature maps with one scale, got tensor<4x!quant.uniform<i16:f32, 0.5>>
%x = "test.op"() : () -> tensor<4x!quant.uniform<i16:f32, 0.5>>
%y = tinyts.hard_swish %x : tensor<4x!quant.uniform<i16:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected int8 or int16 feature maps with one scale, got tensor<1x!quant.uniform<i8:f32:0, {0.5}>>
%x = "test.op"() : () -> tensor<1x!quant.uniform<i8:f32:0, {0.5}>>
%y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x!quant.uniform<i8:f32:0, {0.5}>>
// -----
// CHECK: tinyts.leaky_relu: expected sizes of at least 1, got tensor<?x!quant.uniform<i8:f32, 0.5>>
%x = "test.op"() : () -> tensor<?x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<?x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected sizes of at least 1, got tensor<0x!quant.uniform<i8:f32, 0.5>>
%x = "test.op"() : () -> tensor<0x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<0x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected tensors of rank 4 to have a batch of 1, got tensor<2x4x4x2x!quant.uniform<i8:f32, 0.5>>
%x = "test.op"() : () -> tensor<2x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<2x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected #tinyts.rows as the encoding of a tensor type, got "sparse"
%x = "test.op"() : () -> tensor<4x!quant.uniform<i8:f32, 0.5>, "sparse">
%y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<4x!quant.uniform<i8:f32, 0.5>, "sparse">
// -----
// CHECK: tinyts.leaky_relu: expected a band to have rank 4, got tensor<1x4x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>
%x = "test.op"() : () -> tensor<1x4x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>
%y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x4x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>
// -----
// CHECK: tinyts.leaky_relu: expected 2 rows in the shape of a band, got tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:2 of 4>>
%x = "test.op"() : () -> tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:2 of 4>>
%y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:2 of 4>>
// -----
// CHECK: tinyts.leaky_relu: expected at least one band for every operand
%y = tinyts.leaky_relu [] {alpha = 0.5} : tensor<4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected bands of one feature map, got tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>> and tensor<1x1x4x3x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<1:2 of 2>>
%a, %b = "test.op"() : () -> (tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>, tensor<1x1x4x3x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<1:2 of 2>>)
%y = tinyts.leaky_relu [%a, %b] {alpha = 0.5} : tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected consecutive bands: rows from 1 on, got rows 2:3
%a, %b = "test.op"() : () -> (tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 3>>, tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<2:3 of 3>>)
%y = tinyts.leaky_relu [%a, %b] {alpha = 0.5} : tensor<1x3x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: rows 0:2 of the result need rows 0:2 of an operand, got rows 0:1 of 2
%a = "test.op"() : () -> tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>
%y = tinyts.leaky_relu %a {alpha = 0.5} : tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.split: expected every result to hold the same rows
%a = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
%y:2 = tinyts.split %a {axis = 3} : (tensor<1x1x4x1x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>, tensor<1x1x4x1x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<1:2 of 2>>)
// -----
// CHECK: tinyts.leaky_relu: expected 1 offsets that are not negative, got [0, 4]
%x = "test.op"() : () -> tensor<4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5, offsets = [0, 4]} : tensor<4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected 1 offsets that are not negative, got [-4]
%x = "test.op"() : () -> tensor<4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5, offsets = [-4]} : tensor<4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected scratch = [offset, bytes], got [-4, 16]
%x = "test.op"() : () -> tensor<4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5, scratch = [-4, 16]} : tensor<4x!quant.uniform<i8:f32, 0.5>>
// -----
// An op with a name says it.
// CHECK: layer 'conv1/Relu': tinyts.leaky_relu: expected a result of shape [4], got [5]
%x = "test.op"() : () -> tensor<4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<5x!quant.uniform<i8:f32, 0.5>> loc("conv1/Relu")
// -----

// --- Assembly ---

// CHECK: %nowhere is used before it is defined
%y = tinyts.leaky_relu %nowhere {alpha = 0.5} : tensor<4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu has no property 'beta'
%x = "test.op"() : () -> tensor<4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5, beta = 0.5} : tensor<4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.add has no property 'operandSegmentSizes'
%x = "test.op"() : () -> tensor<4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.add %x, %x {operandSegmentSizes = [1, 1]} : tensor<4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: property 'alpha' is given twice
%x = "test.op"() : () -> tensor<4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5, alpha = 0.5} : tensor<4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: expected an integer of 64 bits, got 1000000000000000000000000000000
%x = "test.op"() : () -> tensor<1x4x4x4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.pad %x {padding = [0, 1000000000000000000000000000000, 0, 0]} : tensor<1x4x4x4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: property 'alpha' expected in operation 'tinyts.leaky_relu'
%x = "test.op"() : () -> tensor<4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x : tensor<4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: expected operands input, got 2
%x = "test.op"() : () -> tensor<4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x, %x {alpha = 0.5} : tensor<4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.leaky_relu: Expected 1 result, but got 2
%x = "test.op"() : () -> tensor<4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.leaky_relu %x {alpha = 0.5} : (tensor<4x!quant.uniform<i8:f32, 0.5>>, tensor<4x!quant.uniform<i8:f32, 0.5>>)
// -----
// CHECK: this constant was elided when it was printed; print the module with --elide-constants=never
%w = tinyts.constant dense<__elided__> : tensor<20xi8> as !quant.uniform<i8:f32, 0.5>
// -----

// --- constant ---

// CHECK: tinyts.constant: a value of type tensor<4xi32> cannot make tensor<4x!quant.uniform<i8:f32, 0.5>>
%w = tinyts.constant dense<1> : tensor<4xi32> as !quant.uniform<i8:f32, 0.5>
// -----
// CHECK: tinyts.constant: a value of type tensor<4xi8> cannot make tensor<5x!quant.uniform<i8:f32, 0.5>>
%w = "tinyts.constant"() <{value = dense<1> : tensor<4xi8>}> : () -> tensor<5x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: expected dense<...> : tensor<...> as !quant.uniform<...>
%w = tinyts.constant dense<1> : tensor<4xi8> as i8
// -----
// CHECK: Integer value 300 is out of range for type i8
%w = tinyts.constant dense<300> : tensor<4xi8> as !quant.uniform<i8:f32, 0.5>
// -----

// --- receive ---

// CHECK: tinyts.receive: expected a function argument, got a result of an op
%x = "test.op"() : () -> tensor<4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.receive %x : tensor<4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.receive: expected the rows of an input of 8 bytes, got rows of 9 bytes
func.func @main(%x: tensor<8x!quant.uniform<i8:f32, 0.5>>) {
  %y = tinyts.receive %x : tensor<1x1x3x1x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 3>>
  func.return
}
// -----
// CHECK: tinyts.receive: expected f32, or int8, uint8 or int16 with one scale, got tensor<8xf64>
func.func @main(%x: tensor<8xf64>) {
  %y = tinyts.receive %x : tensor<8xf64>
  func.return
}
// -----
// CHECK: tinyts.receive: expected one value as input, got 2
func.func @main(%x: tensor<8x!quant.uniform<i8:f32, 0.5>>) {
  %y = tinyts.receive [%x, %x] : tensor<8x!quant.uniform<i8:f32, 0.5>>
  func.return
}
// -----

// --- join ---

// CHECK: tinyts.join: expected operands bands, got 2
%x = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.join %x, %x : tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.join: expected to make a whole feature map, got tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>
%x = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.join %x : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>
// -----
// CHECK: tinyts.join: expected bands of tensor<1x2x4x2x!quant.uniform<i8:f32, 0.25>>, got tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
%x = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.join %x : tensor<1x2x4x2x!quant.uniform<i8:f32, 0.25>>
// -----
// CHECK: tinyts.join: expected consecutive bands: rows from 0 on, got rows 1:2
%x = "test.op"() : () -> tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<1:2 of 2>>
%y = tinyts.join %x : tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.join: expected bands of 2 rows together, got 1
%x = "test.op"() : () -> tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>
%y = tinyts.join %x : tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
// -----

// --- convolutions ---

// CHECK: tinyts.conv_2d: expected operands input, filter, bias, got 1
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.conv_2d %x : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.conv_2d: expected feature maps of shape 1 x rows x columns x channels, got tensor<4x2x!quant.uniform<i8:f32, 0.5>>
%x = "test.op"() : () -> tensor<4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x1x1x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.conv_2d %x, %w : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.conv_2d: expected a filter of rank 4, got tensor<2x2x!quant.uniform<i8:f32, 0.5>>
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.conv_2d %x, %w : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.conv_2d: expected an activation of none, relu, relu6, relu_n1_to_1, got 'tanh'
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x1x1x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.conv_2d %x, %w {activation = tanh} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.conv_2d: a filter of 2 x 3 channels does not fit 4 input channels
%x = "test.op"() : () -> tensor<1x4x4x4x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x1x1x3x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.conv_2d %x, %w : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// Two groups make no three channels.
// CHECK: tinyts.conv_2d: a filter of 3 x 2 channels does not fit 4 input channels
%x = "test.op"() : () -> tensor<1x4x4x4x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<3x1x1x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.conv_2d %x, %w : tensor<1x4x4x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.conv_2d: expected 2 result channels as the filter has, got 3
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x1x1x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.conv_2d %x, %w : tensor<1x4x4x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.conv_2d: expected an i8 filter, got i16
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x1x1x2x!quant.uniform<i16:f32, 0.5>>
%y = tinyts.conv_2d %x, %w : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.conv_2d: expected filter zero points of 0
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x1x1x2x!quant.uniform<i8:f32, 0.5:1>>
%y = tinyts.conv_2d %x, %w : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.conv_2d: expected filter scales along axis 0, 2 of them, got 2 along axis 3
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x1x1x2x!quant.uniform<i8:f32:3, {0.5, 0.5}>>
%y = tinyts.conv_2d %x, %w : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.conv_2d: expected a bias of 2 elements, got shape [3]
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x1x1x2x!quant.uniform<i8:f32, 0.5>>
%b = "test.op"() : () -> tensor<3x!quant.uniform<i32:f32, 0.5>>
%y = tinyts.conv_2d %x, %w, %b : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.conv_2d: expected an i32 bias, got i8
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x1x1x2x!quant.uniform<i8:f32, 0.5>>
%b = "test.op"() : () -> tensor<2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.conv_2d %x, %w, %b : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.conv_2d: expected 2 strides >= 1, got [1, 0]
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x1x1x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.conv_2d %x, %w {stride = [1, 0]} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.conv_2d: expected 2 dilations >= 1, got [2]
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x1x1x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.conv_2d %x, %w {dilation = [2]} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.conv_2d: expected padding [top, bottom, left, right] >= 0, got [0, 0, -1, 0]
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x1x1x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.conv_2d %x, %w {padding = [0, 0, -1, 0]} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.conv_2d: 4 input rows, padding [0, 1], a window of 3 and stride 2 make 2 rows, but the result has 4
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x3x1x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.conv_2d %x, %w {stride = [2, 1], padding = [0, 1, 0, 0]} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.conv_2d: 4 input columns, padding [0, 0], a window of 5 and stride 1 make 0 columns, but the result has 4
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x1x3x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.conv_2d %x, %w {dilation = [1, 2]} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.conv_2d: rows 1:2 of the result need rows 0:3 of an operand, got rows 1:4 of 4
%x = "test.op"() : () -> tensor<1x3x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<1:4 of 4>>
%w = "test.op"() : () -> tensor<2x3x1x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.conv_2d %x, %w {padding = [1, 1, 0, 0]} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<1:2 of 4>>
// -----
// CHECK: tinyts.depthwise_conv_2d: expected a filter of 1 x height x width x channels, got tensor<2x1x1x2x!quant.uniform<i8:f32, 0.5>>
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x1x1x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.depthwise_conv_2d %x, %w : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.depthwise_conv_2d: a filter of 3 channels does not fit 2 input and 3 result channels
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<1x1x1x3x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.depthwise_conv_2d %x, %w : tensor<1x4x4x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.depthwise_conv_2d: expected filter scales along axis 3, 2 of them, got 1 along axis 0
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<1x1x1x2x!quant.uniform<i8:f32:0, {0.5}>>
%y = tinyts.depthwise_conv_2d %x, %w : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----

// --- pools ---

// CHECK: tinyts.max_pool_2d: expected 2 window sizes >= 1, got [2]
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.max_pool_2d %x {window = [2]} : tensor<1x3x3x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.average_pool_2d: expected 2 result channels, got 3
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.average_pool_2d %x {window = [2, 2]} : tensor<1x3x3x3x!quant.uniform<i8:f32, 0.5>>
// -----
// A window that lies in the padding has no average.
// CHECK: tinyts.average_pool_2d: expected padding smaller than the window [2, 2], got [2, 0, 0, 0]
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.average_pool_2d %x {window = [2, 2], padding = [2, 0, 0, 0]} : tensor<1x5x3x2x!quant.uniform<i8:f32, 0.5>>
// -----

// --- add ---

// CHECK: tinyts.add: expected operands lhs, rhs, got 1
%x = "test.op"() : () -> tensor<4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.add %x : tensor<4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.add: expected shapes that can be broadcast, got [1, 4, 4, 2] and [1, 4, 3, 2]
%x, %z = "test.op"() : () -> (tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>, tensor<1x4x3x2x!quant.uniform<i8:f32, 0.5>>)
%y = tinyts.add %x, %z : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----

// --- fully_connected ---

// CHECK: tinyts.fully_connected: expected whole tensors, got tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>
%x = "test.op"() : () -> tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>
%w = "test.op"() : () -> tensor<3x8x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.fully_connected %x, %w : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.fully_connected: expected a filter of output x input channels, got tensor<3x8x1x!quant.uniform<i8:f32, 0.5>>
%x = "test.op"() : () -> tensor<8x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<3x8x1x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.fully_connected %x, %w : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.fully_connected: 8 input elements are no vectors of 3 as the filter expects
%x = "test.op"() : () -> tensor<8x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<2x3x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.fully_connected %x, %w : tensor<1x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.fully_connected: expected a result of 6 elements, got tensor<1x3x!quant.uniform<i8:f32, 0.5>>
%x = "test.op"() : () -> tensor<8x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<3x4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.fully_connected %x, %w : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.fully_connected: expected an i8 filter, got i32
%x = "test.op"() : () -> tensor<8x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<3x8x!quant.uniform<i32:f32, 0.5>>
%y = tinyts.fully_connected %x, %w : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.fully_connected: expected filter zero points of 0
%x = "test.op"() : () -> tensor<8x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<3x8x!quant.uniform<i8:f32:0, {0.5, 0.5, 0.5:1}>>
%y = tinyts.fully_connected %x, %w : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.fully_connected: expected 3 filter scales along axis 0, got 2 along axis 0
%x = "test.op"() : () -> tensor<8x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<3x8x!quant.uniform<i8:f32:0, {0.5, 0.5}>>
%y = tinyts.fully_connected %x, %w : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.fully_connected: expected a bias of 3 elements, got shape [1, 3]
%x = "test.op"() : () -> tensor<8x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<3x8x!quant.uniform<i8:f32, 0.5>>
%b = "test.op"() : () -> tensor<1x3x!quant.uniform<i32:f32, 0.5>>
%y = tinyts.fully_connected %x, %w, %b : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.fully_connected: expected operands input, filter, bias, got 1
%x = "test.op"() : () -> tensor<8x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.fully_connected [%x, %x] : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----

// --- softmax, reshape, pad ---

// CHECK: tinyts.softmax: expected a result of shape [8], got [4]
%x = "test.op"() : () -> tensor<8x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.softmax %x : tensor<4x!quant.uniform<i8:f32, 0.00390625:-128>>
// -----
// CHECK: tinyts.softmax: expected a result with scale 1/256 and zero point -128, got !quant.uniform<i8:f32, 0.00390625>
%x = "test.op"() : () -> tensor<8x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.softmax %x : tensor<8x!quant.uniform<i8:f32, 0.00390625>>
// -----
// CHECK: tinyts.reshape: expected operands input, got 2
%x = "test.op"() : () -> tensor<8x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.reshape %x, %x : tensor<8x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.reshape: expected whole tensors, got tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>
%x = "test.op"() : () -> tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>
%y = tinyts.reshape %x : tensor<8x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.reshape: expected a result of 8 elements, got tensor<9x!quant.uniform<i8:f32, 0.5>>
%x = "test.op"() : () -> tensor<8x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.reshape %x : tensor<9x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.reshape: expected tensors of rank 4 to have a batch of 1, got tensor<2x2x2x1x!quant.uniform<i8:f32, 0.5>>
%x = "test.op"() : () -> tensor<8x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.reshape %x : tensor<2x2x2x1x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.pad: expected 2 channel paddings, got [1]
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.pad %x {channels = [1]} : tensor<1x4x4x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.pad: expected 3 result channels, got 2
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.pad %x {channels = [1, 0]} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.pad: 4 input rows, padding [1, 1], a window of 1 and stride 1 make 6 rows, but the result has 5
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.pad %x {padding = [1, 1, 0, 0]} : tensor<1x5x4x2x!quant.uniform<i8:f32, 0.5>>
// -----

// --- concatenation, split ---

// CHECK: tinyts.concatenation: expected 3 bands in all, got 2 operands
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = "tinyts.concatenation"(%x, %x) <{axis = 3 : i64, bands = array<i64: 2, 1>}> : (tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>, tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>) -> tensor<1x4x4x4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.concatenation: expected at least one band for every operand
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = "tinyts.concatenation"(%x, %x) <{axis = 3 : i64, bands = array<i64: -1, 3>}> : (tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>, tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>) -> tensor<1x4x4x4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.concatenation: expected at least one operand
%y = "tinyts.concatenation"() <{axis = 3 : i64}> : () -> tensor<1x4x4x4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.concatenation: expected an axis from 0 to 3, got -1
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.concatenation %x, %x {axis = -1} : tensor<1x4x4x4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.concatenation: expected operands of shape [1, 4, 4, 4] except along axis 3, got [1, 4, 3, 2]
%x, %z = "test.op"() : () -> (tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>, tensor<1x4x3x2x!quant.uniform<i8:f32, 0.5>>)
%y = tinyts.concatenation %x, %z {axis = 3} : tensor<1x4x4x4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.concatenation: expected operands quantized as the result, !quant.uniform<i8:f32, 0.25>, got !quant.uniform<i8:f32, 0.5>
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.concatenation %x, %x {axis = 3} : tensor<1x4x4x4x!quant.uniform<i8:f32, 0.25>>
// -----
// CHECK: tinyts.concatenation: expected operands of 5 along axis 3 in all, got 4
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.concatenation %x, %x {axis = 3} : tensor<1x4x4x5x!quant.uniform<i8:f32, 0.5>>
// -----
// Rows that are concatenated are needed whole.
// CHECK: tinyts.concatenation: rows 0:4 of the result need rows 0:2 of an operand, got rows 0:1 of 2
%x, %z = "test.op"() : () -> (tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>, tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>)
%y = tinyts.concatenation %x, %z {axis = 1} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.split: expected at least one result
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
tinyts.split %x {axis = 3} : ()
// -----
// CHECK: tinyts.split: expected an axis from 0 to 3, got 4
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.split %x {axis = 4} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.split: 3 elements along axis 3 are no 2 equal parts
%x = "test.op"() : () -> tensor<1x4x4x3x!quant.uniform<i8:f32, 0.5>>
%y:2 = tinyts.split %x {axis = 3} : (tensor<1x4x4x1x!quant.uniform<i8:f32, 0.5>>, tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>)
// -----
// CHECK: tinyts.split: expected parts of shape [1, 4, 4, 1], got [1, 4, 4, 2]
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y:2 = tinyts.split %x {axis = 3} : (tensor<1x4x4x1x!quant.uniform<i8:f32, 0.5>>, tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>)
// -----
// CHECK: tinyts.split: expected parts quantized as the input, got !quant.uniform<i8:f32, 0.25>
%x = "test.op"() : () -> tensor<1x4x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.split %x {axis = 3} : tensor<1x4x4x2x!quant.uniform<i8:f32, 0.25>>
// -----

// --- reductions ---

// CHECK: tinyts.sum_rows: expected state of type tensor<1x1x1x2xi32>, got tensor<1x1x1x3xi32>
%x = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.sum_rows %x : tensor<1x1x1x3xi32>
// -----
// CHECK: tinyts.sum_rows: expected state of type tensor<1x1x1x2xi32>, got tensor<1x2xi32>
%x = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
%s = "test.op"() : () -> tensor<1x2xi32>
%y = tinyts.sum_rows %x, %s : tensor<1x1x1x2xi32>
// -----
// CHECK: tinyts.sum_rows: expected consecutive bands: rows from 2 on, got rows 0:2
%x = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.sum_rows [%x, %x] : tensor<1x1x1x2xi32>
// -----
// CHECK: tinyts.sum_rows: expected at least one band for every operand
%y = tinyts.sum_rows [] : tensor<1x1x1x2xi32>
// -----
// CHECK: tinyts.mean_of_sums: expected a count of at least 1, got 0
%s = "test.op"() : () -> tensor<1x1x1x2xi32>
%y = tinyts.mean_of_sums %s {count = 0} : tensor<1x1x1x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.mean_of_sums: expected a result of rank 4, got
%s = "test.op"() : () -> tensor<1x1x1x2xi32>
%y = tinyts.mean_of_sums %s {count = 4} : tensor<1x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.mean_of_sums: expected state of type tensor<1x1x1x3xi32>, got tensor<1x1x1x2xi32>
%s = "test.op"() : () -> tensor<1x1x1x2xi32>
%y = tinyts.mean_of_sums %s {count = 4} : tensor<1x1x1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.requantized_mean_of_sums: expected a count of at least 1, got 0
%s = "test.op"() : () -> tensor<1x1x1x2xi32>
%y = tinyts.requantized_mean_of_sums %s {count = 0, input_type = !quant.uniform<i8:f32, 0.5>} : tensor<1x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.requantized_mean_of_sums: expected a result of shape 1 x 1 x 1 x channels or 1 x channels, got
%s = "test.op"() : () -> tensor<1x1x1x2xi32>
%y = tinyts.requantized_mean_of_sums %s {count = 4, input_type = !quant.uniform<i8:f32, 0.5>} : tensor<2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.requantized_mean_of_sums: expected state of type tensor<1x1x1x3xi32>, got tensor<1x1x1x2xi32>
%s = "test.op"() : () -> tensor<1x1x1x2xi32>
%y = tinyts.requantized_mean_of_sums %s {count = 4, input_type = !quant.uniform<i8:f32, 0.5>} : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.mean: expected a result of shape [1, 1, 1, 2] or [1, 2], got [2]
%x = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.mean %x : tensor<2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.mean: expected feature maps of shape 1 x rows x columns x channels, got
%x = "test.op"() : () -> tensor<2x4x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.mean %x : tensor<1x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.mean: rows 0:1 of the result need rows 0:4 of an operand, got rows 0:2 of 4
%x = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:2 of 4>>
%y = tinyts.mean %x : tensor<1x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.dot_rows: expected a filter of output channels x 16 elements, got
%x = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<3x15x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.dot_rows %w, %x : tensor<1x4xi32>
// -----
// CHECK: tinyts.dot_rows: expected state of type tensor<1x4xi32>, got tensor<1x3xi32>
%x = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<3x16x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.dot_rows %w, %x : tensor<1x3xi32>
// -----
// CHECK: tinyts.fully_connected_of_sums: expected a result of 3 elements, got
%s = "test.op"() : () -> tensor<1x4xi32>
%w = "test.op"() : () -> tensor<3x16x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.fully_connected_of_sums %s, %w {input_type = !quant.uniform<i8:f32, 0.5>} : tensor<1x4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.fully_connected_of_sums: expected state of type tensor<1x4xi32>, got tensor<1x3xi32>
%s = "test.op"() : () -> tensor<1x3xi32>
%w = "test.op"() : () -> tensor<3x16x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.fully_connected_of_sums %s, %w {input_type = !quant.uniform<i8:f32, 0.5>} : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.fully_connected_of_sums: expected a bias of 3 elements, got shape [2]
%s = "test.op"() : () -> tensor<1x4xi32>
%w = "test.op"() : () -> tensor<3x16x!quant.uniform<i8:f32, 0.5>>
%b = "test.op"() : () -> tensor<2x!quant.uniform<i32:f32, 0.5>>
%y = tinyts.fully_connected_of_sums %s, %w, %b {input_type = !quant.uniform<i8:f32, 0.5>} : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.dot_rows: expected a filter of output x input channels, got tensor<3x4x4x
%x = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<3x4x4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.dot_rows %w, %x : tensor<1x4xi32>
// -----
// CHECK: tinyts.dot_rows: expected an i8 filter, got i32
%x = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<3x16x!quant.uniform<i32:f32, 0.5>>
%y = tinyts.dot_rows %w, %x : tensor<1x4xi32>
// -----
// CHECK: tinyts.dot_rows: expected filter zero points of 0
%x = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<3x16x!quant.uniform<i8:f32, 0.5:7>>
%y = tinyts.dot_rows %w, %x : tensor<1x4xi32>
// -----
// CHECK: tinyts.dot_rows: expected 3 filter scales along axis 0, got 2 along axis 0
%x = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<3x16x!quant.uniform<i8:f32:0, {0.5, 0.25}>>
%y = tinyts.dot_rows %w, %x : tensor<1x4xi32>
// -----
// CHECK: tinyts.dot_rows: expected 3 filter scales along axis 0, got 3 along axis 1
%x = "test.op"() : () -> tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<3x16x!quant.uniform<i8:f32:1, {0.5, 0.25, 0.125}>>
%y = tinyts.dot_rows %w, %x : tensor<1x4xi32>
// -----
// CHECK: tinyts.fully_connected_of_sums: expected a filter of output x input channels, got tensor<3x4x4x
%s = "test.op"() : () -> tensor<1x4xi32>
%w = "test.op"() : () -> tensor<3x4x4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.fully_connected_of_sums %s, %w {input_type = !quant.uniform<i8:f32, 0.5>} : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.fully_connected_of_sums: expected an i8 filter, got i32
%s = "test.op"() : () -> tensor<1x4xi32>
%w = "test.op"() : () -> tensor<3x16x!quant.uniform<i32:f32, 0.5>>
%y = tinyts.fully_connected_of_sums %s, %w {input_type = !quant.uniform<i8:f32, 0.5>} : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.fully_connected_of_sums: expected filter zero points of 0
%s = "test.op"() : () -> tensor<1x4xi32>
%w = "test.op"() : () -> tensor<3x16x!quant.uniform<i8:f32, 0.5:7>>
%y = tinyts.fully_connected_of_sums %s, %w {input_type = !quant.uniform<i8:f32, 0.5>} : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.fully_connected_of_sums: expected 3 filter scales along axis 0, got 2 along axis 0
%s = "test.op"() : () -> tensor<1x4xi32>
%w = "test.op"() : () -> tensor<3x16x!quant.uniform<i8:f32:0, {0.5, 0.25}>>
%y = tinyts.fully_connected_of_sums %s, %w {input_type = !quant.uniform<i8:f32, 0.5>} : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.fully_connected_of_sums: expected 3 filter scales along axis 0, got 3 along axis 1
%s = "test.op"() : () -> tensor<1x4xi32>
%w = "test.op"() : () -> tensor<3x16x!quant.uniform<i8:f32:1, {0.5, 0.25, 0.125}>>
%y = tinyts.fully_connected_of_sums %s, %w {input_type = !quant.uniform<i8:f32, 0.5>} : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.dot_rows: expected feature maps of shape 1 x rows x columns x channels, got tensor<1x16x
%x = "test.op"() : () -> tensor<1x16x!quant.uniform<i8:f32, 0.5>>
%w = "test.op"() : () -> tensor<3x16x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.dot_rows %w, %x : tensor<1x4xi32>
// -----
// CHECK: tinyts.fully_connected_of_sums: expected an int8 input_type with one scale, got !quant.uniform<i32:f32, 0.5>
%s = "test.op"() : () -> tensor<1x4xi32>
%w = "test.op"() : () -> tensor<3x16x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.fully_connected_of_sums %s, %w {input_type = !quant.uniform<i32:f32, 0.5>} : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.fully_connected_of_sums: expected an int8 input_type with one scale, got !quant.uniform<i8:f32:0, {0.5, 0.25}>
%s = "test.op"() : () -> tensor<1x4xi32>
%w = "test.op"() : () -> tensor<3x16x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.fully_connected_of_sums %s, %w {input_type = !quant.uniform<i8:f32:0, {0.5, 0.25}>} : tensor<1x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.fully_connected_of_sums: expected a result of 3 elements, got tensor<2x3x
%s = "test.op"() : () -> tensor<1x4xi32>
%w = "test.op"() : () -> tensor<3x16x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.fully_connected_of_sums %s, %w {input_type = !quant.uniform<i8:f32, 0.5>} : tensor<2x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.renumber_rows: expected a result with the operand's shape and elements, tensor<1x1x4x2x
%x = "test.op"() : () -> tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>
%y = tinyts.renumber_rows %x {map = 0} : tensor<1x2x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:2 of 2>>
// -----
// CHECK: tinyts.renumber_rows: expected a result with the operand's shape and elements, tensor<1x1x4x2x
%x = "test.op"() : () -> tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>
%y = tinyts.renumber_rows %x {map = 0} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.25>, #tinyts.rows<0:1 of 2>>
// -----
// CHECK: tinyts.renumber_rows: expected feature maps of shape 1 x rows x columns x channels
%x = "test.op"() : () -> tensor<8x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.renumber_rows %x {map = 0} : tensor<8x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.renumber_rows: expected a map number that is not negative, got -1
%x = "test.op"() : () -> tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 2>>
%y = tinyts.renumber_rows %x {map = -1} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<4:5 of 6>>
// -----
// CHECK: tinyts.load: expected a constant, got what is made while the model runs
%x = "test.op"() : () -> tensor<8x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.load %x : tensor<8x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.load: expected a result of type tensor<8x!quant.uniform<i8:f32, 0.5>>, got another
%x = tinyts.constant dense<1> : tensor<8xi8> as !quant.uniform<i8:f32, 0.5>
%y = tinyts.load %x : tensor<2x4x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.transpose_conv: expected a filter of 2 x height x width x 3 channels, got [2, 3, 3, 2]
%x = "test.op"() : () -> tensor<1x4x4x3x!quant.uniform<i8:f32, 0.5>>
%f = "test.op"() : () -> tensor<2x3x3x2x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.transpose_conv %x, %f {stride = [2, 2], padding = [0, 0]} : tensor<1x8x8x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.transpose_conv: expected padding [top, left] >= 0, got [-1, 0]
%x = "test.op"() : () -> tensor<1x4x4x3x!quant.uniform<i8:f32, 0.5>>
%f = "test.op"() : () -> tensor<2x3x3x3x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.transpose_conv %x, %f {stride = [2, 2], padding = [-1, 0]} : tensor<1x8x8x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.transpose_conv: expected 2 strides >= 1, got [0, 2]
%x = "test.op"() : () -> tensor<1x4x4x3x!quant.uniform<i8:f32, 0.5>>
%f = "test.op"() : () -> tensor<2x3x3x3x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.transpose_conv %x, %f {stride = [0, 2], padding = [0, 0]} : tensor<1x8x8x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.transpose_conv_rows: expected a stride >= 1, got 0
%x = "test.op"() : () -> tensor<1x4x4x3x!quant.uniform<i8:f32, 0.5>>
%f = "test.op"() : () -> tensor<2x3x3x3x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.transpose_conv_rows %x, %f {stride = 0, padding = [0, 0]} : tensor<1x4x8x2x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.transpose_conv_rows: rows 0:1 of the result need rows 0:2 of an operand, got rows 0:1 of 4
%x = "test.op"() : () -> tensor<1x1x4x3x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 4>>
%f = "test.op"() : () -> tensor<2x3x3x3x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.transpose_conv_rows %x, %f {stride = 1, padding = [1, 0]} : tensor<1x1x8x2x!quant.uniform<i8:f32, 0.5>, #tinyts.rows<0:1 of 4>>
// -----
// CHECK: tinyts.interleave_rows: expected operand 1 of shape [1, 2, 4, 3], got [1, 3, 4, 3]
%x = "test.op"() : () -> tensor<1x3x4x3x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.interleave_rows %x, %x : tensor<1x5x4x3x!quant.uniform<i8:f32, 0.5>>
// -----
// CHECK: tinyts.arg_max: expected an axis from 0 to 1, got 2
%x = "test.op"() : () -> tensor<3x4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.arg_max %x {axis = 2} : tensor<3x1xi32>
// -----
// CHECK: tinyts.arg_min: expected a result of shape [3, 1], got [3, 4]
%x = "test.op"() : () -> tensor<3x4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.arg_min %x {axis = 1} : tensor<3x4xi32>
// -----
// CHECK: tinyts.arg_max: expected a result of i32 or i64, got tensor<3x1xi16>
%x = "test.op"() : () -> tensor<3x4x!quant.uniform<i8:f32, 0.5>>
%y = tinyts.arg_max %x {axis = 1} : tensor<3x1xi16>
// -----
// CHECK: tinyts.reshape: expected a result with the operand's elements
%x = "test.op"() : () -> tensor<2x2xi32>
%y = tinyts.reshape %x : tensor<2xi64>
// -----
// CHECK: tinyts.transpose: expected a result with the operand's elements
%x = "test.op"() : () -> tensor<2x2xi32>
%y = tinyts.transpose %x {permutation = [1, 0]} : tensor<2x2xi64>
// -----
// CHECK: tinyts.concatenation: expected operands quantized as the result, i64, got i32
%x = "test.op"() : () -> tensor<2x2xi32>
%y = tinyts.concatenation %x {axis = 1} : tensor<2x2xi64>
// -----
// CHECK: tinyts.leaky_relu: expected
%x = "test.op"() : () -> tensor<2x2xi32>
%y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<2x2xi32>
// -----
// CHECK: tinyts.state: expected a state of int8, int16 or int32 with one scale
func.func @main() {
  %s = tinyts.state {state = a} : tensor<4x!quant.uniform<u8:f32, 0.5>>
  func.return
}
// -----
// CHECK: tinyts.state: an initial value of type
func.func @main() {
  %s = tinyts.state {state = a, initial = dense<[1, 2]> : tensor<2xi8>} : tensor<4x!quant.uniform<i8:f32, 0.5>>
  func.return
}
// -----
// CHECK: tinyts.read_state: expected the result of tinyts.state as its state
func.func @main(%x: tensor<4x!quant.uniform<i8:f32, 0.5>>) {
  %r = tinyts.read_state %x : tensor<4x!quant.uniform<i8:f32, 0.5>>
  func.return
}
// -----
// CHECK: tinyts.read_state: expected tensor<4x!quant.uniform<i8:f32, 0.5>> or rows of it
func.func @main() {
  %s = tinyts.state {state = a} : tensor<4x!quant.uniform<i8:f32, 0.5>>
  %r = tinyts.read_state %s : tensor<2x!quant.uniform<i8:f32, 0.5>>
  func.return
}
// -----
// CHECK: tinyts.assign_state: expected a value of type
func.func @main(%x: tensor<2x!quant.uniform<i8:f32, 0.5>>) {
  %s = tinyts.state {state = a} : tensor<4x!quant.uniform<i8:f32, 0.5>>
  %r = tinyts.assign_state %x, %s : tensor<4x!quant.uniform<i8:f32, 0.5>>
  func.return
}
// -----
// CHECK: tinyts.shift_state: expected a value of fewer bytes than the state's 4, got 4
func.func @main(%x: tensor<4x!quant.uniform<i8:f32, 0.5>>) {
  %s = tinyts.state {state = a} : tensor<4x!quant.uniform<i8:f32, 0.5>>
  %r = tinyts.shift_state %x, %s : tensor<4x!quant.uniform<i8:f32, 0.5>>
  func.return
}
