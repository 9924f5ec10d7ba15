#include "depthwise_window.h"
static void tinyts_convolve_windows(const tinyts_depthwise_conv_2d_parameters *p, const int8_t *const *input_rows,
                                    int8_t *output);
static void tinyts_convolve_tiles(const tinyts_depthwise_conv_2d_parameters *p, const int8_t *const *input_rows,
                                  int8_t *const *output_rows, int32_t row_count, int32_t *scratch) {
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
        tinyts_convolve_windows(p, input_rows + r * p->row_stride, output_rows[r]);
      }
}
