# GCC for a Cortex-M7 with double-precision floating point, or for the chip that the board's chip.cmake names, without an
# operating system.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex-m)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_OBJCOPY arm-none-eabi-objcopy)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
# No CMAKE_C_FLAGS_INIT: it would be lost where CMAKE_C_FLAGS is set.
set(CHIP_FLAGS -mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16)
# Checks of the compiler, which know nothing of BOARD, are of the Cortex-M7.
include(${CMAKE_CURRENT_LIST_DIR}/../${BOARD}/chip.cmake OPTIONAL)
add_compile_options(${CHIP_FLAGS} -ffunction-sections -fdata-sections)
add_link_options(${CHIP_FLAGS})
set(CMAKE_C_FLAGS_RELEASE_INIT "-O3 -DNDEBUG")
