/* Sums of two bytes in one step with Helium, four elements at a time. Only to be included where TINYTS_MVE is defined.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_AFFINE_ADD_MVE_H
#define TINYTS_AFFINE_ADD_MVE_H

#include "tinyts_mve.h"
#include "tinyts/tinyts_kernels.h"

/* The parameters in registers: what is stored could otherwise change them. */
typedef struct {
  int32x4_t first_factor, minimum, maximum;
  int32_t second_factor, offset, minus_shift;
} tinyts_affine_add_mve;

TINYTS_MVE_INLINE int32x4_t tinyts_affine_add_four(const tinyts_affine_add_mve *c, int32x4_t first, int32x4_t second) {
  const int32x4_t sums = vmlaq_n_s32(vmlasq_n_s32(first, c->first_factor, c->offset), second, c->second_factor);
  return vminq_s32(vmaxq_s32(vshlq_r_s32(sums, c->minus_shift), c->minimum), c->maximum);
}

/* One row. Each four elements are loaded before they are stored: a row may lie on an operand's. */
TINYTS_NOINLINE static void tinyts_affine_add_row_mve(const tinyts_affine_add_parameters *p, const int8_t *first,
                                                      const int8_t *second, int8_t *output) {
  const tinyts_affine_add_mve c = {
      vdupq_n_s32(p->factors[0]), vdupq_n_s32(p->output_minimum), vdupq_n_s32(p->output_maximum), p->factors[1],
      p->offset, -(int32_t)p->right_shift};
  const uint32_t rest = p->row_elements % 4;
  for (uint32_t whole = p->row_elements / 4; whole != 0; --whole, first += 4, second += 4, output += 4) {
    vstrbq_s32(output, tinyts_affine_add_four(&c, vldrbq_s32(first), vldrbq_s32(second)));
  }
  if (rest != 0) {
    const mve_pred16_t lanes = vctp32q(rest);
    vstrbq_p_s32(output, tinyts_affine_add_four(&c, vldrbq_z_s32(first, lanes), vldrbq_z_s32(second, lanes)), lanes);
  }
}

#endif
