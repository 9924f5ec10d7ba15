# A Cortex-M55 with Helium and floating point, instead of the Cortex-M7 of the other boards.
set(CHIP_FLAGS -mcpu=cortex-m55 -mthumb -mfloat-abi=hard -mfpu=auto)
