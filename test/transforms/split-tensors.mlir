// RUN: tinyts-opt %s --split-tensors --split-input-file | filecheck %s
// RUN: tinyts-opt %s --split-tensors=rows=2 --split-input-file | filecheck %s --check-prefix=TWO

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>

// SAME padding and a stride of 2: only the rows that a window reads, and no join where the rows go on as bands.
// CHECK-LABEL: @strided
// TWO-LABEL: @strided
func.func @strided(%x: tensor<1x5x4x2x!q>) -> tensor<1x3x2x2x!q> {
  // CHECK: %[[X0:.*]] = tinyts.receive %x : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<0:1 of 5>>
  // CHECK-NEXT: %[[X1:.*]] = tinyts.receive %x : {{.*}}<1:2 of 5>>
  // CHECK-NEXT: %[[X2:.*]] = tinyts.receive %x : {{.*}}<2:3 of 5>>
  // CHECK-NEXT: %[[X3:.*]] = tinyts.receive %x : {{.*}}<3:4 of 5>>
  // CHECK-NEXT: %[[X4:.*]] = tinyts.receive %x : {{.*}}<4:5 of 5>>
  // CHECK-NEXT: %w = tinyts.constant
  // CHECK-NEXT: %[[Y0:.*]] = tinyts.conv_2d [%[[X0]], %[[X1]]], %w {stride = [2, 2], padding = [1, 1, 1, 1], activation = relu} : tensor<1x1x2x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<0:1 of 3>>
  // CHECK-NEXT: %[[Y1:.*]] = tinyts.conv_2d [%[[X1]], %[[X2]], %[[X3]]], %w {stride = [2, 2], padding = [1, 1, 1, 1], activation = relu} : {{.*}}<1:2 of 3>>
  // CHECK-NEXT: %[[Y2:.*]] = tinyts.conv_2d [%[[X3]], %[[X4]]], %w {{.*}}<2:3 of 3>>
  // CHECK-NEXT: %[[Y:.*]] = tinyts.join [%[[Y0]], %[[Y1]], %[[Y2]]] : tensor<1x3x2x2x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-NEXT: func.return %[[Y]]

  // Rows that do not divide: the last band is shorter.
  // TWO: %[[X0:.*]] = tinyts.receive %x : tensor<1x2x4x2x{{.*}}<0:2 of 5>>
  // TWO-NEXT: %[[X1:.*]] = tinyts.receive %x : {{.*}}<2:4 of 5>>
  // TWO-NEXT: %[[X2:.*]] = tinyts.receive %x : tensor<1x1x4x2x{{.*}}<4:5 of 5>>
  // TWO: %[[Y0:.*]] = tinyts.conv_2d [%[[X0]], %[[X1]]], %w {{.*}} : tensor<1x2x2x2x{{.*}}<0:2 of 3>>
  // TWO-NEXT: %[[Y1:.*]] = tinyts.conv_2d [%[[X1]], %[[X2]]], %w {{.*}} : tensor<1x1x2x2x{{.*}}<2:3 of 3>>
  // TWO-NEXT: tinyts.join [%[[Y0]], %[[Y1]]]
  %w = tinyts.constant dense<1> : tensor<2x3x3x2xi8> as !w
  %y = tinyts.conv_2d %x, %w {stride = [2, 2], padding = [1, 1, 1, 1], activation = relu} : tensor<1x3x2x2x!q>
  func.return %y : tensor<1x3x2x2x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>

// A window of 5 rows, dilated: rows 0, 2, 4 and what is between them.
// CHECK-LABEL: @dilated
func.func @dilated(%x: tensor<1x6x4x2x!q>) -> tensor<1x6x4x2x!q> {
  // CHECK-COUNT-6: tinyts.receive
  // CHECK: tinyts.depthwise_conv_2d [%{{\w+}}, %{{\w+}}, %{{\w+}}], %w {dilation = [2, 1], padding = [2, 2, 1, 1]} {{.*}}<0:1 of 6>>
  // CHECK: tinyts.depthwise_conv_2d [%{{\w+}}, %{{\w+}}, %{{\w+}}, %{{\w+}}], %w {{.*}}<1:2 of 6>>
  // CHECK: tinyts.depthwise_conv_2d [%{{\w+}}, %{{\w+}}, %{{\w+}}, %{{\w+}}, %{{\w+}}], %w {{.*}}<2:3 of 6>>
  %w = tinyts.constant dense<1> : tensor<1x3x3x2xi8> as !w
  %y = tinyts.depthwise_conv_2d %x, %w {dilation = [2, 1], padding = [2, 2, 1, 1]} : tensor<1x6x4x2x!q>
  func.return %y : tensor<1x6x4x2x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>

// A 5x5 window, whole bands of two rows at a time.
// CHECK-LABEL: @five
// TWO-LABEL: @five
func.func @five(%x: tensor<1x8x5x1x!q>) -> tensor<1x8x5x1x!q> {
  // CHECK: tinyts.conv_2d [%{{\w+}}, %{{\w+}}, %{{\w+}}], %w {{.*}}<0:1 of 8>>
  // CHECK: tinyts.conv_2d [%{{\w+}}, %{{\w+}}, %{{\w+}}, %{{\w+}}, %{{\w+}}], %w {{.*}}<4:5 of 8>>
  // TWO: tinyts.conv_2d [%{{\w+}}, %{{\w+}}], %w {{.*}}<0:2 of 8>>
  // TWO: tinyts.conv_2d [%{{\w+}}, %{{\w+}}, %{{\w+}}], %w {{.*}}<2:4 of 8>>
  // TWO: tinyts.conv_2d [%{{\w+}}, %{{\w+}}, %{{\w+}}], %w {{.*}}<4:6 of 8>>
  // TWO: tinyts.conv_2d [%{{\w+}}, %{{\w+}}], %w {{.*}}<6:8 of 8>>
  %w = tinyts.constant dense<1> : tensor<1x5x5x1xi8> as !w
  %y = tinyts.conv_2d %x, %w {padding = [2, 2, 2, 2]} : tensor<1x8x5x1x!q>
  func.return %y : tensor<1x8x5x1x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>
!p = !quant.uniform<i8:f32, 0.00390625:-128>
!w = !quant.uniform<i8:f32, 0.125>

// An op whose result is one row takes the bands as they are; one that reads no rows needs its operand in one place.
// CHECK-LABEL: @global
func.func @global(%x: tensor<1x3x4x2x!q>) -> (tensor<1x2x!p>, tensor<1x2x!q>) {
  // CHECK: %[[X0:.*]] = tinyts.receive {{.*}}<0:1 of 3>>
  // CHECK-NEXT: %[[X1:.*]] = tinyts.receive
  // CHECK-NEXT: %[[X2:.*]] = tinyts.receive
  // CHECK-NEXT: %[[X:.*]] = tinyts.join [%[[X0]], %[[X1]], %[[X2]]] : tensor<1x3x4x2x
  // CHECK: %a = tinyts.average_pool_2d [%[[X0]], %[[X1]], %[[X2]]] {window = [3, 4]} : tensor<1x1x1x2x!quant.uniform<i8:f32, 0.5:-1>>
  // CHECK-NEXT: %b = tinyts.reshape %a
  // CHECK-NEXT: %c = tinyts.softmax %b : tensor<1x2x
  // CHECK-NEXT: %d = tinyts.fully_connected %[[X]], %f
  %f = tinyts.constant dense<1> : tensor<2x24xi8> as !w
  %a = tinyts.average_pool_2d %x {window = [3, 4]} : tensor<1x1x1x2x!q>
  %b = tinyts.reshape %a : tensor<1x2x!q>
  %c = tinyts.softmax %b : tensor<1x2x!p>
  %d = tinyts.fully_connected %x, %f : tensor<1x2x!q>
  func.return %c, %d : tensor<1x2x!p>, tensor<1x2x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// Two consumers of one map, an addition of two lists of bands, and a pad whose first and last band read no row but name one.
// CHECK-LABEL: @branches
func.func @branches(%x: tensor<1x2x4x2x!q>) -> tensor<1x4x4x2x!q> {
  // CHECK-NOT: tinyts.join
  // CHECK: %[[A0:.*]] = tinyts.leaky_relu %[[X0:\w+]] {{.*}}<0:1 of 2>>
  // CHECK-NEXT: %[[A1:.*]] = tinyts.leaky_relu %[[X1:\w+]] {{.*}}<1:2 of 2>>
  // CHECK-NEXT: %[[B0:.*]] = tinyts.add %[[A0]], %[[X0]] : {{.*}}<0:1 of 2>>
  // CHECK-NEXT: %[[B1:.*]] = tinyts.add %[[A1]], %[[X1]] : {{.*}}<1:2 of 2>>
  // CHECK-NEXT: %[[P0:.*]] = tinyts.pad %[[B0]] {padding = [1, 1, 0, 0]} : {{.*}}<0:1 of 4>>
  // CHECK-NEXT: %[[P1:.*]] = tinyts.pad %[[B0]] {{.*}}<1:2 of 4>>
  // CHECK-NEXT: %[[P2:.*]] = tinyts.pad %[[B1]] {{.*}}<2:3 of 4>>
  // CHECK-NEXT: %[[P3:.*]] = tinyts.pad %[[B1]] {{.*}}<3:4 of 4>>
  // CHECK-NEXT: tinyts.join [%[[P0]], %[[P1]], %[[P2]], %[[P3]]]
  %a = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x2x4x2x!q>
  %b = tinyts.add %a, %x : tensor<1x2x4x2x!q>
  %c = tinyts.pad %b {padding = [1, 1, 0, 0]} : tensor<1x4x4x2x!q>
  func.return %c : tensor<1x4x4x2x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// Channels can be split and concatenated row by row; rows are not even copied (renumber-rows.mlir).
// CHECK-LABEL: @concatenations
func.func @concatenations(%x: tensor<1x2x4x4x!q>) -> (tensor<1x2x4x4x!q>, tensor<1x4x4x2x!q>) {
  // CHECK: %[[A0:.*]], %[[B0:.*]] = tinyts.split %{{\w+}} {axis = 3} : (tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<0:1 of 2>>, tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<0:1 of 2>>)
  // CHECK-NEXT: %[[A1:.*]], %[[B1:.*]] = tinyts.split
  // CHECK-NEXT: tinyts.concatenation %[[B0]], %[[A0]] {axis = 3} : tensor<1x1x4x4x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<0:1 of 2>>
  // CHECK-NEXT: tinyts.concatenation %[[B1]], %[[A1]] {axis = 3} : tensor<1x1x4x4x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<1:2 of 2>>
  // CHECK-NEXT: tinyts.join
  // CHECK-NEXT: %[[D0:.*]] = tinyts.renumber_rows %[[A0]] {map = 0} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<0:1 of 4>>
  // CHECK-NEXT: %[[D1:.*]] = tinyts.renumber_rows %[[A1]]
  // CHECK-NEXT: %[[D2:.*]] = tinyts.renumber_rows %[[B0]] {map = 0} : tensor<1x1x4x2x!quant.uniform<i8:f32, 0.5:-1>, #tinyts.rows<2:3 of 4>>
  // CHECK-NEXT: %[[D3:.*]] = tinyts.renumber_rows %[[B1]]
  // CHECK-NEXT: %[[D:.*]] = tinyts.join [%[[D0]], %[[D1]], %[[D2]], %[[D3]]]
  // CHECK-NEXT: func.return %{{.*}}, %[[D]]
  %a, %b = tinyts.split %x {axis = 3} : (tensor<1x2x4x2x!q>, tensor<1x2x4x2x!q>)
  %c = tinyts.concatenation %b, %a {axis = 3} : tensor<1x2x4x4x!q>
  %d = tinyts.concatenation %a, %b {axis = 1} : tensor<1x4x4x2x!q>
  func.return %c, %d : tensor<1x2x4x4x!q>, tensor<1x4x4x2x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// As many rows as there are: one band, which is the whole map.
// TWO-LABEL: @short
func.func @short(%x: tensor<1x2x4x2x!q>, %y: tensor<1x1x4x2x!q>) -> (tensor<1x2x4x2x!q>, tensor<1x1x4x2x!q>) {
  // TWO-NOT: tinyts.rows
  // TWO: tinyts.leaky_relu %{{\w+}} {alpha = 0.5} : tensor<1x2x4x2x
  // TWO-NEXT: tinyts.leaky_relu %{{\w+}} {alpha = 0.5} : tensor<1x1x4x2x
  // TWO-NEXT: func.return
  %a = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x2x4x2x!q>
  %b = tinyts.leaky_relu %y {alpha = 0.5} : tensor<1x1x4x2x!q>
  func.return %a, %b : tensor<1x2x4x2x!q>, tensor<1x1x4x2x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// Without rows, each op may ask for its own; what asks for none has bands of one row. An option goes before both.
// CHECK-LABEL: @asked
// TWO-LABEL: @asked
func.func @asked(%x: tensor<1x5x4x2x!q>) -> tensor<1x5x4x2x!q> {
  // CHECK-COUNT-5: tinyts.receive
  // CHECK: tinyts.leaky_relu [%{{\w+}}, %{{\w+}}, %{{\w+}}] {alpha = 0.5} : {{.*}}<0:3 of 5>>
  // CHECK-NEXT: tinyts.leaky_relu [%{{\w+}}, %{{\w+}}] {alpha = 0.5} : {{.*}}<3:5 of 5>>
  // CHECK-NEXT: tinyts.leaky_relu %{{\w+}} {alpha = 0.25} : {{.*}}<0:1 of 5>>
  // TWO: tinyts.leaky_relu %{{\w+}} {alpha = 0.5} : {{.*}}<0:2 of 5>>
  %a = tinyts.leaky_relu %x {alpha = 0.5} attributes {tinyts.band_rows = 3 : i64} : tensor<1x5x4x2x!q>
  %b = tinyts.leaky_relu %a {alpha = 0.25} : tensor<1x5x4x2x!q>
  func.return %b : tensor<1x5x4x2x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// A band that is higher than the map is the map.
// CHECK-LABEL: @higher
func.func @higher(%x: tensor<1x3x4x2x!q>) -> tensor<1x3x4x2x!q> {
  // CHECK-COUNT-3: tinyts.receive
  // CHECK-NOT: band_rows
  // CHECK-NEXT: tinyts.leaky_relu [%{{\w+}}, %{{\w+}}, %{{\w+}}] {alpha = 0.5} : tensor<1x3x4x2x!quant
  // CHECK-NEXT: func.return
  %a = tinyts.leaky_relu %x {alpha = 0.5} attributes {tinyts.band_rows = 1000 : i64} : tensor<1x3x4x2x!q>
  func.return %a : tensor<1x3x4x2x!q>
}

// -----

!q = !quant.uniform<i8:f32, 0.5:-1>

// Rows that are made in blocks: bands are whole blocks, of at least as many rows as are asked for.
// CHECK-LABEL: @blocks
// TWO-LABEL: @blocks
func.func @blocks(%x: tensor<1x2x4x2x!q>) -> tensor<1x6x12x2x!q> {
  // CHECK-COUNT-2: tinyts.receive
  // CHECK-NEXT: tinyts.resize_nearest_neighbor %{{\w+}} : {{.*}}<0:3 of 6>>
  // CHECK-NEXT: tinyts.resize_nearest_neighbor %{{\w+}} : {{.*}}<3:6 of 6>>
  // TWO: tinyts.resize_nearest_neighbor %{{\w+}} : {{.*}}<0:3 of 6>>
  // TWO-NEXT: tinyts.resize_nearest_neighbor %{{\w+}} : {{.*}}<3:6 of 6>>
  %a = tinyts.resize_nearest_neighbor %x : tensor<1x6x12x2x!q>
  func.return %a : tensor<1x6x12x2x!q>
}
