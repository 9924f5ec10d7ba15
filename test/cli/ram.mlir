// --ram: the fastest plan within so many bytes of arena, context and stack; or exit status 3 and nothing written.

// The smallest that works: an arena of 384 bytes, a context of 44, a stack of at most 1024.
// RUN: rm -rf %t && mkdir %t
// RUN: tinyts-opt %s --split-tensors --emit-c --ram 1452 --name=net -o %t/least/
// RUN: filecheck %s --check-prefix=LEAST --input-file %t/least/net_report.json
// LEAST: "arena_bytes": 384,
// LEAST: "context_bytes": 44,
// LEAST: "steps": 99,

// With more, bands are higher.
// RUN: tinyts-opt %s --emit-c --ram 1M --name=net -o %t/much/
// RUN: filecheck %s --check-prefix=MUCH --input-file %t/much/net_report.json
// MUCH: "steps": 29,

// With less, no plan; what is there stays as it is. A long name is shortened.
// RUN: echo mine > %t/model.c
// RUN: %exits 3 tinyts-opt %s --split-tensors --emit-c --ram 1451 -o %t/model.c 2>&1 | filecheck %s --check-prefix=NOTHING
// RUN: filecheck %s --check-prefix=STAYS --input-file %t/model.c
// NOTHING: tinyts-opt: error: --ram: this model does not fit into 1451 bytes: it needs at least 1452 bytes (arena 384, context 44, stack at most 1024).
// NOTHING-SAME: Layer 'a/very/long/name/of/the/kind/that/file.../names/of/all/that/it/has/fused;conv2d' blocks: 384 bytes live while it runs. The smallest that works: --ram 1452
// STAYS: mine

// RUN: %exits 1 tinyts-opt %s --split-tensors --emit-c --ram many 2>&1 | filecheck %s --check-prefix=NUMBER
// NUMBER: tinyts-opt: error: --ram: expected a number of bytes such as 65536, 64K or 1M, got 'many'
// RUN: %exits 1 tinyts-opt %s --emit-c --ram 64K --check-passes 2>&1 | filecheck %s --check-prefix=CHECKED
// CHECKED: tinyts-opt: error: --check-passes and --ram exclude each other: within a budget several plans are compiled
// RUN: %exits 1 tinyts-opt %s --split-tensors --ram 64K 2>&1 | filecheck %s --check-prefix=ALONE
// ALONE: tinyts-opt: error: --ram: expected --emit-c as well: only a complete plan can be counted

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.015625>
#layer = loc("a/very/long/name/of/the/kind/that/files/have/when/a/converter/joins/the/names/of/all/that/it/has/fused;conv2d")
func.func @main(%x: tensor<1x24x8x8x!q>) -> tensor<1x8x!q> {
  %w = tinyts.constant dense<1> : tensor<1x3x3x8xi8> as !w
  %v = tinyts.constant dense<1> : tensor<16x1x1x8xi8> as !w
  %f = tinyts.constant dense<1> : tensor<8x16xi8> as !w
  %a = tinyts.depthwise_conv_2d %x, %w {padding = [1, 1, 1, 1]} : tensor<1x24x8x8x!q>
  %b = tinyts.conv_2d %a, %v : tensor<1x24x8x16x!q> loc(#layer)
  %c = tinyts.average_pool_2d %b {window = [24, 8]} : tensor<1x1x1x16x!q>
  %d = tinyts.fully_connected %c, %f : tensor<1x8x!q>
  func.return %d : tensor<1x8x!q>
}
