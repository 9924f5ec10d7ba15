/* SPDX-License-Identifier: Apache-2.0 */
#include "tinyts_streaming.h"

int main(void) {
  tinyts_streaming_run();
  return 0;
}
