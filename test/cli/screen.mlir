// The first screen behind a compile to a folder, as text and as JSON; -q says nothing; --chip and --fits say where it fits.
// RUN: rm -rf %t && mkdir %t
// RUN: tinyts-opt %s --split-tensors --emit-c --name=net -o %t/net/ | filecheck %s
// CHECK: net: {{[0-9,]+}} bytes of SRAM, {{[0-9.]+}} times less than unsplit ({{[0-9,]+}})
// CHECK-NEXT: SRAM {{ *[0-9,]+}} bytes, exact; the stack's bound holds on all emulated cores
// CHECK-NEXT:   arena {{ *[0-9,]+}} exact
// CHECK: activations when fullest {{ *[0-9,]+}} exact
// CHECK:   context {{ *[0-9,]+}} exact
// CHECK-NEXT:   stack, at most {{ *}}1,024 measured
// CHECK-NEXT: flash {{ *[0-9,]+}} bytes, estimated; tinyts-run --target cortex-m7 measures
// CHECK:   code {{ *[0-9,]+}} estimated
// CHECK-NEXT: fullest while tinyts.{{[a-z_0-9]+}} runs
// CHECK-NEXT: about {{[0-9,]+}} instructions on a Cortex-M7 (estimated)
// CHECK-NEXT: most of them in {{.*}}%
// CHECK: next: cmake -S {{.*}}/net/ -B build && cmake --build build

// Of another core: its name, and what it takes.
// RUN: tinyts-opt %s --split-tensors --emit-c --name=net --target rv32imac -o %t/riscv/ | filecheck %s --check-prefix=CORE
// CORE: flash {{ *[0-9,]+}} bytes, estimated; tinyts-run --target rv32imac measures
// CORE: about {{[0-9,]+}} instructions on a RISC-V RV32IMAC (estimated)

// Whole maps: what splitting would save.
// RUN: tinyts-opt %s --emit-c --name=net -o %t/whole/ | filecheck %s --check-prefix=WHOLE
// WHOLE: Maps are whole: with --split-tensors the arena takes {{[0-9,]+}} bytes (estimated).

// RUN: tinyts-opt %s --split-tensors --emit-c --name=net --ram 8K --json -o %t/json/ | filecheck %s --check-prefix=JSON
// JSON: "format": "tinyts-opt",
// JSON-NEXT: "version": 1,
// JSON-NEXT: "name": "net",
// JSON-NEXT: "fits": true,
// JSON: "budget_bytes": 8192,

// RUN: tinyts-opt %s --split-tensors --emit-c --name=net -q -o %t/quiet/ > %t/quiet.txt
// RUN: test ! -s %t/quiet.txt
// RUN: test -f %t/quiet/net.h
// C itself on standard output stays C.
// RUN: tinyts-opt %s --split-tensors --emit-c --name=net | filecheck %s --check-prefix=C
// C: /* net
// C-NOT: bytes of SRAM

// RUN: tinyts-opt %s --split-tensors --emit-c --name=net --chip stm32f103 -o %t/chip/ | filecheck %s --check-prefix=CHIP
// CHIP: net: fits stm32f103 (Cortex-M3, 72 MHz, 20 KB of RAM, 64 KB of flash): {{[0-9,]+}} bytes of SRAM
// Of a chip whose flash is known there is an estimate of time; nothing is claimed of others, or without a chip.
// RUN: tinyts-opt %s --split-tensors --emit-c --name=net --chip stm32f446 -o %t/time/ | filecheck %s --check-prefix=TIME
// TIME: about {{[0-9,]+}} cycles, {{[0-9.]+}} ms on stm32f446 at 180 MHz (estimated, with {{[0-9,]+}} lines of flash at 5 cycles)
// RUN: tinyts-opt %s --split-tensors --emit-c --name=net --chip rp2350 -o %t/untimed/ | filecheck %s --check-prefix=UNTIMED
// UNTIMED: no estimate of cycles for rp2350
// RUN: tinyts-opt %s --split-tensors --emit-c --name=net --json -o %t/none/ | filecheck %s --check-prefix=NOTIME
// NOTIME: "cycles_estimated": null

// Where the plan as asked for is too large, the chip's RAM is the budget.
// RUN: tinyts-opt %s --emit-c --name=net --chip stm32f103 --json -o %t/small/ | filecheck %s --check-prefix=SMALL
// SMALL: "fits": true,
// SMALL: "budget_bytes": 20480,
// RUN: filecheck %s --check-prefix=OPTIONS --input-file %t/small/net.h
// OPTIONS: Options: --ram=20480
// RUN: %exits 1 tinyts-opt %s --split-tensors --chip stm32f103 2>&1 | filecheck %s --check-prefix=ALONE
// ALONE: tinyts-opt: error: --chip: expected --emit-c as well: only a complete plan can be counted
// RUN: %exits 1 tinyts-opt %s --emit-c --chip stm32f1O3 2>&1 | filecheck %s --check-prefix=NOCHIP
// NOCHIP: tinyts-opt: error: --chip: expected one of apollo3, {{.*}}, got 'stm32f1O3'; did you mean stm32f103?

// RUN: tinyts-opt --fits %s | filecheck %s --check-prefix=FITS
// FITS: screen.mlir: all figures estimated
// FITS-NEXT: bytes of SRAM in bands of rows (--split-tensors)
// FITS-NEXT: bytes of SRAM as whole maps
// FITS: 16 KB  in bands of rows (--split-tensors)
// FITS: 64 KB  as whole maps
// RUN: tinyts-opt --fits %s --json --chip stm32f103 | filecheck %s --check-prefix=FITSJSON
// FITSJSON: "format": "tinyts-opt --fits",
// FITSJSON: "certainty": "estimated",
// FITSJSON: "fits": true

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.015625>
func.func @main(%x: tensor<1x48x32x8x!q>) -> tensor<1x8x!q> {
  %w = tinyts.constant dense<1> : tensor<1x3x3x8xi8> as !w
  %v = tinyts.constant dense<1> : tensor<16x1x1x8xi8> as !w
  %f = tinyts.constant dense<1> : tensor<8x16xi8> as !w
  %a = tinyts.depthwise_conv_2d %x, %w {padding = [1, 1, 1, 1]} : tensor<1x48x32x8x!q>
  %b = tinyts.conv_2d %a, %v : tensor<1x48x32x16x!q>
  %c = tinyts.average_pool_2d %b {window = [48, 32]} : tensor<1x1x1x16x!q>
  %d = tinyts.fully_connected %c, %f : tensor<1x8x!q>
  func.return %d : tensor<1x8x!q>
}
