/* Functions that are nothing but assembly: they have all registers, whatever the compiler and its options.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_NAKED_H
#define TINYTS_NAKED_H

/* The compiler must not look into them for the registers that they leave alone: it would see no code. */
#if defined(__clang__)
#define TINYTS_NAKED __attribute__((naked, noinline))
#else
#define TINYTS_NAKED __attribute__((naked, noipa))
#endif

#endif
