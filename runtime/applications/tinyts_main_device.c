/* SPDX-License-Identifier: Apache-2.0 */
#include "tinyts_device.h"

int main(void) {
  tinyts_device_run();
  return 0;
}
