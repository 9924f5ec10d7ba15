/* The MLPerf Tiny device: a model behind a serial line, driven by text commands. docs/boards.md has the commands.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_DEVICE_H
#define TINYTS_DEVICE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Serves commands; returns only where the serial line ends. */
void tinyts_device_run(void);

#ifdef __cplusplus
}
#endif

#endif
