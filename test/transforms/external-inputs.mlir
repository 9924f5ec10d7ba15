// An input that is read in place, through all passes behind receive-inputs.

// RUN: tinyts-opt %s --receive-inputs=input=external --split-tensors | filecheck %s --check-prefix=SPLIT
// RUN: tinyts-opt %s --receive-inputs=input=external --split-tensors --schedule-bands --plan-arena --verify-plan | filecheck %s --check-prefix=PLAN
// RUN: tinyts-opt %s --receive-inputs=input=external --split-tensors --schedule-bands --plan-arena --lower-to-runtime | filecheck %s --check-prefix=LOWER
// RUN: tinyts-opt %s --input external --emit-c --check-passes --split-tensors | filecheck %s --check-prefix=C
// RUN: tinyts-opt %s --input external --emit-c --check-passes | filecheck %s --check-prefix=C
// RUN: tinyts-opt %s --input external --emit-c --check-passes --split-tensors=rows=2 --schedule-bands=order=breadth-first | filecheck %s --check-prefix=C

// It is never cut: a band reads its rows of the whole, and no join puts it together again.
// SPLIT: %[[X:.*]] = tinyts.external_input %x : tensor<1x4x2x2x!quant.uniform<i8:f32, 0.5:-1>>
// SPLIT-NOT: tinyts.receive
// SPLIT-NOT: tinyts.join [%[[X]]
// SPLIT: tinyts.conv_2d %[[X]], %w {{.*}}<0:1 of 4>>
// SPLIT: tinyts.conv_2d %[[X]], %w {{.*}}<1:2 of 4>>
// SPLIT: tinyts.add %{{\w+}}, %[[X]] : {{.*}}<0:1 of 4>>
// SPLIT: tinyts.fully_connected %{{\w+}}, %f

// Rows of 4 bytes come from the convolution, and the additions write where the result wants their rows: over the input
// nothing may write.
// PLAN: tinyts.arena_bytes = 32
// PLAN: tinyts.external_input %x : tensor<1x4x2x2x
// PLAN: tinyts.conv_2d %{{\w+}}, %w
// PLAN: tinyts.add %{{.*}} {offsets = [[[AT:\d+]]]} {{.*}}<0:1 of 4>>
// PLAN: tinyts.join {{.*}} {offsets = [[[AT]]]}

// LOWER: %[[X:.*]] = tinyrt.tensor {rows = 4, band_rows = 4, row_bytes = 4, offsets = [], external = 0}
// LOWER: %[[FLAT:.*]] = tinyrt.tensor {rows = 1, band_rows = 1, row_bytes = 16, offsets = [], external = 0}
// LOWER-NOT: tinyrt.receive
// LOWER: tinyrt.layer %[[X]] to
// LOWER: tinyrt.layer [%{{\w+}}, %[[X]]] to
// LOWER: tinyrt.layer %[[FLAT]] to
// LOWER: tinyrt.interface %[[X]] to

// C-NOT: INPUT_ROWS
// C: #define EXTERNAL_INPUTS_INPUT_EXTERNAL 1
// C: tinyts_status external_inputs_invoke(external_inputs_context *context, const int8_t *input,
// C-NOT: external_inputs_feed
// C: TINYTS_EXTERNAL}, /* 0:
// C: .external_inputs = 1u,
// C-NOT: external_inputs_feed

!q = !quant.uniform<i8:f32, 0.5:-1>
!w = !quant.uniform<i8:f32, 0.125>
func.func @main(%x: tensor<1x4x2x2x!q>) -> (tensor<1x4x2x2x!q>, tensor<1x2x!q>) {
  %w = tinyts.constant dense<1> : tensor<2x3x3x2xi8> as !w
  %f = tinyts.constant dense<2> : tensor<2x16xi8> as !w
  %y = tinyts.conv_2d %x, %w {padding = [1, 1, 1, 1]} : tensor<1x4x2x2x!q>
  %z = tinyts.add %y, %x : tensor<1x4x2x2x!q>
  %v = tinyts.fully_connected %x, %f : tensor<1x2x!q>
  func.return %z, %v : tensor<1x4x2x2x!q>, tensor<1x2x!q>
}
