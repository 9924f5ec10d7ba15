/* The streaming application: rows arrive one at a time and go straight into the model.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_STREAMING_H
#define TINYTS_STREAMING_H

#ifdef __cplusplus
extern "C" {
#endif

/* Runs one inference after the other; returns only where the rows end. */
void tinyts_streaming_run(void);

#ifdef __cplusplus
}
#endif

#endif
