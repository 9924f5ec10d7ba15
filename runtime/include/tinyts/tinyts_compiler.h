/* What compilers have besides C: others than GCC and Clang take the portable path.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_COMPILER_H
#define TINYTS_COMPILER_H

/* The ARMv7E-M DSP instructions, written in GNU assembly and with the intrinsics of arm_acle.h. */
#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__)
#define TINYTS_DSP 1
#endif

/* Helium, the vectors of Armv8.1-M, with the intrinsics of arm_mve.h; vectors are read as their bytes lie. */
#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && !defined(__ARM_BIG_ENDIAN)
#define TINYTS_MVE 1
#endif

/* Armv6-M and Armv8-M Baseline have no multiplication to 64 bits: the compiler calls a function for it. */
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
#define TINYTS_NO_LONG_MULTIPLICATION 1
#if defined(__GNUC__)
#define TINYTS_ARMV6M 1 /* its instructions, in GNU assembly */
#endif
#endif

/* For a type through which variables of other types are read. */
#if defined(__GNUC__)
#define TINYTS_MAY_ALIAS __attribute__((may_alias))
#else
#define TINYTS_MAY_ALIAS
#endif

/* What is seldom wanted is a function of its own, so that what always runs keeps its registers. */
#if defined(__GNUC__)
#define TINYTS_NOINLINE __attribute__((noinline))
#else
#define TINYTS_NOINLINE
#endif

/* What is only fast where its parameters are constants. */
#if defined(__GNUC__)
#define TINYTS_ALWAYS_INLINE inline __attribute__((always_inline))
#elif defined(_MSC_VER)
#define TINYTS_ALWAYS_INLINE __forceinline
#else
#define TINYTS_ALWAYS_INLINE inline
#endif

/* What must hold for the file to compile, in C and in C++. */
#if defined(__cplusplus)
#define TINYTS_STATIC_ASSERT static_assert
#else
#define TINYTS_STATIC_ASSERT _Static_assert
#endif

#endif
