// RUN: tinyts-opt %s --split-tensors --schedule-bands=order=depth-first,input=arena | filecheck %s --check-prefix=DEPTH
// RUN: tinyts-opt %s --split-tensors --schedule-bands=order=depth-first,input=stream | filecheck %s --check-prefix=STREAM
// RUN: tinyts-opt %s --split-tensors --schedule-bands=order=breadth-first,input=stream | filecheck %s --check-prefix=BREADTH
// The order before does not matter.
// RUN: tinyts-opt %s --split-tensors --schedule-bands=order=breadth-first --schedule-bands=order=depth-first,input=stream | filecheck %s --check-prefix=STREAM
// RUN: %exits 1 tinyts-opt %s --schedule-bands=order=random 2>&1 | filecheck %s --check-prefix=ORDER
// RUN: %exits 1 tinyts-opt %s --schedule-bands=input=flash 2>&1 | filecheck %s --check-prefix=INPUT

// ORDER: tinyts-opt: error: schedule-bands: expected order={{.*}}depth-first{{.*}}, got 'random'
// INPUT: tinyts-opt: error: schedule-bands: expected input=stream|arena, got 'flash'

!q = !quant.uniform<i8:f32, 0.5:-1>

// DEPTH-LABEL: @main
// STREAM-LABEL: @main
// BREADTH-LABEL: @main
func.func @main(%x: tensor<1x4x4x2x!q>) -> tensor<1x2x2x2x!q> {
  // Depth first, the whole input before anything else.
  // DEPTH: tinyts.receive {{.*}}<0:1 of 4>>
  // DEPTH-NEXT: tinyts.receive {{.*}}<1:2 of 4>>
  // DEPTH-NEXT: tinyts.receive {{.*}}<2:3 of 4>>
  // DEPTH-NEXT: tinyts.receive {{.*}}<3:4 of 4>>
  // DEPTH-NEXT: tinyts.leaky_relu {{.*}}<0:1 of 4>>
  // DEPTH-NEXT: tinyts.leaky_relu {{.*}}<1:2 of 4>>
  // DEPTH-NEXT: tinyts.max_pool_2d {{.*}}<0:1 of 2>>
  // DEPTH-NEXT: tinyts.leaky_relu {{.*}}<2:3 of 4>>
  // DEPTH-NEXT: tinyts.leaky_relu {{.*}}<3:4 of 4>>
  // DEPTH-NEXT: tinyts.max_pool_2d {{.*}}<1:2 of 2>>
  // DEPTH-NEXT: tinyts.join
  // DEPTH-NEXT: func.return

  // Rows come when something needs them.
  // STREAM: tinyts.receive {{.*}}<0:1 of 4>>
  // STREAM-NEXT: tinyts.leaky_relu {{.*}}<0:1 of 4>>
  // STREAM-NEXT: tinyts.receive {{.*}}<1:2 of 4>>
  // STREAM-NEXT: tinyts.leaky_relu {{.*}}<1:2 of 4>>
  // STREAM-NEXT: tinyts.max_pool_2d {{.*}}<0:1 of 2>>
  // STREAM-NEXT: tinyts.receive {{.*}}<2:3 of 4>>
  // STREAM-NEXT: tinyts.leaky_relu {{.*}}<2:3 of 4>>
  // STREAM-NEXT: tinyts.receive {{.*}}<3:4 of 4>>
  // STREAM-NEXT: tinyts.leaky_relu {{.*}}<3:4 of 4>>
  // STREAM-NEXT: tinyts.max_pool_2d {{.*}}<1:2 of 2>>
  // STREAM-NEXT: tinyts.join

  // Layer by layer.
  // BREADTH: tinyts.receive {{.*}}<3:4 of 4>>
  // BREADTH-NEXT: tinyts.leaky_relu {{.*}}<0:1 of 4>>
  // BREADTH-NEXT: tinyts.leaky_relu {{.*}}<1:2 of 4>>
  // BREADTH-NEXT: tinyts.leaky_relu {{.*}}<2:3 of 4>>
  // BREADTH-NEXT: tinyts.leaky_relu {{.*}}<3:4 of 4>>
  // BREADTH-NEXT: tinyts.max_pool_2d {{.*}}<0:1 of 2>>
  // BREADTH-NEXT: tinyts.max_pool_2d {{.*}}<1:2 of 2>>
  // BREADTH-NEXT: tinyts.join
  %a = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x4x4x2x!q>
  %b = tinyts.max_pool_2d %a {window = [2, 2], stride = [2, 2]} : tensor<1x2x2x2x!q>
  func.return %b : tensor<1x2x2x2x!q>
}

// Rows of an input arrive in order, even those that nothing reads (here: row 0, and the last one).
// STREAM-LABEL: @unread_rows
func.func @unread_rows(%x: tensor<1x5x2x1x!q>) -> tensor<1x2x1x1x!q> {
  // STREAM: tinyts.receive {{.*}}<0:1 of 5>>
  // STREAM-NEXT: tinyts.max_pool_2d {{.*}}<0:1 of 2>>
  // STREAM-NEXT: tinyts.receive {{.*}}<1:2 of 5>>
  // STREAM-NEXT: tinyts.receive {{.*}}<2:3 of 5>>
  // STREAM-NEXT: tinyts.receive {{.*}}<3:4 of 5>>
  // STREAM-NEXT: tinyts.max_pool_2d {{.*}}<1:2 of 2>>
  // STREAM-NEXT: tinyts.join
  // STREAM-NEXT: tinyts.receive {{.*}}<4:5 of 5>>
  // STREAM-NEXT: func.return
  %a = tinyts.max_pool_2d %x {window = [1, 2], stride = [3, 2]} : tensor<1x2x1x1x!q>
  func.return %a : tensor<1x2x1x1x!q>
}
