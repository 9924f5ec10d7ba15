# Comes before project().
if(DEFINED PROJECT_NAME)
  message(FATAL_ERROR "mbed_toolchain_setup: included behind project()")
endif()
if(NOT DEFINED MBED_TARGET OR NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${MBED_APP_JSON_PATH})
  message(FATAL_ERROR "mbed_toolchain_setup: MBED_TARGET or the file of MBED_APP_JSON_PATH is missing")
endif()
list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
