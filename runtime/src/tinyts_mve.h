/* What the kernels' forms for Helium (MVE, vectors of 16 bytes) share: from sums to bytes. Only to be included where
 * TINYTS_MVE is defined.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_MVE_H
#define TINYTS_MVE_H

#include <arm_mve.h>

/* Loops over a fixed number of pixels are unrolled only where they are inlined. */
#define TINYTS_MVE_INLINE static inline __attribute__((always_inline))

/* The second rounding of the reference, ties away from zero: values / 2^(-minus_shifts). VRSHL moves ties up, so what is
 * negative is one less before it. No value is INT32_MIN. */
TINYTS_MVE_INLINE int32x4_t tinyts_mve_divide(int32x4_t values, int32x4_t minus_shifts) {
  return vrshlq_s32(vaddq_s32(values, vshrq_n_s32(values, 31)), minus_shifts);
}

#endif
