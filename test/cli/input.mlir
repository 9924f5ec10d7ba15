// --input says where the model's input lives. It stands for an option of a pass, which it adds in its place.

// RUN: tinyts-opt %s --split-tensors --input external | filecheck %s --check-prefix=EXTERNAL
// RUN: tinyts-opt %s --input=external --receive-inputs --split-tensors | filecheck %s --check-prefix=EXTERNAL
// RUN: tinyts-opt %s --input=external -p receive-inputs,split-tensors | filecheck %s --check-prefix=EXTERNAL
// RUN: tinyts-opt --input arena %s --split-tensors | filecheck %s --check-prefix=ARENA
// RUN: tinyts-opt %s --split-tensors --schedule-bands=order=depth-first --input=arena | filecheck %s --check-prefix=ARENA
// RUN: tinyts-opt %s --input stream --split-tensors | filecheck %s --check-prefix=STREAM
// RUN: tinyts-opt %s --split-tensors --schedule-bands | filecheck %s --check-prefix=STREAM

// EXTERNAL: tinyts.external_input %x
// EXTERNAL-NOT: tinyts.receive
// ARENA: tinyts.receive {{.*}}<0:1 of 2>>
// ARENA-NEXT: tinyts.receive {{.*}}<1:2 of 2>>
// ARENA-NEXT: tinyts.leaky_relu
// STREAM: tinyts.receive {{.*}}<0:1 of 2>>
// STREAM-NEXT: tinyts.leaky_relu {{.*}}<0:1 of 2>>
// STREAM-NEXT: tinyts.receive {{.*}}<1:2 of 2>>

// The report and the header name it. The output has one place, 8 bytes; so have rows on their way there.
// RUN: rm -rf %t && tinyts-opt %s --split-tensors --emit-c --input stream --name=net -o %t/stream/
// RUN: filecheck %s --check-prefix=STREAM-REPORT --input-file %t/stream/net_report.json
// RUN: filecheck %s --check-prefix=RECEIVED --input-file %t/stream/net.h
// RUN: tinyts-opt %s --split-tensors --emit-c --input arena --name=net -o %t/arena/
// RUN: filecheck %s --check-prefix=ARENA-REPORT --input-file %t/arena/net_report.json
// RUN: filecheck %s --check-prefix=RECEIVED --input-file %t/arena/net.h
// RUN: tinyts-opt %s --split-tensors --emit-c --input external --name=net -o %t/external/
// RUN: filecheck %s --check-prefix=EXTERNAL-REPORT --input-file %t/external/net_report.json
// RUN: filecheck %s --check-prefix=EXTERNAL-HEADER --input-file %t/external/net.h

// STREAM-REPORT: "input": {
// STREAM-REPORT-NEXT: "mode": "stream",
// STREAM-REPORT-NEXT: "bytes": 8,
// STREAM-REPORT-NEXT: "counted_in_arena": true
// ARENA-REPORT: "mode": "arena",
// ARENA-REPORT-NEXT: "bytes": 8,
// ARENA-REPORT-NEXT: "counted_in_arena": true
// EXTERNAL-REPORT: "mode": "external",
// EXTERNAL-REPORT-NEXT: "bytes": 8,
// EXTERNAL-REPORT-NEXT: "counted_in_arena": false

// RECEIVED: #define NET_INPUT_ROWS 2u
// RECEIVED: #define NET_INPUT_EXTERNAL 0
// RECEIVED: tinyts_status net_feed(
// EXTERNAL-HEADER-NOT: NET_INPUT_ROW
// EXTERNAL-HEADER: #define NET_INPUT_EXTERNAL 1
// EXTERNAL-HEADER-NOT: net_feed

// A budget counts what is in the arena.
// RUN: tinyts-opt %s --emit-c --ram 8K --input external --name=net | filecheck %s --check-prefix=EXTERNAL-HEADER

// RUN: %exits 1 tinyts-opt %s --input flash 2>&1 | filecheck %s --check-prefix=CHOICE
// CHOICE: tinyts-opt: error: --input: expected stream, arena, external, got 'flash'
// RUN: %exits 2 tinyts-opt %s --input 2>&1 | filecheck %s --check-prefix=NOTHING
// NOTHING: tinyts-opt: error: argument --input: expected one argument
// RUN: %exits 1 tinyts-opt %s --input stream --schedule-bands=input=arena 2>&1 | filecheck %s --check-prefix=TWICE
// RUN: %exits 1 tinyts-opt %s --input stream --split-tensors -p 'schedule-bands{order=auto input=stream}' 2>&1 | filecheck %s --check-prefix=TWICE
// TWICE: tinyts-opt: error: --input stream and the option input of --schedule-bands exclude each other
// RUN: %exits 1 tinyts-opt %s --input=arena --receive-inputs=input=external 2>&1 | filecheck %s --check-prefix=OTHER
// OTHER: tinyts-opt: error: --input arena and the option input of --receive-inputs exclude each other
// RUN: %exits 1 tinyts-opt %s --input external --split-tensors --receive-inputs 2>&1 | filecheck %s --check-prefix=LATE
// LATE: tinyts-opt: error: receive-inputs: expected whole inputs to read in place, got rows

!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x2x4x1x!q>) -> tensor<1x2x4x1x!q> {
  %y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x2x4x1x!q>
  func.return %y : tensor<1x2x4x1x!q>
}
