/* As an SDK has one: mbed.h must find this, whatever lies in an application's folders.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MBED_STUB_DEVICE_H
#define MBED_STUB_DEVICE_H

#define MBED_STUB_HAS_DEVICE 1

#endif
