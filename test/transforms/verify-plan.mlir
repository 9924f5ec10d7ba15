// RUN: tinyts-opt %s --verify-plan --verify-diagnostics --split-input-file | filecheck %s

// Good plans pass: two places in turn, a value right behind another one, the last byte of the arena.
// CHECK: func.func @main
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %b = tinyts.concatenation %a {axis = 0, offsets = [8]} : tensor<8x!q>
  %c = tinyts.concatenation %b {axis = 0, offsets = [0]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// CHECK: func.func @main
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [3]} : tensor<8x!q>
  %b = tinyts.concatenation %a {axis = 0, offsets = [56]} : tensor<8x!q>
  %c = tinyts.concatenation %b {axis = 0, offsets = [8]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// The second reads only the first: a place is free once its last reader ran.
// CHECK: func.func @main
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %b = tinyts.concatenation %a {axis = 0, offsets = [8]} : tensor<8x!q>
  %c = tinyts.add %a, %b {offsets = [16]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// Bands, and rows that are free while the rest of their map is in use.
// CHECK: func.func @main
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x2x4x1x!q>) -> tensor<1x1x4x1x!q> attributes {tinyts.arena_bytes = 16 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<1x1x4x1x!q, #tinyts.rows<0:1 of 2>>
  %b = tinyts.concatenation %a {axis = 3, offsets = [4]} : tensor<1x1x4x1x!q, #tinyts.rows<0:1 of 2>>
  %c = tinyts.receive %x {offsets = [0]} : tensor<1x1x4x1x!q, #tinyts.rows<1:2 of 2>>
  %d = tinyts.concatenation %c {axis = 3, offsets = [12]} : tensor<1x1x4x1x!q, #tinyts.rows<1:2 of 2>>
  %e = tinyts.max_pool_2d [%b, %d] {window = [2, 1], offsets = [8]} : tensor<1x1x4x1x!q>
  func.return %e : tensor<1x1x4x1x!q>
}
// -----
// Scratch may lie on what is dead or free.
// CHECK: func.func @main
!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>
func.func @main(%x: tensor<1x4x4x4x!q>) -> tensor<1x4x4x2x!q> attributes {tinyts.arena_bytes = 1024 : i64} {
  %w = tinyts.constant dense<1> : tensor<2x3x3x4xi8> as !w
  %a = tinyts.receive %x {offsets = [512]} : tensor<1x4x4x4x!q>
  %y = tinyts.conv_2d %a, %w {padding = [1, 1, 1, 1], offsets = [0], scratch = [576, 288]} : tensor<1x4x4x2x!q>
  func.return %y : tensor<1x4x4x2x!q>
}
// -----
// A reshape stays where its operand is.
// CHECK: func.func @main
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [8]} : tensor<8x!q>
  %b = tinyts.reshape %a {offsets = [8]} : tensor<2x4x!q>
  %c = tinyts.reshape %b {offsets = [8]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// An offset moved onto a value that is read at the same step.
// CHECK: error: verify-plan: step 1 (tinyts.concatenation): byte 4 of an operand was overwritten before it is read
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %b = tinyts.concatenation %a {axis = 0, offsets = [4]} : tensor<8x!q>
  %c = tinyts.concatenation %b {axis = 0, offsets = [0]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// Windows and copies do not work in place.
// CHECK: error: verify-plan: step 2 (tinyts.concatenation): byte 8 of an operand was overwritten before it is read
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %b = tinyts.concatenation %a {axis = 0, offsets = [8]} : tensor<8x!q>
  %c = tinyts.concatenation %b {axis = 0, offsets = [8]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// An element-wise kernel may write just over an operand of the same size.
// CHECK: func.func @main
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %b = tinyts.concatenation %a {axis = 0, offsets = [8]} : tensor<8x!q>
  %c = tinyts.add %a, %b {offsets = [0]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// But not over a part of one.
// CHECK: error: verify-plan: step 2 (tinyts.add): byte 4 of an operand was overwritten before it is read
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %b = tinyts.concatenation %a {axis = 0, offsets = [8]} : tensor<8x!q>
  %d = tinyts.add %a, %b {offsets = [4]} : tensor<8x!q>
  func.return %d : tensor<8x!q>
}
// -----
// Nor over one that is read later.
// CHECK: error: verify-plan: step 2 (tinyts.add): byte 0 of an operand was overwritten before it is read
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %b = tinyts.leaky_relu %a {alpha = 0.5, offsets = [0]} : tensor<8x!q>
  %d = tinyts.add %a, %b {offsets = [8]} : tensor<8x!q>
  func.return %d : tensor<8x!q>
}
// -----
// A value overwritten before its last reader.
// CHECK: error: verify-plan: step 3 (tinyts.add): byte 0 of an operand was overwritten before it is read
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %b = tinyts.concatenation %a {axis = 0, offsets = [8]} : tensor<8x!q>
  %c = tinyts.concatenation %b {axis = 0, offsets = [0]} : tensor<8x!q>
  %d = tinyts.add %a, %c {offsets = [16]} : tensor<8x!q>
  func.return %d : tensor<8x!q>
}
// -----
// A returned value overwritten before the end.
// CHECK: error: verify-plan: step 3 (func.return): byte 12 of an operand was overwritten before it is read
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %b = tinyts.concatenation %a {axis = 0, offsets = [8]} : tensor<8x!q>
  %c = tinyts.concatenation %a {axis = 0, offsets = [12]} : tensor<8x!q>
  func.return %b : tensor<8x!q>
}
// -----
// Out of the arena.
// CHECK: error: verify-plan: step 1 (tinyts.concatenation): a result at bytes 60 to 68 is outside of the arena
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %b = tinyts.concatenation %a {axis = 0, offsets = [60]} : tensor<8x!q>
  %c = tinyts.concatenation %b {axis = 0, offsets = [0]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// CHECK: error: verify-plan: step 0 (tinyts.receive): a result at bytes 0 to 8 is outside of the arena
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 0 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %b = tinyts.concatenation %a {axis = 0, offsets = [0]} : tensor<8x!q>
  %c = tinyts.concatenation %b {axis = 0, offsets = [0]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// CHECK: error: verify-plan: step 1 (tinyts.conv_2d): scratch at bytes 1020 to {{[0-9]+}} is outside of the arena
!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>
func.func @main(%x: tensor<1x4x4x4x!q>) -> tensor<1x4x4x2x!q> attributes {tinyts.arena_bytes = 1024 : i64} {
  %w = tinyts.constant dense<1> : tensor<2x3x3x4xi8> as !w
  %a = tinyts.receive %x {offsets = [512]} : tensor<1x4x4x4x!q>
  %y = tinyts.conv_2d %a, %w {padding = [1, 1, 1, 1], offsets = [0], scratch = [1020, 288]} : tensor<1x4x4x2x!q>
  func.return %y : tensor<1x4x4x2x!q>
}
// -----
// CHECK: error: function @main: expected tinyts.arena_bytes to be an i64 of at least 0, got -16 : i64
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = -16 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %b = tinyts.concatenation %a {axis = 0, offsets = [8]} : tensor<8x!q>
  %c = tinyts.concatenation %b {axis = 0, offsets = [0]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// Scratch on an operand.
// CHECK: error: verify-plan: step 1 (tinyts.conv_2d): byte 512 of an operand was overwritten before it is read
!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>
func.func @main(%x: tensor<1x4x4x4x!q>) -> tensor<1x4x4x2x!q> attributes {tinyts.arena_bytes = 1024 : i64} {
  %w = tinyts.constant dense<1> : tensor<2x3x3x4xi8> as !w
  %a = tinyts.receive %x {offsets = [512]} : tensor<1x4x4x4x!q>
  %y = tinyts.conv_2d %a, %w {padding = [1, 1, 1, 1], offsets = [0], scratch = [508, 288]} : tensor<1x4x4x2x!q>
  func.return %y : tensor<1x4x4x2x!q>
}
// -----
// Scratch on the result.
// CHECK: error: verify-plan: step 1 (tinyts.conv_2d): a result overlaps the scratch
!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>
func.func @main(%x: tensor<1x4x4x4x!q>) -> tensor<1x4x4x2x!q> attributes {tinyts.arena_bytes = 1024 : i64} {
  %w = tinyts.constant dense<1> : tensor<2x3x3x4xi8> as !w
  %a = tinyts.receive %x {offsets = [512]} : tensor<1x4x4x4x!q>
  %y = tinyts.conv_2d %a, %w {padding = [1, 1, 1, 1], offsets = [0], scratch = [28, 288]} : tensor<1x4x4x2x!q>
  func.return %y : tensor<1x4x4x2x!q>
}
// -----
// Scratch on a value that is read later.
// CHECK: error: verify-plan: step 3 (tinyts.concatenation): byte 0 of an operand was overwritten before it is read
!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>
func.func @main(%x: tensor<1x4x4x4x!q>) -> tensor<1x4x4x6x!q> attributes {tinyts.arena_bytes = 2048 : i64} {
  %w = tinyts.constant dense<1> : tensor<2x3x3x4xi8> as !w
  %a = tinyts.receive %x {offsets = [0]} : tensor<1x4x4x4x!q>
  %b = tinyts.leaky_relu %a {alpha = 0.5, offsets = [512]} : tensor<1x4x4x4x!q>
  %y = tinyts.conv_2d %b, %w {padding = [1, 1, 1, 1], offsets = [1024], scratch = [0, 288]} : tensor<1x4x4x2x!q>
  %z = tinyts.concatenation %a, %y {axis = 3, offsets = [1536]} : tensor<1x4x4x6x!q>
  func.return %z : tensor<1x4x4x6x!q>
}
// -----
// Two results in one place.
// CHECK: error: verify-plan: step 1 (tinyts.split): byte 12 of a result was overwritten before it is read
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x1x1x8x!q>) -> tensor<1x1x1x8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<1x1x1x8x!q>
  %b, %c = tinyts.split %a {axis = 3, offsets = [12, 10]} : (tensor<1x1x1x4x!q>, tensor<1x1x1x4x!q>)
  %d = tinyts.concatenation %c, %b {axis = 3, offsets = [32]} : tensor<1x1x1x8x!q>
  func.return %d : tensor<1x1x1x8x!q>
}
// -----
// A reshape somewhere else.
// CHECK: error: verify-plan: step 1 (tinyts.reshape): the result stays at byte 0 of its operand, got 8
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %c = tinyts.reshape %a {offsets = [8]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// What a reshape stands for is overwritten.
// CHECK: error: verify-plan: step 4 (func.return): byte 0 of an operand was overwritten before it is read
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>, %z: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %b = tinyts.reshape %a {offsets = [0]} : tensor<2x4x!q>
  %c = tinyts.reshape %b {offsets = [0]} : tensor<8x!q>
  %d = tinyts.receive %z {offsets = [0]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// Plans that are not there, or not whole.
// CHECK: error: verify-plan: function @main has no plan; run plan-arena first
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %b = tinyts.concatenation %a {axis = 0, offsets = [8]} : tensor<8x!q>
  %c = tinyts.concatenation %b {axis = 0, offsets = [0]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// CHECK: error: function @main: expected tinyts.arena_bytes to be an i64 of at least 0, got "64"
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = "64"} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %b = tinyts.concatenation %a {axis = 0, offsets = [8]} : tensor<8x!q>
  %c = tinyts.concatenation %b {axis = 0, offsets = [0]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// CHECK: error: verify-plan: step 1 (tinyts.concatenation): this op has no offsets; run plan-arena first
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %b = tinyts.concatenation %a {axis = 0} : tensor<8x!q>
  %c = tinyts.concatenation %b {axis = 0, offsets = [0]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// Scratch makes a kernel faster, but it can do without.
// CHECK: func.func @main
!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>
func.func @main(%x: tensor<1x4x4x1x!q>) -> tensor<1x4x4x2x!q> attributes {tinyts.arena_bytes = 1024 : i64} {
  %w = tinyts.constant dense<1> : tensor<2x3x3x1xi8> as !w
  %a = tinyts.receive %x {offsets = [512]} : tensor<1x4x4x1x!q>
  %y = tinyts.conv_2d %a, %w {padding = [1, 1, 1, 1], offsets = [0]} : tensor<1x4x4x2x!q>
  func.return %y : tensor<1x4x4x2x!q>
}
// -----
// CHECK: error: verify-plan: tinyts.concatenation reads a function argument directly; run receive-inputs first
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %c = tinyts.concatenation %x {axis = 0, offsets = [0]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// CHECK: error: verify-plan: tinyts.reshape reads a constant as a feature map
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.constant dense<1> : tensor<8xi8> as !q
  %c = tinyts.reshape %a {offsets = [0]} : tensor<8x!q>
  func.return %c : tensor<8x!q>
}
// -----
// Order swapped: an op in front of what it reads.
// CHECK: error: verify-plan: step 0 (tinyts.concatenation): an operand is not made before this step
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %b = "tinyts.concatenation"(%a) <{axis = 0 : i64, offsets = array<i64: 8>}> : (tensor<8x!q>) -> tensor<8x!q>
  %a = "tinyts.receive"(%x) <{offsets = array<i64: 0>}> : (tensor<8x!q>) -> tensor<8x!q>
  func.return %b : tensor<8x!q>
}
// -----
// Order swapped: a row arrives on a row that is still read.
// CHECK: error: verify-plan: step 2 (tinyts.concatenation): byte 0 of an operand was overwritten before it is read
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x2x4x1x!q>) -> tensor<1x1x4x1x!q> attributes {tinyts.arena_bytes = 16 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<1x1x4x1x!q, #tinyts.rows<0:1 of 2>>
  %c = tinyts.receive %x {offsets = [0]} : tensor<1x1x4x1x!q, #tinyts.rows<1:2 of 2>>
  %b = tinyts.concatenation %a {axis = 3, offsets = [4]} : tensor<1x1x4x1x!q, #tinyts.rows<0:1 of 2>>
  %d = tinyts.concatenation %c {axis = 3, offsets = [12]} : tensor<1x1x4x1x!q, #tinyts.rows<1:2 of 2>>
  %e = tinyts.max_pool_2d [%b, %d] {window = [2, 1], offsets = [8]} : tensor<1x1x4x1x!q>
  func.return %e : tensor<1x1x4x1x!q>
}
// -----
// State stays where it is while rows are added to it.
// CHECK: func.func @main
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x2x1x4x!q>) -> tensor<1x1x1x4x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<1x1x1x4x!q, #tinyts.rows<0:1 of 2>>
  %s = tinyts.sum_rows %a {offsets = [16]} : tensor<1x1x1x4xi32>
  %b = tinyts.receive %x {offsets = [0]} : tensor<1x1x1x4x!q, #tinyts.rows<1:2 of 2>>
  %t = tinyts.sum_rows %b, %s {offsets = [16]} : tensor<1x1x1x4xi32>
  %d = tinyts.mean_of_sums %t {count = 2, offsets = [0]} : tensor<1x1x1x4x!q>
  func.return %d : tensor<1x1x1x4x!q>
}
// -----
// CHECK: error: verify-plan: step 3 (tinyts.sum_rows): the result stays at byte 16 of its operand, got 32
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x2x1x4x!q>) -> tensor<1x1x1x4x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<1x1x1x4x!q, #tinyts.rows<0:1 of 2>>
  %s = tinyts.sum_rows %a {offsets = [16]} : tensor<1x1x1x4xi32>
  %b = tinyts.receive %x {offsets = [0]} : tensor<1x1x1x4x!q, #tinyts.rows<1:2 of 2>>
  %t = tinyts.sum_rows %b, %s {offsets = [32]} : tensor<1x1x1x4xi32>
  %d = tinyts.mean_of_sums %t {count = 2, offsets = [0]} : tensor<1x1x1x4x!q>
  func.return %d : tensor<1x1x1x4x!q>
}
// -----
// State is cleared before the first rows are read.
// CHECK: error: verify-plan: step 1 (tinyts.sum_rows): byte 0 of an operand was overwritten before it is read
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x1x4x4x!q>) -> tensor<1x1x1x4x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<1x1x4x4x!q>
  %s = tinyts.sum_rows %a {offsets = [0]} : tensor<1x1x1x4xi32>
  %d = tinyts.mean_of_sums %s {count = 4, offsets = [32]} : tensor<1x1x1x4x!q>
  func.return %d : tensor<1x1x1x4x!q>
}
// -----
// Kernels keep words in scratch and in state.
// CHECK: error: verify-plan: step 1 (tinyts.conv_2d): scratch at byte 601 is not on a multiple of 4 bytes
!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>
func.func @main(%x: tensor<1x4x4x4x!q>) -> tensor<1x4x4x2x!q> attributes {tinyts.arena_bytes = 1024 : i64} {
  %w = tinyts.constant dense<1> : tensor<2x3x3x4xi8> as !w
  %a = tinyts.receive %x {offsets = [512]} : tensor<1x4x4x4x!q>
  %y = tinyts.conv_2d %a, %w {padding = [1, 1, 1, 1], offsets = [0], scratch = [601, 288]} : tensor<1x4x4x2x!q>
  func.return %y : tensor<1x4x4x2x!q>
}
// -----
// CHECK: error: verify-plan: step 1 (tinyts.sum_rows): state at byte 18 is not on a multiple of 4 bytes
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x1x4x4x!q>) -> tensor<1x1x1x4x!q> attributes {tinyts.arena_bytes = 64 : i64} {
  %a = tinyts.receive %x {offsets = [0]} : tensor<1x1x4x4x!q>
  %s = tinyts.sum_rows %a {offsets = [18]} : tensor<1x1x1x4xi32>
  %d = tinyts.mean_of_sums %s {count = 4, offsets = [40]} : tensor<1x1x1x4x!q>
  func.return %d : tensor<1x1x1x4x!q>
}
// -----
// A depthwise convolution is done with a row's first pixels when it writes one pixel below them, ...
// CHECK: func.func @main
!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>
func.func @main(%x: tensor<1x3x8x4x!q>) -> tensor<1x1x8x4x!q> attributes {tinyts.arena_bytes = 160 : i64} {
  %w = tinyts.constant dense<1> : tensor<1x3x3x4xi8> as !w
  %0 = tinyts.receive %x {offsets = [64]} : tensor<1x1x8x4x!q, #tinyts.rows<0:1 of 3>>
  %1 = tinyts.receive %x {offsets = [0]} : tensor<1x1x8x4x!q, #tinyts.rows<1:2 of 3>>
  %2 = tinyts.receive %x {offsets = [96]} : tensor<1x1x8x4x!q, #tinyts.rows<2:3 of 3>>
  %y = tinyts.depthwise_conv_2d [%0, %1, %2], %w {padding = [0, 0, 1, 1], offsets = [60]} : tensor<1x1x8x4x!q>
  func.return %y : tensor<1x1x8x4x!q>
}
// -----
// ... or any number of words further below.
// CHECK: func.func @main
!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>
func.func @main(%x: tensor<1x3x8x4x!q>) -> tensor<1x1x8x4x!q> attributes {tinyts.arena_bytes = 160 : i64} {
  %w = tinyts.constant dense<1> : tensor<1x3x3x4xi8> as !w
  %0 = tinyts.receive %x {offsets = [64]} : tensor<1x1x8x4x!q, #tinyts.rows<0:1 of 3>>
  %1 = tinyts.receive %x {offsets = [0]} : tensor<1x1x8x4x!q, #tinyts.rows<1:2 of 3>>
  %2 = tinyts.receive %x {offsets = [96]} : tensor<1x1x8x4x!q, #tinyts.rows<2:3 of 3>>
  %y = tinyts.depthwise_conv_2d [%0, %1, %2], %w {padding = [0, 0, 1, 1], offsets = [48]} : tensor<1x1x8x4x!q>
  func.return %y : tensor<1x1x8x4x!q>
}
// -----
// ... but not where it lies itself, ...
// CHECK: error: verify-plan: step 3 (tinyts.depthwise_conv_2d): byte 64 of an operand was overwritten before it is read
!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>
func.func @main(%x: tensor<1x3x8x4x!q>) -> tensor<1x1x8x4x!q> attributes {tinyts.arena_bytes = 160 : i64} {
  %w = tinyts.constant dense<1> : tensor<1x3x3x4xi8> as !w
  %0 = tinyts.receive %x {offsets = [64]} : tensor<1x1x8x4x!q, #tinyts.rows<0:1 of 3>>
  %1 = tinyts.receive %x {offsets = [0]} : tensor<1x1x8x4x!q, #tinyts.rows<1:2 of 3>>
  %2 = tinyts.receive %x {offsets = [96]} : tensor<1x1x8x4x!q, #tinyts.rows<2:3 of 3>>
  %y = tinyts.depthwise_conv_2d [%0, %1, %2], %w {padding = [0, 0, 1, 1], offsets = [64]} : tensor<1x1x8x4x!q>
  func.return %y : tensor<1x1x8x4x!q>
}
// -----
// ... nor above, over two rows, ...
// CHECK: error: verify-plan: step 3 (tinyts.depthwise_conv_2d): byte 88 of an operand was overwritten before it is read
!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>
func.func @main(%x: tensor<1x3x8x4x!q>) -> tensor<1x1x8x4x!q> attributes {tinyts.arena_bytes = 160 : i64} {
  %w = tinyts.constant dense<1> : tensor<1x3x3x4xi8> as !w
  %0 = tinyts.receive %x {offsets = [64]} : tensor<1x1x8x4x!q, #tinyts.rows<0:1 of 3>>
  %1 = tinyts.receive %x {offsets = [0]} : tensor<1x1x8x4x!q, #tinyts.rows<1:2 of 3>>
  %2 = tinyts.receive %x {offsets = [96]} : tensor<1x1x8x4x!q, #tinyts.rows<2:3 of 3>>
  %y = tinyts.depthwise_conv_2d [%0, %1, %2], %w {padding = [0, 0, 1, 1], offsets = [88]} : tensor<1x1x8x4x!q>
  func.return %y : tensor<1x1x8x4x!q>
}
// -----
// ... and not across words.
// CHECK: error: verify-plan: step 3 (tinyts.depthwise_conv_2d): byte 64 of an operand was overwritten before it is read
!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>
func.func @main(%x: tensor<1x3x8x4x!q>) -> tensor<1x1x8x4x!q> attributes {tinyts.arena_bytes = 160 : i64} {
  %w = tinyts.constant dense<1> : tensor<1x3x3x4xi8> as !w
  %0 = tinyts.receive %x {offsets = [64]} : tensor<1x1x8x4x!q, #tinyts.rows<0:1 of 3>>
  %1 = tinyts.receive %x {offsets = [0]} : tensor<1x1x8x4x!q, #tinyts.rows<1:2 of 3>>
  %2 = tinyts.receive %x {offsets = [96]} : tensor<1x1x8x4x!q, #tinyts.rows<2:3 of 3>>
  %y = tinyts.depthwise_conv_2d [%0, %1, %2], %w {padding = [0, 0, 1, 1], offsets = [58]} : tensor<1x1x8x4x!q>
  func.return %y : tensor<1x1x8x4x!q>
}
// -----
// State: read before it is assigned, in a memory of its own.
// CHECK: func.func @main
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 16 : i64, tinyts.state_bytes = 16 : i64} {
  %s = tinyts.state {state = first, offsets = [8]} : tensor<8x!q>
  %t = tinyts.state {state = second, offsets = [0]} : tensor<8x!q>
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %r = tinyts.read_state %s : tensor<8x!q>
  %b = tinyts.add %a, %r {offsets = [8]} : tensor<8x!q>
  %c = tinyts.assign_state %a, %s : tensor<8x!q>
  %d = tinyts.assign_state %b, %t : tensor<8x!q>
  func.return %b : tensor<8x!q>
}
// -----
// What was assigned may be read where it lies.
// CHECK: func.func @main
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 16 : i64, tinyts.state_bytes = 8 : i64} {
  %s = tinyts.state {state = first, offsets = [0]} : tensor<8x!q>
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %c = tinyts.assign_state %a, %s : tensor<8x!q>
  %b = tinyts.add %c, %c {offsets = [0]} : tensor<8x!q>
  func.return %b : tensor<8x!q>
}
// -----
// CHECK: verify-plan: step 2 (tinyts.add): it reads what a state held before, but step 1 has assigned it
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 16 : i64, tinyts.state_bytes = 8 : i64} {
  %s = tinyts.state {state = first, offsets = [0]} : tensor<8x!q>
  %r = tinyts.read_state %s : tensor<8x!q>
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %c = tinyts.assign_state %a, %s : tensor<8x!q>
  %b = tinyts.add %a, %r {offsets = [8]} : tensor<8x!q>
  func.return %b : tensor<8x!q>
}
// -----
// CHECK: verify-plan: step 2 (tinyts.assign_state): it assigns a state that step 1 has assigned already
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 16 : i64, tinyts.state_bytes = 8 : i64} {
  %s = tinyts.state {state = first, offsets = [0]} : tensor<8x!q>
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  %c = tinyts.assign_state %a, %s : tensor<8x!q>
  %d = tinyts.assign_state %a, %s : tensor<8x!q>
  func.return %a : tensor<8x!q>
}
// -----
// CHECK: verify-plan: state 'second' at bytes 4 to 12 overlaps another one
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 16 : i64, tinyts.state_bytes = 16 : i64} {
  %s = tinyts.state {state = first, offsets = [0]} : tensor<8x!q>
  %t = tinyts.state {state = second, offsets = [4]} : tensor<8x!q>
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  func.return %a : tensor<8x!q>
}
// -----
// CHECK: verify-plan: expected state 'first' on a multiple of 4 bytes in a memory of 8, got bytes 4 to 12
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 16 : i64, tinyts.state_bytes = 8 : i64} {
  %s = tinyts.state {state = first, offsets = [4]} : tensor<8x!q>
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  func.return %a : tensor<8x!q>
}
// -----
// CHECK: verify-plan: state 'first' has no offset; run plan-arena first
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> attributes {tinyts.arena_bytes = 16 : i64, tinyts.state_bytes = 8 : i64} {
  %s = tinyts.state {state = first} : tensor<8x!q>
  %a = tinyts.receive %x {offsets = [0]} : tensor<8x!q>
  func.return %a : tensor<8x!q>
}
